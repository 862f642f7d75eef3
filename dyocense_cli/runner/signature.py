"""Sign a run's manifest and check the signature: a DSSE envelope over the in-toto statement.

The key is a file: an Ed25519 private key in PEM signs for anyone who has the public key; any other content of at least 16 bytes is a
shared secret of an HMAC-SHA256. Envelope and pre-authentication encoding: Dead Simple Signing Envelope, version 1.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Final

from dyocense_cli.errors import MissingExtraError, StoreError, UsageError

__all__ = ["CHECKSUM", "ENVELOPE", "checksum_line", "envelope", "verify_envelope"]

#: Beside the manifest in every run: its SHA-256, in the form that ``sha256sum -c`` reads.
CHECKSUM: Final = "manifest.json.sha256"
#: Beside the manifest of a signed run.
ENVELOPE: Final = "manifest.sig.json"

_TYPE: Final = "application/vnd.in-toto+json"


def checksum_line(manifest: bytes) -> bytes:
    """Return the checksum file of a manifest."""
    return f"{hashlib.sha256(manifest).hexdigest()}  manifest.json\n".encode()


def _encoded(payload: bytes) -> bytes:
    return b"DSSEv1 %d %s %d %s" % (len(_TYPE), _TYPE.encode(), len(payload), payload)


def envelope(manifest: bytes, key_file: str) -> bytes:
    """Return the signed envelope of a manifest.

    Raises
    ------
    UsageError
        DY1071 if the key file cannot be read or is no key.
    MissingExtraError
        DY4001 if an Ed25519 key is given and `cryptography` is not installed.
    """
    key = _read(key_file)
    if b"PRIVATE KEY" in key:
        scheme, (signature, identity) = "ed25519", _ed25519_sign(key, _encoded(manifest))
    else:
        scheme, signature = "hmac-sha256", hmac.new(key, _encoded(manifest), hashlib.sha256).digest()
        identity = hashlib.sha256(b"dyocense key " + key).hexdigest()[:16]
    signed = {
        "payloadType": _TYPE,
        "payload": base64.b64encode(manifest).decode(),
        "signatures": [{"keyid": f"{scheme}:{identity}", "sig": base64.b64encode(signature).decode()}],
    }
    return json.dumps(signed, indent=1).encode() + b"\n"


def verify_envelope(data: bytes, manifest: bytes, key_file: str) -> str:
    """Return the id of the key that signed the manifest; `key_file` holds the secret, the private or the public key.

    Raises
    ------
    StoreError
        DY5012 if the envelope is of another manifest, of another key, or altered.
    """
    key = _read(key_file)
    try:
        signed = json.loads(data)
        payload = base64.b64decode(signed["payload"], validate=True)
        first = signed["signatures"][0]
        keyid, signature = str(first["keyid"]), base64.b64decode(first["sig"], validate=True)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise StoreError(
            "DY5012", "the manifest's signature cannot be read", hints="fetch the run again from where it was signed"
        ) from error
    if payload != manifest or signed.get("payloadType") != _TYPE:
        raise StoreError("DY5012", "the signature is of another manifest", hints="fetch the run again from where it was signed")
    if keyid.startswith("hmac-sha256:"):
        good = hmac.compare_digest(signature, hmac.new(key, _encoded(manifest), hashlib.sha256).digest())
    else:
        good = _ed25519_good(key, signature, _encoded(manifest))
    if not good:
        raise StoreError("DY5012", f"the manifest's signature by {keyid} does not hold under this key", hints="check the key, then the run")
    return keyid


def _read(key_file: str) -> bytes:
    try:
        key = Path(key_file).read_bytes().strip()
    except OSError as error:
        raise UsageError("DY1071", f"signing key `{key_file}` cannot be read", hints="give the path of a key file") from error
    if len(key) < 16:
        raise UsageError("DY1071", f"signing key `{key_file}` is shorter than 16 bytes", hints="openssl rand -hex 32 > signing.key")
    return key


def _ed25519_sign(pem: bytes, message: bytes) -> tuple[bytes, str]:
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
    except ModuleNotFoundError as error:
        raise MissingExtraError("DY4001", "an Ed25519 key needs cryptography", hints="pip install 'dyocense-cli[sign]'") from error
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError("DY1071", "the signing key is not an Ed25519 key", hints="openssl genpkey -algorithm ed25519 -out signing.key")
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return key.sign(message), hashlib.sha256(public).hexdigest()[:16]


def _ed25519_good(pem: bytes, signature: bytes, message: bytes) -> bool:
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
    except ModuleNotFoundError as error:
        raise MissingExtraError("DY4001", "an Ed25519 key needs cryptography", hints="pip install 'dyocense-cli[sign]'") from error
    try:
        key = load_pem_private_key(pem, password=None) if b"PRIVATE KEY" in pem else load_pem_public_key(pem)
        public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
        if not isinstance(public, Ed25519PublicKey):
            return False
        public.verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
