"""Random streams that are named rather than numbered, so that no series' draws depend on which others are there.

A stream is the SplitMix64 sequence from a start that is hashed from its name; the whole sequence is a function of
(name, position), so any part of any stream is drawn in one vectorised step, and the bits are the same on every machine and with
every version of NumPy (whose own normal generator gives no such promise).

Source: Steele, Lea, Flood, *Fast splittable pseudorandom number generators*, OOPSLA 2014; Wichura, *Algorithm AS 241*, 1988.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

__all__ = ["keys_of", "normals", "step_keys", "uniforms", "upper_quantile"]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31 = np.uint64(30), np.uint64(27), np.uint64(31)

#: Normals are multiples of 1/SCALE: exact in float32, and sums of their products with small integers are exact too.
SCALE = 4096.0


def keys_of(seed: int, purpose: str, names: Sequence[str]) -> np.ndarray:
    """Return one uint64 key per name; `purpose` keeps the streams of one name apart."""
    text = f"{seed}\x1f{purpose}\x1f"
    raw = b"".join(hashlib.sha256((text + name).encode()).digest()[:8] for name in names)
    return np.frombuffer(raw, dtype="<u8").astype(np.uint64)


def step_keys(keys: np.ndarray, steps: int) -> np.ndarray:
    """Return uint64 (n, steps): one stream per key and step, the same whatever the number of steps."""
    return _mix(keys[:, None] ^ (np.arange(1, steps + 1, dtype=np.uint64) * _M1))


def _mix(x: np.ndarray) -> np.ndarray:
    x = (x ^ (x >> _S30)) * _M1
    x = (x ^ (x >> _S27)) * _M2
    return np.asarray(x ^ (x >> _S31))


def _words(keys: np.ndarray, start: int, count: int) -> np.ndarray:
    """Return words `start` .. `start + count` of every stream, shape keys.shape + (count,)."""
    offsets = (np.arange(start + 1, start + count + 1, dtype=np.uint64)) * _GOLDEN
    return _mix(keys[..., None] + offsets)


def normals(keys: np.ndarray, start: int, count: int) -> np.ndarray:
    """Return standard normals float32 (..., count) at positions start .. start + count of each stream.

    `start` is a multiple of 4: one 64-bit word carries four normals of 16 bits each, which is 65,536 equally likely values
    up to 4.2 standard deviations.
    """
    words = _words(keys, start // 4, -(-count // 4))
    return np.asarray(_normal_table()[words.astype("<u8", copy=False).view("<u2")[..., :count]])


def uniforms(keys: np.ndarray, start: int, count: int) -> np.ndarray:
    """Return uniforms in (0, 1), float64 (..., count), at positions start .. start + count of each stream."""
    return ((_words(keys, start, count) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


@lru_cache(maxsize=1)
def _normal_table() -> np.ndarray:
    half = upper_quantile((np.arange(32768) + 0.5) / 65536.0)
    half = np.rint(half * SCALE) / SCALE
    return np.concatenate([-half, half[::-1]]).astype(np.float32)


def upper_quantile(p: np.ndarray) -> np.ndarray:
    """Return z with upper tail probability p in (0, 0.5]; Wichura's PPND7, relative error about 1e-7."""
    q = 0.5 - p
    r = 0.180625 - q * q
    central = (
        q
        * (((59.10937472 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179)
        / (((67.18756360 * r + 78.757757664) * r + 17.895169469) * r + 1.0)
    )
    s = np.sqrt(-np.log(p)) - 1.6
    tail = (((0.17023821103 * s + 1.3067284816) * s + 2.7568153900) * s + 1.4234372777) / ((0.12021132975 * s + 0.73700164250) * s + 1.0)
    return np.where(np.abs(q) <= 0.425, central, tail)
