"""Turn any artifact into JSON plus arrays and back, driven by its dataclass fields.

An artifact is a frozen dataclass with class constants `kind` and `schema_version`. Fields marked
``field(metadata=META)`` (spans, file names, row numbers, timings) are stored but count in no fingerprint.
NumPy arrays become ``{"$array": {"sha256", "dtype", "shape"}}`` and travel beside the JSON.
"""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, TypeVar, Union, get_args, get_origin

import numpy as np

from dyocense_cli.artifacts.canonical import Json
from dyocense_cli.artifacts.fingerprint import Fingerprint, array_sha, json_sha
from dyocense_cli.errors import StoreError

__all__ = ["META", "Encoded", "Json", "decode", "encode", "fingerprint"]

#: Metadata of a dataclass field that is stored but counts in no fingerprint.
META: Final[Mapping[str, bool]] = types.MappingProxyType({"meta": True})

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True)
class Encoded:
    """JSON document of an artifact and its arrays by SHA-256."""

    doc: dict[str, Any]
    arrays: dict[str, np.ndarray]


def encode(artifact: object, *, meta: bool = True) -> Encoded:
    """Return the document and arrays of an artifact; without its META fields if `meta` is false."""
    arrays: dict[str, np.ndarray] = {}
    body = _enc(artifact, arrays, meta)
    cls = type(artifact)
    doc = {"kind": getattr(cls, "kind", cls.__name__), "schema_version": getattr(cls, "schema_version", 1), "body": body}
    return Encoded(doc, arrays)


def fingerprint(artifact: object) -> Fingerprint:
    """Return the fingerprint of what an artifact says, less its META fields."""
    return json_sha(encode(artifact, meta=False).doc)


def _enc(value: Any, arrays: dict[str, np.ndarray], meta: bool) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return str(value) if isinstance(value, enum.Enum) else value
    if isinstance(value, (int, float)):
        return value.item() if isinstance(value, np.generic) else value
    if isinstance(value, np.ndarray):
        sha = array_sha(value)
        arrays[sha] = value
        return {"$array": {"sha256": sha, "dtype": value.dtype.newbyteorder("<").str, "shape": list(value.shape)}}
    if isinstance(value, np.generic):
        return value.item()
    if dataclasses.is_dataclass(value):
        return {f.name: _enc(getattr(value, f.name), arrays, meta) for f in dataclasses.fields(value) if meta or not f.metadata.get("meta")}
    if isinstance(value, Mapping):
        return {str(k): _enc(v, arrays, meta) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_enc(v, arrays, meta) for v in value]
    if isinstance(value, (set, frozenset)):
        return sorted(_enc(v, arrays, meta) for v in value)
    raise TypeError(f"cannot encode {type(value).__name__}")


def decode(cls: type[T], doc: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> T:
    """Rebuild an artifact from its document and arrays.

    Raises
    ------
    StoreError
        DY5001 if the document has a newer schema than this program.
    """
    version = getattr(cls, "schema_version", 1)
    if doc["schema_version"] > version:
        raise StoreError(
            "DY5001", f"{doc['kind']} has schema {doc['schema_version']}, this version reads {version}", hints="upgrade dyocense-cli"
        )
    return typing.cast("T", _dec(cls, doc["body"], arrays))


@lru_cache(maxsize=256)
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _dec(tp: Any, value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    if isinstance(value, Mapping) and len(value) == 1 and "$array" in value:
        mark = value["$array"]
        # arrays of equal bytes share one entry, whatever their shapes and types
        array = arrays[mark["sha256"]].reshape(-1).view(np.dtype(mark["dtype"])).reshape(mark["shape"])
        array.flags.writeable = False
        return array
    origin = get_origin(tp)
    if origin in (Union, types.UnionType):
        return _dec_union(tp, value, arrays)
    if isinstance(tp, type) and dataclasses.is_dataclass(tp):
        hints = _hints(tp)
        known = {f.name for f in dataclasses.fields(tp)}
        return tp(**{k: _dec(hints[k], v, arrays) for k, v in value.items() if k in known})
    if origin is tuple:
        args = get_args(tp)
        if len(args) == 2 and args[1] is Ellipsis:
            return tuple(_dec(args[0], v, arrays) for v in value)
        return tuple(_dec(a, v, arrays) for a, v in zip(args, value, strict=True))
    if origin is list:
        return [_dec(get_args(tp)[0], v, arrays) for v in value]
    if origin is not None and issubclass(origin, Mapping):
        key, val = get_args(tp)
        return {(int(k) if key is int else k): _dec(val, v, arrays) for k, v in value.items()}
    if isinstance(tp, type) and issubclass(tp, enum.Enum):
        return tp(value)
    if tp is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def _array(entry: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the array of an entry: one hash may stand for several arrays whose bytes are equal and whose type or shape is not."""
    array = arrays[entry["sha256"]]
    dtype, shape = np.dtype(entry["dtype"]), tuple(entry["shape"])
    if array.dtype != dtype or array.shape != shape:
        array = np.ascontiguousarray(array).reshape(-1).view(np.uint8).view(dtype).reshape(shape)
    array.flags.writeable = False
    return array


def _dec_union(tp: Any, value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    if value is None:
        return None
    options = [a for a in get_args(tp) if a is not type(None)]
    if len(options) == 1:
        return _dec(options[0], value, arrays)
    chosen = next((option for option in options if _fits(option, value)), None)
    return value if chosen is None else _dec(chosen, value, arrays)


def _fits(option: Any, value: Any) -> bool:
    base = get_origin(option) or option
    if not isinstance(base, type):
        return False
    if dataclasses.is_dataclass(base):
        return isinstance(value, Mapping) and set(value) <= set(_hints(base))
    if isinstance(value, bool):
        return base is bool
    return isinstance(value, base) or (base is tuple and isinstance(value, list))
