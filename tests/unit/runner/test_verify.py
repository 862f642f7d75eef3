"""One altered byte of a stored run is found and named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from dyocense_cli.adapters.blobs.runs_directory import DirectoryRuns
from dyocense_cli.errors import StoreError, UsageError
from dyocense_cli.runner.signature import ENVELOPE, envelope, verify_envelope
from dyocense_cli.runner.verify import require_whole, verify_run
from tests.recorded_run import store_run
from tests.synthetic_run import synthetic

RUN = "0001"


@pytest.fixture
def stored(tmp_path: Path) -> DirectoryRuns:
    runs = DirectoryRuns(str(tmp_path / "runs"))
    store_run(runs, RUN, synthetic(4))
    return runs


def _flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))


def test_a_whole_run_has_no_faults(stored: DirectoryRuns) -> None:
    assert verify_run(stored, RUN) == []
    require_whole(stored, RUN)


def test_a_flipped_byte_of_any_file_is_found_and_named(stored: DirectoryRuns) -> None:
    folder = Path(stored.place(RUN))
    for name in stored.names(RUN):
        path = folder / name
        before = path.read_bytes()
        for at in {0, len(before) // 2, len(before) - 1}:
            _flip(path, at)
            faults = verify_run(stored, RUN)
            named = "manifest.json" if name.startswith("manifest.json") else name
            assert any(f.name == named for f in faults), (name, at, faults)
            path.write_bytes(before)
    assert verify_run(stored, RUN) == []


def test_missing_and_foreign_files_are_named(stored: DirectoryRuns) -> None:
    folder = Path(stored.place(RUN))
    (folder / "plan.csv").unlink()
    (folder / "note.txt").write_text("hello")
    assert [str(f) for f in verify_run(stored, RUN)] == ["plan.csv: is missing", "note.txt: is not in the manifest"]
    with pytest.raises(StoreError, match=r"plan\.csv: is missing"):
        require_whole(stored, RUN)


def test_an_artifact_swapped_with_its_hash_is_found_by_its_stage(stored: DirectoryRuns) -> None:
    """A forger who rewrites a file, its hash, the snapshot hash and the checksum is caught by the stage's fingerprint."""
    from dyocense_cli.artifacts.fingerprint import bytes_sha, json_sha
    from dyocense_cli.runner.signature import CHECKSUM, checksum_line

    folder = Path(stored.place(RUN))
    plan = folder / "artifacts/plan.json"
    plan.write_bytes(plan.read_bytes().replace(b'"PO-0001"', b'"PO-9001"'))
    statement: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
    for subject in statement["subject"]:
        if subject["name"] == "artifacts/plan.json":
            subject["digest"]["sha256"] = bytes_sha(plan.read_bytes()).removeprefix("sha256:")
    hashes = {s["name"]: "sha256:" + s["digest"]["sha256"] for s in statement["subject"] if s["name"] != "telemetry.json"}
    statement["predicate"]["snapshot_hash"] = json_sha(hashes)
    (folder / "manifest.json").write_bytes(json.dumps(statement).encode())
    (folder / CHECKSUM).write_bytes(checksum_line((folder / "manifest.json").read_bytes()))
    assert [str(f) for f in verify_run(stored, RUN)] == ["artifacts/plan.json: is not what stage interpret recorded"]


def _ed25519(folder: Path) -> tuple[str, str]:
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    private, public = folder / "signing.pem", folder / "public.pem"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return str(private), str(public)


@pytest.mark.parametrize("scheme", ["hmac", "ed25519"])
def test_a_signed_run_verifies_under_its_key_only(tmp_path: Path, scheme: str) -> None:
    secret, other = tmp_path / "secret", tmp_path / "other"
    secret.write_bytes(b"0123456789abcdef0123456789abcdef\n")
    other.write_bytes(b"another key of enough bytes\n")
    signing, checking = (str(secret), str(secret)) if scheme == "hmac" else _ed25519(tmp_path)
    runs = DirectoryRuns(str(tmp_path / "runs"))
    store_run(runs, RUN, synthetic(4), key_file=signing)
    assert verify_run(runs, RUN) == []
    assert verify_run(runs, RUN, key_file=checking) == []
    assert [f.name for f in verify_run(runs, RUN, key_file=str(other))] == [ENVELOPE]
    _flip(Path(runs.place(RUN)) / ENVELOPE, 60)
    assert [f.name for f in verify_run(runs, RUN)] == [ENVELOPE]
    store_run(runs, "0002", synthetic(4))
    assert [str(f) for f in verify_run(runs, "0002", key_file=checking)] == [f"{ENVELOPE}: is missing: the run is not signed"]


def test_a_key_that_cannot_sign_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(b"short")
    for name in ("short", "absent"):
        with pytest.raises(UsageError, match="DY1071"):
            envelope(b"{}", str(tmp_path / name))
    (tmp_path / "key").write_bytes(b"0123456789abcdef")
    with pytest.raises(StoreError, match="DY5012"):
        verify_envelope(b"not json", b"{}", str(tmp_path / "key"))
