"""An audit: bundles pass public validators and open without this program; each byte counts; another solver's answer is told apart."""

from __future__ import annotations

import html.parser
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import Parse
from google.protobuf.struct_pb2 import Struct
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement
from prov.model import ProvDocument
from rocrate.rocrate import ROCrate

from dyocense_cli.adapters.solver import highs
from dyocense_cli.cli.app import run as dyocense


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one run of the newsvendor."""
    folder = tmp_path_factory.mktemp("audit")
    here = Path.cwd()
    kept = {n: os.environ.pop(n) for n in [n for n in os.environ if n.startswith("DYOCENSE_")]}
    try:
        os.chdir(folder)
        assert dyocense(["init", ".", "--template", "newsvendor"]) == 0
        assert dyocense(["plan", "goals/papers.yaml", "--quiet"]) == 0
    finally:
        os.chdir(here)
        os.environ.update(kept)
    return folder


@pytest.fixture
def project(planned: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(planned)
    for name in [n for n in os.environ if n.startswith("DYOCENSE_")]:
        monkeypatch.delenv(name)
    return planned


@pytest.fixture
def opened(project: Path, tmp_path: Path) -> Path:
    """The bundle of the run, unpacked with the standard library."""
    target = tmp_path / "march.zip"
    assert dyocense(["evidence", "export", "@last", "--format", "ro-crate,prov,in-toto", "--output", str(target)]) == 0
    with zipfile.ZipFile(target) as archive:
        archive.extractall(tmp_path / "march")
    return tmp_path / "march"


def test_the_prov_library_reads_the_provenance_and_writes_it_again(opened: Path) -> None:
    text = (opened / "prov.json").read_text("utf-8")
    document = ProvDocument.deserialize(content=text, format="json")
    assert len(document.get_records()) == sum(len(v) for k, v in json.loads(text).items() if k != "prefix")
    again = ProvDocument.deserialize(content=document.serialize(format="json"), format="json")
    assert again == document
    assert "wasGeneratedBy" in document.unified().get_provn()


def test_the_crate_library_reads_the_crate_and_finds_every_file(opened: Path) -> None:
    crate = ROCrate(str(opened))
    files = [e for e in crate.data_entities if "File" in e.type]
    assert len(files) > 20
    assert all((opened / e.id).is_file() for e in files)
    assert crate.root_dataset["identifier"].startswith("sha256:")
    assert {e.type for e in crate.contextual_entities} >= {"CreateAction", "SoftwareApplication"}


def test_the_attestation_library_takes_the_manifest(opened: Path) -> None:
    body = json.loads((opened / "manifest.json").read_text("utf-8"))
    subjects = [ResourceDescriptor(name=s["name"], digest=s["digest"]).pb for s in body["subject"]]
    statement = Statement(subjects, body["predicateType"], Parse(json.dumps(body["predicate"]), Struct()))
    statement.validate()
    assert statement.pb.type == body["_type"]


class Sources(html.parser.HTMLParser):
    """What a page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        wanted = {"script": "src", "img": "src", "link": "href", "iframe": "src", "use": "href"}
        self.fetched += [v or "" for k, v in attrs if wanted.get(tag) == k and not (v or "").startswith(("data:", "#"))]


def test_one_page_answers_without_anything_else(opened: Path) -> None:
    page = (opened / "report.html").read_text("utf-8")
    reader = Sources()
    reader.feed(page)
    assert reader.fetched == []
    manifest = json.loads((opened / "manifest.json").read_text("utf-8"))["predicate"]
    solution = json.loads((opened / "solution.json").read_text("utf-8"))
    assert manifest["run_fingerprint"] in page
    assert "DAILY" in page
    assert "PO-0001" in page
    assert all(rule in page for rule in solution["binding_constraints"])


INPUTS = ("goal", "context", "context_spec", "model_spec", "principal", "solver_options", "admission", "scenario_set", "optimodel", "solution")


@pytest.mark.parametrize("name", INPUTS)
def test_one_byte_of_any_input_breaks_verification_at_that_node(project: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = next((project / "runs").glob(f"*/artifacts/{name}.json"))
    whole = path.read_bytes()
    try:
        for at in (0, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            assert dyocense(["evidence", "verify", "--json"]) == 8
            found: dict[str, Any] = json.loads(capsys.readouterr().out)
            assert [f["name"] for faults in found["runs"].values() for f in faults][:1] == [f"artifacts/{name}.json"]
            assert dyocense(["replay", "@last"]) == 8
            assert f"artifacts/{name}.json" in capsys.readouterr().err
    finally:
        path.write_bytes(whole)
    assert dyocense(["evidence", "verify"]) == 0


def test_another_solver_version_is_a_mismatch_that_says_where_and_how_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [n for n in os.environ if n.startswith("DYOCENSE_")]:
        monkeypatch.delenv(name)
    assert dyocense(["init", ".", "--template", "newsvendor"]) == 0
    with monkeypatch.context() as then:
        then.setattr(highs, "_VERSION", "HiGHS 0.9.0")  # the record says that this version made it
        assert dyocense(["plan", "goals/papers.yaml", "--quiet", "--no-cache"]) == 0
    capsys.readouterr()
    assert dyocense(["replay", "@last"]) == 8
    told = capsys.readouterr().out
    assert "highs HiGHS 0.9.0 in the record, HiGHS 1." in told
    assert "first difference: stage solve at backend_version: recorded HiGHS 0.9.0" in told
    assert "difference +0" in told
    assert "figures are equal" in told
    assert dyocense(["replay", "@last", "--json"]) == 8
    document = json.loads(capsys.readouterr().out)
    assert (document["first_difference"]["stage"], document["same_kpis"], document["equal"]) == ("solve", True, False)
