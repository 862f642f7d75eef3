"""Tokens: only the configured algorithm, key type, audience and time pass."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from dyocense_cli.errors import AccessError, UnavailableError, UsageError
from dyocense_cli.serve.auth import Verifier, mint
from dyocense_cli.serve.config import ServeConfig, read_config

from .api import settings_for

SECRET = "s" * 48


def config(tmp_path: Path, **more: Any) -> ServeConfig:
    base = read_config(settings_for(tmp_path / "state", "sqlite://"))
    return replace(base, **{"jwt_secret": SECRET, **more})


def claims(**more: Any) -> dict[str, Any]:
    now = int(time.time())
    base = {"sub": "u", "aud": "dyocense", "exp": now + 600, "nbf": now, "tenant_id": "acme", "tier": "pro", "scope": "kernel.run"}
    return {k: v for k, v in {**base, **more}.items() if v is not None}


def sign(key: Any, body: dict[str, Any], alg: str = "HS256", **header: str) -> str:
    return "Bearer " + jwt.encode({"alg": alg, **header}, body, key, algorithms=[alg])


def test_a_minted_token_says_who_asks(tmp_path: Path) -> None:
    c = config(tmp_path)
    caller = Verifier(c).verify("Bearer " + mint(c, tenant="acme", tier="free"))
    assert (caller.tenant_id, caller.tier, caller.scopes) == ("acme", "free", frozenset({"kernel.run"}))


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"tier": "gold"}, "gold"),
        ({"hours": -1.0}, "more than 0"),
        ({"hours": float("nan")}, "more than 0"),
        ({"hours": 1e9}, "at most 8784"),
        ({"tenant": "a b"}, "not a name"),
    ],
)
def test_a_token_that_nobody_could_use_is_not_minted(tmp_path: Path, wrong: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        mint(config(tmp_path), **{"tenant": "acme", "tier": "pro", **wrong})


@pytest.mark.parametrize(
    "wrong",
    [
        {"exp": int(time.time()) - 3600},
        {"nbf": int(time.time()) + 3600},
        {"aud": "another"},
        {"aud": None},
        {"exp": None},
        {"tenant_id": None},
        {"tenant_id": "../acme"},
        {"tenant_id": "a" * 65},
        {"tenant_id": 7},
        {"tier": "gold"},
        {"tier": None},
    ],
)
def test_claims_that_do_not_hold_are_401(tmp_path: Path, wrong: dict[str, Any]) -> None:
    verifier = Verifier(config(tmp_path))
    with pytest.raises(AccessError, match="token") as caught:
        verifier.verify(sign(OctKey.import_key(SECRET), claims(**wrong)))
    assert (caught.value.http_status, caught.value.code) == (401, "DY3101")


def test_leeway_forgives_a_clock_that_is_a_little_off(tmp_path: Path) -> None:
    verifier = Verifier(config(tmp_path))
    assert verifier.verify(sign(OctKey.import_key(SECRET), claims(exp=int(time.time()) - 5))).tenant_id == "acme"


@pytest.mark.parametrize(
    "header", [None, "", "Basic abc", "Bearer", "Bearer ", "Bearer x", "Bearer a.b.c", "Bearer " + "A" * 5000, "Bearer ..", "Bearer {}.{}."]
)
def test_what_is_no_token_is_401(tmp_path: Path, header: str | None) -> None:
    with pytest.raises(AccessError) as caught:
        Verifier(config(tmp_path)).verify(header)
    assert caught.value.http_status == 401


def test_a_token_without_signature_is_refused(tmp_path: Path) -> None:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    for alg in ("none", "None", "NONE", ""):
        with pytest.raises(AccessError):
            Verifier(config(tmp_path)).verify(f"Bearer {part({'alg': alg})}.{part(claims())}.")


def test_a_forged_signature_is_refused(tmp_path: Path) -> None:
    verifier = Verifier(config(tmp_path))
    with pytest.raises(AccessError):
        verifier.verify(sign(OctKey.import_key("t" * 48), claims()))
    good = sign(OctKey.import_key(SECRET), claims())
    head, body, mark = good.split(".")
    other = sign(OctKey.import_key(SECRET), claims(tenant_id="evil")).split(".")[1]
    with pytest.raises(AccessError):
        verifier.verify(f"{head}.{other}.{mark}")
    assert verifier.verify(f"{head}.{body}.{mark}").tenant_id == "acme"


@pytest.mark.parametrize(("alg", "make"), [("RS256", lambda: RSAKey.generate_key(2048)), ("ES256", lambda: ECKey.generate_key("P-256"))])
def test_public_keys_verify_and_are_never_taken_for_a_secret(tmp_path: Path, alg: str, make: Any) -> None:
    key = make()
    pem = key.as_pem(private=False)
    (tmp_path / "key.pem").write_bytes(pem)
    verifier = Verifier(config(tmp_path, project=tmp_path, jwt_algorithm=alg, jwt_keys="key.pem"))
    assert verifier.verify(sign(key, claims(), alg)).tenant_id == "acme"
    head = base64.urlsafe_b64encode(b'{"alg":"HS256"}').rstrip(b"=").decode()
    body = base64.urlsafe_b64encode(json.dumps(claims()).encode()).rstrip(b"=").decode()
    mark = base64.urlsafe_b64encode(hmac.new(pem, f"{head}.{body}".encode(), hashlib.sha256).digest()).rstrip(b"=").decode()
    with pytest.raises(AccessError):  # key confusion: an HMAC over the public key
        verifier.verify(f"Bearer {head}.{body}.{mark}")
    with pytest.raises(AccessError):
        verifier.verify(sign(OctKey.import_key(SECRET), claims()))
    with pytest.raises(UsageError, match="elsewhere"):
        mint(config(tmp_path, jwt_algorithm=alg), tenant="acme", tier="pro")


def test_a_key_set_file_is_read_and_its_key_chosen_by_id(tmp_path: Path) -> None:
    keys = [RSAKey.generate_key(2048, {"kid": f"k{i}"}) for i in range(2)]
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [k.as_dict(private=False) for k in keys]}))
    verifier = Verifier(config(tmp_path, project=tmp_path, jwt_algorithm="RS256", jwt_keys="jwks.json"))
    assert verifier.verify(sign(keys[1], claims(), "RS256", kid="k1")).tenant_id == "acme"
    with pytest.raises(AccessError):
        verifier.verify(sign(RSAKey.generate_key(2048, {"kid": "k9"}), claims(), "RS256", kid="k9"))


@pytest.fixture
def key_server() -> Iterator[tuple[str, dict[str, Any]]]:
    served: dict[str, Any] = {"keys": []}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = json.dumps({"keys": served["keys"]}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/jwks", served
    server.shutdown()
    thread.join()
    server.server_close()


def test_keys_from_an_address_are_fetched_again_for_a_new_key(
    tmp_path: Path, key_server: tuple[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, served = key_server
    first, second = (ECKey.generate_key("P-256", {"kid": k}) for k in ("a", "b"))
    served["keys"] = [first.as_dict(private=False)]
    verifier = Verifier(config(tmp_path, jwt_algorithm="ES256", jwt_keys=url))
    assert verifier.verify(sign(first, claims(), "ES256", kid="a")).tenant_id == "acme"
    served["keys"] = [first.as_dict(private=False), second.as_dict(private=False)]
    verifier._read_at -= 10  # the set may be asked for again after five seconds
    assert verifier.verify(sign(second, claims(), "ES256", kid="b")).tenant_id == "acme"


def test_keys_that_are_known_hold_while_their_address_is_down_and_go_when_it_drops_them(
    tmp_path: Path, key_server: tuple[str, dict[str, Any]]
) -> None:
    url, served = key_server
    first, second = (RSAKey.generate_key(2048, {"kid": k}) for k in ("a", "b"))
    served["keys"] = [first.as_dict(private=False)]
    verifier = Verifier(config(tmp_path, jwt_algorithm="RS256", jwt_keys=url))
    token = sign(first, claims(), "RS256", kid="a")
    assert verifier.verify(token).tenant_id == "acme"
    served["keys"] = "not a key set"
    verifier._read_at -= 1000  # the set is old
    assert verifier.verify(token).tenant_id == "acme"
    served["keys"] = [second.as_dict(private=False)]
    verifier._read_at -= 1000
    assert verifier.verify(sign(second, claims(), "RS256", kid="b")).tenant_id == "acme"
    with pytest.raises(AccessError):  # rotated out
        verifier.verify(token)
    with pytest.raises(UnavailableError, match="cannot be fetched"):  # never known: nothing holds on
        Verifier(config(tmp_path, jwt_algorithm="RS256", jwt_keys="http://127.0.0.1:9/jwks")).verify(token)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"jwt_algorithm": "none"}, "not offered"),
        ({"jwt_algorithm": "HS512"}, "not offered"),
        ({"jwt_secret": "short"}, "shorter than 32"),
        ({"jwt_algorithm": "RS256", "jwt_keys": "absent.pem"}, "cannot be read"),
    ],
)
def test_wrong_settings_are_refused_at_the_start(tmp_path: Path, more: dict[str, str], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        Verifier(config(tmp_path, **more))


def test_the_made_secret_is_the_owners_alone(tmp_path: Path) -> None:
    made = read_config(settings_for(tmp_path / "state", "sqlite://"))
    again = read_config(settings_for(tmp_path / "state", "sqlite://"))
    assert made.jwt_secret == again.jwt_secret
    assert len(made.jwt_secret) >= 48
    assert (tmp_path / "state" / "secret").stat().st_mode & 0o077 == 0
