"""The closed set of nodes and edges of an evidence graph, with the columns each carries.

What counts in no fingerprint (places in files, row numbers of a file) stands in no node either: it is looked up late, in the run's
own artifacts, so that a comment edit changes no evidence.

Both graph adapters read this table: it is the schema of the embedded store and the list of constraints of the server.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["EDGES", "NODES", "PROV", "label_of"]

#: label -> (PROV type, column -> type). Types are those of the embedded store: STRING, DOUBLE, INT64, BOOL.
NODES: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "Tenant": ("agent", {"tier": "STRING"}),
    "Agent": ("agent", {"name": "STRING", "version": "STRING"}),
    "Run": ("activity", {"goal_id": "STRING", "variant": "STRING", "status": "STRING", "termination": "STRING", "month": "STRING"}),
    "Stage": ("activity", {"name": "STRING"}),
    "Artifact": ("entity", {"name": "STRING", "sha": "STRING"}),
    "DataTable": ("entity", {"name": "STRING", "sha": "STRING", "n_rows": "INT64"}),
    "DataRow": ("entity", {"name": "STRING", "row": "INT64", "value": "STRING"}),
    "Parameter": ("entity", {"name": "STRING", "unit": "STRING", "sha": "STRING"}),
    "Series": ("entity", {"sku": "STRING", "method": "STRING", "quality": "STRING", "mean": "DOUBLE", "p95": "DOUBLE"}),
    "PolicyRule": ("entity", {"name": "STRING", "effect": "STRING"}),
    "Rule": (
        "entity",
        {
            "name": "STRING", "intent": "STRING", "fingerprint": "STRING", "source": "STRING", "unit": "STRING",
            "activity": "DOUBLE", "bound": "DOUBLE", "slack": "DOUBLE", "price": "DOUBLE", "binding": "BOOL",
        },
    ),
    "Line": (
        "entity",
        {
            "name": "STRING", "sku": "STRING", "supplier": "STRING", "location": "STRING", "period": "STRING", "day": "STRING",
            "arrives": "STRING", "qty": "DOUBLE", "price": "DOUBLE", "cost": "DOUBLE", "reason": "STRING",
        },
    ),
    "Kpi": ("entity", {"name": "STRING", "of": "STRING", "value": "DOUBLE", "unit": "STRING"}),
}  # fmt: skip

#: type -> (label from, label to) pairs it may join.
EDGES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "USED": (("Run", "Artifact"), ("Stage", "Artifact")),
    "GENERATED_BY": (("Artifact", "Stage"), ("Line", "Stage"), ("Kpi", "Stage")),
    "DERIVED_FROM": (
        ("Artifact", "Artifact"), ("Artifact", "DataTable"), ("DataRow", "DataTable"), ("Parameter", "DataTable"), ("Line", "Artifact"),
        ("Line", "DataRow"), ("Line", "Series"), ("Kpi", "Artifact"), ("Series", "Artifact"), ("Rule", "Artifact"), ("Series", "DataRow"),
    ),
    "CONSTRAINED_BY": (("Line", "Rule"),),
    "REFERS_TO": (("Rule", "Parameter"), ("Rule", "PolicyRule"), ("Artifact", "PolicyRule")),
    "INFORMED_BY": (("Stage", "Run"),),
    "ASSOCIATED_WITH": (("Run", "Tenant"), ("Run", "Agent"), ("Stage", "Agent")),
    "ATTRIBUTED_TO": (("Artifact", "Tenant"),),
    "PART_OF": (("Line", "Run"), ("Rule", "Run"), ("Kpi", "Run")),
}  # fmt: skip

#: Names of the PROV relation of each edge type, for exports.
PROV: Final[Mapping[str, str]] = {
    "USED": "used",
    "GENERATED_BY": "wasGeneratedBy",
    "DERIVED_FROM": "wasDerivedFrom",
    "CONSTRAINED_BY": "wasInfluencedBy",
    "REFERS_TO": "wasInfluencedBy",
    "INFORMED_BY": "wasInfluencedBy",
    "ASSOCIATED_WITH": "wasAssociatedWith",
    "ATTRIBUTED_TO": "wasAttributedTo",
    "PART_OF": "wasInfluencedBy",
}


_BY_HEAD: Final = {
    "tenant": "Tenant",
    "agent": "Agent",
    "stage": "Stage",
    "table": "DataTable",
    "row": "DataRow",
    "parameter": "Parameter",
    "series": "Series",
    "policy": "PolicyRule",
}
_IN_RUN: Final = {"line": "Line", "rule": "Rule", "kpi": "Kpi"}


def label_of(key: str) -> str:
    """Return the label of the node that a key names: keys begin with what they are of."""
    head, *rest = key.split("/", 3)
    if head == "run":
        return _IN_RUN.get(rest[1], "Run") if len(rest) > 1 else "Run"
    return _BY_HEAD.get(head, "Artifact")
