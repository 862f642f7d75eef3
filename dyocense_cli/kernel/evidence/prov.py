"""Evidence in open forms: W3C PROV-JSON, RO-Crate metadata, an OpenLineage event. All are functions of the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from dyocense_cli.artifacts.evidence import EvidenceGraph
from dyocense_cli.kernel.evidence.labels import PROV

__all__ = ["openlineage", "prov_json", "ro_crate"]

#: Namespace of our identifiers; a name, not an address that anything fetches.
NS: Final = "urn:dyocense:"

#: PROV relation -> names of its two ends, as PROV-JSON writes them (W3C member submission, §3).
_ENDS: Final[Mapping[str, tuple[str, str]]] = {
    "used": ("prov:activity", "prov:entity"),
    "wasGeneratedBy": ("prov:entity", "prov:activity"),
    "wasDerivedFrom": ("prov:generatedEntity", "prov:usedEntity"),
    "wasAssociatedWith": ("prov:activity", "prov:agent"),
    "wasAttributedTo": ("prov:entity", "prov:agent"),
    "wasInfluencedBy": ("prov:influencee", "prov:influencer"),
}

#: Media type of a run's files by suffix.
_TYPES: Final[Mapping[str, str]] = {
    "json": "application/json", "csv": "text/csv", "html": "text/html", "parquet": "application/vnd.apache.parquet",
    "npy": "application/octet-stream", "sha256": "text/plain",
}  # fmt: skip


def prov_json(graph: EvidenceGraph) -> dict[str, Any]:
    """Return the graph as a PROV-JSON document: entities, activities and agents with their columns, and every relation."""
    document: dict[str, Any] = {"prefix": {"dyo": NS, "prov": "http://www.w3.org/ns/prov#"}, "entity": {}, "activity": {}, "agent": {}}
    for node in graph.nodes:
        props = {f"dyo:{k}": v for k, v in node.props.items()}
        document[node.prov][_name(node.key)] = {"prov:type": f"dyo:{node.label}", **props}
    for number, edge in enumerate(graph.edges, start=1):
        relation = PROV[edge.type]
        source, target = _ENDS[relation]
        body = {source: _name(edge.source), target: _name(edge.target)}
        if relation == "wasInfluencedBy":
            body["prov:type"] = f"dyo:{edge.type}"
        document.setdefault(relation, {})[f"_:r{number}"] = body
    return document


def _name(key: str) -> str:
    """Return a key as a qualified name: what a local part may not hold is percent-encoded (PROV-DM, §5.7.1)."""
    return "dyo:" + quote(key, safe="/:@._-~")


def ro_crate(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``ro-crate-metadata.json`` (RO-Crate 1.1) of a run: its files with hashes, the run as an action, the software used.

    A draft is described as one, never as an approved plan.
    """
    run = f"{NS}run:{manifest['run_fingerprint']}"
    files = [_file(name, sha) for name, sha in sorted(manifest["files"].items())]
    software = [
        {"@id": f"{NS}software:{name}:{version}", "@type": "SoftwareApplication", "name": name, "softwareVersion": version}
        for name, version in sorted(manifest["versions"].items())
    ]
    draft = manifest.get("draft") or ""
    root = {
        "@id": "./", "@type": "Dataset", "name": f"Plan {manifest['goal_id']}:{manifest['variant']}",
        "description": f"Run of goal {manifest['goal_id']}, ended {manifest['status']}" + (f"; DRAFT: {draft}" if draft else ""),
        "datePublished": manifest["created_at"], "license": "Proprietary data of the tenant; not licensed for reuse",
        "creativeWorkStatus": "Draft" if draft else "Published", "identifier": manifest["run_fingerprint"],
        "hasPart": [{"@id": f["@id"]} for f in files], "mentions": [{"@id": run}],
    }  # fmt: skip
    action = {
        "@id": run, "@type": "CreateAction", "name": f"dyocense {manifest['command']}", "endTime": manifest["created_at"],
        "actionStatus": {"@id": "http://schema.org/CompletedActionStatus"},
        "instrument": [{"@id": s["@id"]} for s in software], "object": [{"@id": "artifacts/goal.json"}, {"@id": "artifacts/context.json"}],
        "result": [{"@id": n} for n in ("plan.csv", "report.html") if n in manifest["files"]],
    }  # fmt: skip
    descriptor = {
        "@id": "ro-crate-metadata.json", "@type": "CreativeWork", "about": {"@id": "./"},
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
    }  # fmt: skip
    return {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": [descriptor, root, action, *files, *software]}


def _file(name: str, sha: str) -> dict[str, Any]:
    kind = _TYPES.get(name.rpartition(".")[2], "application/octet-stream")
    return {"@id": name, "@type": "File", "name": name, "encodingFormat": kind, "sha256": sha.removeprefix("sha256:")}


def openlineage(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return an OpenLineage run event (2-0-2) of a finished run; inputs and outputs are datasets by fingerprint."""
    tenant, goal = manifest["tenant_id"], f"{manifest['goal_id']}:{manifest['variant']}"
    inputs = [_dataset(tenant, name, sha) for name, sha in sorted(manifest["fingerprints"].items()) if sha]
    outputs = [_dataset(tenant, name, manifest["files"][name]) for name in ("plan.csv", "report.html") if name in manifest["files"]]
    return {
        "eventType": "COMPLETE" if manifest["status"] in ("OPTIMAL", "FEASIBLE") else "FAIL",
        "eventTime": manifest["created_at"],
        "producer": f"{NS}dyocense-cli",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "job": {"namespace": f"dyocense/{tenant}", "name": goal, "facets": {}},
        "run": {"runId": manifest["run_id"], "facets": {}},
        "inputs": inputs,
        "outputs": outputs,
    }


def _dataset(tenant: str, name: str, sha: str) -> dict[str, Any]:
    return {"namespace": f"dyocense/{tenant}", "name": f"{name}/{sha.removeprefix('sha256:')}", "facets": {}}
