"""Derived parameters follow what they are derived from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dyocense_cli.artifacts.optimodel import Param
from dyocense_cli.optimodel.derive import derivations, with_params
from tests.toys import toy


def model():
    base = toy()
    return replace(
        base,
        params={
            **base.params,
            "double": Param(("sku",), np.array([0.4, 0.8]), source="= 2 * twice"),
            "twice": Param(("sku",), np.array([0.2, 0.4]), source="= 2 * hold"),
            "lost": Param(("sku",), np.array([1.0, 1.0]), source="= hold * gone"),
        },
    )


def test_what_others_need_comes_first():
    assert list(derivations(model())) == ["twice", "double"]


def test_a_change_reaches_all_that_was_derived():
    changed = with_params(model(), {"hold": np.array([1.0, 2.0])})
    assert changed.params["double"].data.tolist() == [4.0, 8.0]
    assert changed.params["lost"].data.tolist() == [1.0, 1.0]


def test_a_sparse_parameter_keeps_its_form():
    base = model()
    sparse = Param(("sku", "supplier"), np.array([2.0, 3.0, 1.0]), index=base.params["price"].index, source="= price * 1")
    changed = with_params(replace(base, params={**base.params, "paid": sparse}), {"price": np.array([4.0, 6.0, 2.0])})
    assert changed.params["paid"].data.tolist() == [4.0, 6.0, 2.0]
