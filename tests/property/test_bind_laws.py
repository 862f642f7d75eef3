"""Laws of binding: the order of rows and columns says nothing; cells as text or as numbers say the same."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from dyocense_cli.artifacts.codec import fingerprint
from tests.unit.kernel.context.world import world

_CELLS = st.lists(
    st.tuples(st.sampled_from("ABCDE"), st.sampled_from(["S1", "S2"]), st.floats(0, 1e6), st.floats(0.5, 9)),
    min_size=1,
    max_size=12,
    unique_by=lambda row: row[:2],
)


@given(_CELLS, st.randoms(use_true_random=False))
def test_order_and_spelling_of_rows_change_no_fingerprint(rows: list[tuple[str, str, float, float]], chance: random.Random) -> None:
    def table(some: list[tuple[str, str, float, float]], *, text: bool, turn: bool) -> dict[str, list[str | float]]:
        columns: dict[str, list[str | float]] = {
            "sku": [r[0] for r in some],
            "supplier": [f" {r[1]} " if text else r[1] for r in some],
            "price": [repr(r[2]) if text else r[2] for r in some],
            "lot_size": [repr(r[3]) if text else r[3] for r in some],
        }
        return dict(reversed(columns.items())) if turn else columns

    shuffled = rows.copy()
    chance.shuffle(shuffled)
    one = world({"offers": table(rows, text=False, turn=False)})
    other = world({"offers": table(shuffled, text=True, turn=True)})
    assert fingerprint(one) == fingerprint(other)


@given(_CELLS, st.data())
def test_one_changed_number_changes_the_fingerprint(rows: list[tuple[str, str, float, float]], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(rows) - 1))
    columns = {"sku": [r[0] for r in rows], "supplier": [r[1] for r in rows], "price": [r[2] for r in rows]}
    changed = columns | {"price": [p + 1 if i == at else p for i, p in enumerate(columns["price"])]}
    assert fingerprint(world({"offers": columns})) != fingerprint(world({"offers": changed}))
