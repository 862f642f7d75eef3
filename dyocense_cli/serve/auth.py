"""Who asks: bearer tokens of one configured algorithm, nothing else."""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from dyocense_cli.errors import AccessError, UnavailableError, UsageError
from dyocense_cli.kernel.tenancy.tiers import tier as tier_named
from dyocense_cli.serve.config import ServeConfig

__all__ = ["SCOPE", "Caller", "Verifier", "mint"]

SCOPE: Final = "kernel.run"
_ALGORITHMS: Final = {"HS256": "oct", "RS256": "RSA", "ES256": "EC"}
_TENANT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_LONGEST_H: Final = 366 * 24
_REFRESH_S: Final = 300.0
#: Keys from an address are not asked for more often, whatever tokens come.
_AGAIN_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified token's claims."""

    tenant_id: str
    tier: str
    subject: str
    scopes: frozenset[str]


def _refuse(what: str) -> AccessError:
    return AccessError("DY3101", what, hints="send `Authorization: Bearer TOKEN`; `dyocense serve token` mints one", http_status=401)


class Verifier:
    """Verifies tokens with the configured algorithm's key type only, so that a public key is never taken for an HMAC secret.

    Raises
    ------
    UsageError
        DY3101 for an algorithm that is not offered, or keys that do not fit it.
    """

    def __init__(self, config: ServeConfig) -> None:
        if config.jwt_algorithm not in _ALGORITHMS:
            raise UsageError("DY3101", f"token algorithm `{config.jwt_algorithm}` is not offered", hints="use HS256, RS256 or ES256")
        self._config = config
        self._lock = threading.Lock()
        self._read_at = 0.0
        self._keys = KeySet([])
        self._registry = jwt.JWTClaimsRegistry(
            now=lambda: int(time.time()),
            leeway=config.jwt_leeway_s,
            exp={"essential": True},
            aud={"essential": True, "value": config.jwt_audience},
            tenant_id={"essential": True},
            tier={"essential": True},
            **({"iss": {"essential": True, "value": config.jwt_issuer}} if config.jwt_issuer else {}),  # type: ignore[arg-type]  # claims by name
        )
        if not self._is_url:
            self._keys = self._read()

    @property
    def _is_url(self) -> bool:
        return self._config.jwt_keys.startswith(("http://", "https://"))

    def _read(self) -> KeySet:
        kind = _ALGORITHMS[self._config.jwt_algorithm]
        if kind == "oct":
            if len(self._config.jwt_secret) < 32:
                raise UsageError("DY3101", "the HS256 secret is shorter than 32 characters", hints="leave it empty to have one made")
            return KeySet([OctKey.import_key(self._config.jwt_secret)])
        if self._is_url:
            text = _fetch(self._config.jwt_keys)
        else:
            try:
                text = (self._config.project / self._config.jwt_keys).read_text("utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise UsageError("DY3101", f"the key file cannot be read: {error}", hints="set jwt_keys to a PEM or JWKS file") from error
        keys = _parse(text, kind)
        if not keys.keys:
            raise UsageError("DY3101", f"no key fits {self._config.jwt_algorithm}", hints=f"give keys of type {kind}")
        return keys

    def _current(self, *, fresh: bool = False) -> KeySet:
        if not self._is_url:
            return self._keys
        with self._lock:
            age = time.monotonic() - self._read_at
            if not self._keys.keys or age > _REFRESH_S or (fresh and age > _AGAIN_S):
                try:
                    self._keys = self._read()
                    self._read_at = time.monotonic()
                except (UnavailableError, UsageError):
                    if not self._keys.keys:
                        raise
                    self._read_at = time.monotonic() - _REFRESH_S + _AGAIN_S  # known keys hold on; ask again soon
            return self._keys

    def verify(self, header: str | None) -> Caller:
        """Return the caller of an Authorization header.

        Raises
        ------
        AccessError
            DY3101 (HTTP 401) for a missing, forged, expired or foreign token.
        """
        scheme, _, token = (header or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _refuse("a bearer token is needed")
        claims = self._claims(token.strip())
        tenant, tier = claims.get("tenant_id"), claims.get("tier")
        if not isinstance(tenant, str) or not _TENANT.fullmatch(tenant):
            raise _refuse("the token's tenant_id is not a name of letters, digits, `_`, `.` and `-`")
        if tier not in ("free", "standard", "pro", "enterprise"):
            raise _refuse("the token's tier is not known")
        scopes = claims.get("scope", "")
        listed = scopes.split() if isinstance(scopes, str) else [str(s) for s in scopes] if isinstance(scopes, list) else []
        return Caller(tenant, str(tier), str(claims.get("sub", tenant))[:200], frozenset(listed))

    def _claims(self, token: str) -> Mapping[str, Any]:
        for fresh in (False, True):  # a key that is not known may be new
            try:
                decoded = jwt.decode(token, self._current(fresh=fresh), algorithms=[self._config.jwt_algorithm])
                self._registry.validate(decoded.claims)
            except JoseError as error:
                if fresh or not self._is_url:
                    raise _refuse(f"the token is not valid: {error.error}") from error
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                raise _refuse("the token is not valid: malformed") from error
            else:
                return decoded.claims
        raise _refuse("the token is not valid")


def _fetch(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  # the operator's own setting, http or https
            return str(answer.read(1 << 20).decode("utf-8"))
    except (OSError, ValueError) as error:
        raise UnavailableError("DY3101", "the token keys cannot be fetched", why=str(error)[:200]) from error


def _parse(text: str, kind: str) -> KeySet:
    if text.lstrip().startswith("{"):
        try:
            document = json.loads(text)
            entries = document.get("keys", [document])
            usable = [k for k in entries if k.get("kty") == kind]
            return KeySet.import_key_set({"keys": usable}) if usable else KeySet([])
        except (ValueError, AttributeError, JoseError) as error:
            raise UsageError("DY3101", "the key file is not a JWKS", hints="give a PEM or a JWKS document") from error
    key = RSAKey.import_key(text) if kind == "RSA" else ECKey.import_key(text)
    return KeySet([key])


def mint(config: ServeConfig, *, tenant: str, tier: str, hours: float = 8.0, scope: str = SCOPE, subject: str = "local") -> str:
    """Return a token for local use, signed with the service's own HS256 secret.

    Raises
    ------
    UsageError
        DY3101 if the service verifies with public keys (whoever holds the private key mints), for a tenant that is no name or hours
        outside a year; DY3103 for a tier that there is not.
    """
    if config.jwt_algorithm != "HS256":
        raise UsageError("DY3101", f"tokens are signed with {config.jwt_algorithm} elsewhere", hints="use HS256 for local tokens")
    if not _TENANT.fullmatch(tenant):
        raise UsageError("DY3101", f"tenant `{tenant}` is not a name of letters, digits, `_`, `.` and `-`")
    tier_named(tier)
    if not 0 < hours <= _LONGEST_H:
        raise UsageError("DY3101", f"a token is good for more than 0 and at most {_LONGEST_H} hours, not {hours:g}", hints="--hours 8")
    now = int(time.time())
    claims = {
        "sub": subject,
        "aud": config.jwt_audience,
        "iat": now,
        "nbf": now,
        "exp": now + int(hours * 3600),
        "scope": scope,
        "tenant_id": tenant,
        "tier": tier,
        **({"iss": config.jwt_issuer} if config.jwt_issuer else {}),
    }
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(config.jwt_secret))
