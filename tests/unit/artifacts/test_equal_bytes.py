"""Arrays of equal bytes and unlike shape keep their shape."""

from __future__ import annotations

import numpy as np

from dyocense_cli.artifacts.codec import decode, encode, fingerprint
from dyocense_cli.artifacts.solution import Solution, Status, Termination


def test_arrays_with_equal_bytes_and_other_types_come_back_as_they_were() -> None:
    kept = {
        "a": np.zeros((2, 2)),
        "b": np.zeros(4),
        "c": np.zeros(8, dtype=np.int32),
        "d": np.zeros((4, 1), dtype="<i8"),
        "e": np.zeros((0, 3)),
    }
    solution = Solution(Status.OPTIMAL, Termination.PROVED, 0.0, 0.0, 0.0, np.zeros(4), certificate=kept)
    encoded = encode(solution)
    back = decode(Solution, encoded.doc, encoded.arrays)
    assert {k: (v.dtype, v.shape) for k, v in back.certificate.items()} == {k: (v.dtype, v.shape) for k, v in kept.items()}
    assert fingerprint(back) == fingerprint(solution)
