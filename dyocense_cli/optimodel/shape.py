"""The file form of an OptiModel: readable JSON, large arrays beside it by hash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from dyocense_cli.artifacts.fingerprint import array_sha
from dyocense_cli.artifacts.optimodel import Hints, Kpi, OptiModel, Param, Robust, Rule, Steps, Term, Var
from dyocense_cli.errors import InputError

__all__ = ["INLINE", "optimodel_from_json", "optimodel_json"]

#: Arrays of more numbers than this stand beside the document.
INLINE: Final = 1000
_FORMAT: Final = "optimodel/v1"

Arrays = dict[str, np.ndarray]


def optimodel_json(model: OptiModel, *, source: Mapping[str, str], versions: Mapping[str, str]) -> tuple[dict[str, Any], Arrays]:
    """Return the document and the arrays that stand beside it by SHA-256.

    Parameters
    ----------
    model : OptiModel
        The model.
    source : mapping
        Rule name to ``file:line:column``.
    versions : mapping
        Program to version.
    """
    arrays: Arrays = {}
    document: dict[str, Any] = {
        "ir": _FORMAT,
        "dims": {d: [int(x) if d == "scenario" and x.isdigit() else x for x in labels] for d, labels in model.dims.items()},
        "params": {name: _param(p, arrays) for name, p in model.params.items()},
        "vars": {_var_key(v): _var(v) for v in model.vars},
        "exprs": dict(model.exprs),
        "obj": {"sense": model.sense, "terms": [{"name": t.name, "expr": t.expr, "weight": t.weight, "unit": t.unit} for t in model.terms]},
        "constraints": [_rule(r) for r in model.rules],
        "robust": {
            "scenarios": model.robust.scenarios,
            "aggregation": model.robust.aggregation,
            "probability": _array(np.asarray(model.probability, dtype=np.float64), arrays),
        },
        "kpis": {k.name: {"expr": k.expr, "unit": k.unit, "dims": list(k.dims)} for k in model.kpis},
        "steps": _steps(model.steps),
        "ordered": list(model.ordered),
        "currency": model.currency,
        "period_starts": list(model.period_starts),
        "meta": {
            "source": dict(source),
            "solver": {},
            "versions": dict(versions),
            "params": {n: p.source for n, p in model.params.items() if p.source},
            "vars": {v.name: v.origin for v in model.vars if v.origin},
            "terms": {t.name: t.raw for t in model.terms if t.raw},
            "hints": {"track": list(model.hints.track), "sensitivities": list(model.hints.sensitivities)},
        },
    }
    return document, arrays


def _array(array: np.ndarray, arrays: Arrays) -> Any:
    if array.size <= INLINE and (array.dtype.kind != "f" or bool(np.isfinite(array).all())):
        return array.tolist()
    sha = array_sha(array)
    arrays[sha] = array
    return {"sha256": sha, "shape": list(array.shape)}


def _param(param: Param, arrays: Arrays) -> dict[str, Any]:
    out: dict[str, Any] = {"dims": list(param.dims), "unit": param.unit, "dtype": param.dtype}
    if param.index is not None:
        out["index"] = _array(param.index, arrays)
    out["data"] = _array(param.data, arrays)
    if param.mask is not None:
        out["mask"] = _array(param.mask, arrays)
    return out


def _var_key(var: Var) -> str:
    return f"{var.name}[{','.join(var.dims)}]" if var.dims else var.name


def _var(var: Var) -> dict[str, Any]:
    out: dict[str, Any] = {"type": var.type, "lb": var.lb, "ub": var.ub, "stage": var.stage, "where": var.where}
    if var.unit is not None:
        out["unit"] = var.unit
    return out


def _rule(rule: Rule) -> dict[str, Any]:
    out: dict[str, Any] = {
        "name": rule.name,
        "dims": list(rule.dims),
        "expr": rule.expr,
        "unit": rule.unit,
        "hold": rule.hold,
        "intent": rule.intent,
        "relax": None if rule.relax is None else {"cost": rule.relax},
        "fingerprint": rule.fingerprint,
    }
    extra = {"where": rule.where, "limit": rule.limit, "source": rule.source, "origin": rule.origin}
    return {**out, **{k: v for k, v in extra.items() if v}}


def _steps(steps: Steps | None) -> dict[str, Any] | None:
    if steps is None:
        return None
    rest = {k: getattr(steps, k) for k in ("price", "arrives", "lot", "cost") if getattr(steps, k) is not None}
    return {"quantity": steps.quantity, "dims": list(steps.dims), **rest}


_DTYPES: Final[Mapping[str, type]] = {"f8": np.float64, "i8": np.int64, "bool": np.bool_}


def optimodel_from_json(document: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> OptiModel:
    """Read a document back; the result has the fingerprint of the model that was written.

    Raises
    ------
    InputError
        DY2290 for another format, a missing array or a field of another form.
    """
    if document.get("ir") != _FORMAT:
        raise InputError("DY2290", f"not an OptiModel: ir is {document.get('ir')!r}", hints="dyocense compile GOAL --out FOLDER writes one")
    try:
        return _read(document, arrays)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError("DY2290", f"the OptiModel file is damaged: {error}", hints="compile the goal again") from error


def _read(document: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> OptiModel:
    meta, obj, robust = document.get("meta", {}), document["obj"], document["robust"]
    hints = meta.get("hints", {})
    origins, raws = meta.get("vars", {}), meta.get("terms", {})
    steps = document.get("steps")
    return OptiModel(
        dims={d: tuple(str(x) for x in labels) for d, labels in document["dims"].items()},
        ordered=tuple(document.get("ordered", ())),
        params={n: _read_param(p, meta.get("params", {}).get(n, ""), arrays) for n, p in document["params"].items()},
        vars=tuple(_read_var(key, v, origins) for key, v in document["vars"].items()),
        exprs=dict(document["exprs"]),
        sense=obj["sense"],
        terms=tuple(Term(t["name"], t["expr"], float(t["weight"]), t.get("unit"), raws.get(t["name"], "")) for t in obj["terms"]),
        rules=tuple(_read_rule(r) for r in document["constraints"]),
        robust=Robust(int(robust["scenarios"]), robust["aggregation"]),
        probability=_read_array(robust["probability"], np.float64, arrays),
        kpis=tuple(Kpi(n, k["expr"], k.get("unit"), tuple(k.get("dims", ()))) for n, k in document.get("kpis", {}).items()),
        steps=None if steps is None else _read_steps(steps),
        currency=document.get("currency", ""),
        period_starts=tuple(document.get("period_starts", ())),
        hints=Hints(tuple(hints.get("track", ())), tuple(hints.get("sensitivities", ()))),
    )


def _read_steps(value: Mapping[str, Any]) -> Steps:
    return Steps(value["quantity"], tuple(value["dims"]), value.get("price"), value.get("arrives"), value.get("lot"), value.get("cost"))


def _read_array(value: Any, dtype: type, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    if isinstance(value, Mapping):
        array = arrays[value["sha256"]]
        if array_sha(array) != value["sha256"]:
            raise ValueError(f"array {value['sha256'][:12]}… was altered")
        return array.reshape(value["shape"])
    return np.asarray(value, dtype=dtype)


def _read_param(value: Mapping[str, Any], source: str, arrays: Mapping[str, np.ndarray]) -> Param:
    dims = tuple(value["dims"])
    index = _read_array(value["index"], np.int32, arrays).reshape(len(dims), -1) if "index" in value else None
    mask = _read_array(value["mask"], np.bool_, arrays) if "mask" in value else None
    data = _read_array(value["data"], _DTYPES[value["dtype"]], arrays)
    return Param(dims, data, value.get("unit"), value["dtype"], index, mask, source)


def _read_var(key: str, value: Mapping[str, Any], origins: Mapping[str, str]) -> Var:
    name, _, dims = key.removesuffix("]").partition("[")
    return Var(
        name,
        tuple(dims.split(",")) if dims else (),
        value["type"],
        value["lb"],
        value["ub"],
        int(value["stage"]),
        value.get("where"),
        value.get("unit"),
        origins.get(name, ""),
    )


def _read_rule(value: Mapping[str, Any]) -> Rule:
    relax = value.get("relax")
    return Rule(
        value["name"],
        tuple(value["dims"]),
        value["expr"],
        value.get("unit"),
        value.get("hold", "always"),
        value.get("where"),
        value.get("intent", ""),
        None if relax is None else float(relax["cost"]),
        value.get("fingerprint", ""),
        value.get("limit"),
        value.get("source", ""),
        value.get("origin", ""),
    )
