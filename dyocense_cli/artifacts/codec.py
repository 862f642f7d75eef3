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
from collections.abc import Callable, Mapping
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


#: Reads one JSON value; None stands for "as it is".
_Reader = Callable[[Any, Mapping[str, np.ndarray]], Any]


def _dec(tp: Any, value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    read = _reader(tp)
    return value if read is None else read(value, arrays)


@lru_cache(maxsize=1024)
def _reader(tp: Any) -> _Reader | None:
    """Return what reads values of a type, made once per type."""
    origin = get_origin(tp)
    if origin in (Union, types.UnionType):
        return _union_reader(tp)
    if tp is np.ndarray:
        return _array
    if tp is float:
        return _number
    if isinstance(tp, type) and dataclasses.is_dataclass(tp):
        return _dataclass_reader(tp)
    if isinstance(tp, type) and issubclass(tp, enum.Enum):
        return lambda value, _: tp(value)
    return _container_reader(tp, origin)


def _container_reader(tp: Any, origin: Any) -> _Reader | None:
    args = get_args(tp)
    if origin is tuple:
        if len(args) == 2 and args[1] is Ellipsis:
            one = _reader(args[0])
            if one is None:
                return lambda value, _: tuple(value)
            return lambda value, arrays: tuple([one(v, arrays) for v in value])
        return lambda value, arrays: tuple(_dec(a, v, arrays) for a, v in zip(args, value, strict=True))
    if origin is list:
        return lambda value, arrays: [_dec(args[0], v, arrays) for v in value]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        item = _reader(args[1])
        if args[0] is int:
            return lambda value, arrays: {int(k): v if item is None else item(v, arrays) for k, v in value.items()}
        return lambda value, arrays: dict(value) if item is None else {k: item(v, arrays) for k, v in value.items()}
    return None if isinstance(tp, type) else _maybe_array


def _array(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    mark = value["$array"]
    # arrays of equal bytes share one entry, whatever their shapes and types
    array = arrays[mark["sha256"]].reshape(-1).view(np.dtype(mark["dtype"])).reshape(mark["shape"])
    array.flags.writeable = False
    return array


def _maybe_array(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    return _array(value, arrays) if isinstance(value, Mapping) and len(value) == 1 and "$array" in value else value


def _number(value: Any, _arrays: Mapping[str, np.ndarray]) -> Any:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _dataclass_reader(tp: type) -> _Reader:
    names = {f.name for f in dataclasses.fields(tp)}
    readers: dict[str, _Reader | None] = {}

    def read(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
        if not readers:  # on first use, since a type may hold itself
            readers.update({name: _reader(hint) for name, hint in _hints(tp).items() if name in names})
        given = {}
        for name, field_value in value.items():
            if name in readers:
                reader = readers[name]
                given[name] = field_value if reader is None else reader(field_value, arrays)
        return tp(**given)

    return read


def _union_reader(tp: Any) -> _Reader:
    options = [a for a in get_args(tp) if a is not type(None)]
    if len(options) == 1:
        return lambda value, arrays: None if value is None else _dec(options[0], value, arrays)

    def read(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
        chosen = None if value is None else next((option for option in options if _fits(option, value)), None)
        return value if chosen is None else _dec(chosen, value, arrays)

    return read


def _fits(option: Any, value: Any) -> bool:
    base = get_origin(option) or option
    if not isinstance(base, type):
        return False
    if base is np.ndarray:
        return isinstance(value, Mapping) and "$array" in value
    if dataclasses.is_dataclass(base):
        return isinstance(value, Mapping) and set(value) <= set(_hints(base))
    if isinstance(value, bool):
        return base is bool
    return isinstance(value, base) or (base is tuple and isinstance(value, list)) or (base is float and isinstance(value, int))
