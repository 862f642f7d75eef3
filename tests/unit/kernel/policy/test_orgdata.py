"""Policy data has a closed shape: a misspelt key is an error, not a rule switched off."""

from __future__ import annotations

from typing import Any

import pytest

from dyocense_cli.errors import InputError
from dyocense_cli.kernel.policy.orgdata import check_data, merged
from tests.opa import org_data


def test_good_data_is_taken_as_it_is() -> None:
    assert check_data(org_data(), file="data.json") == org_data()
    assert check_data({}, file="data.json") == {}
    assert check_data({"custom": {"anything": [1]}}, file="data.json") == {"custom": {"anything": [1]}}


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"vendor": {}}, "/vendor is not known; did you mean `vendors`?"),
        ({"zzz": {}}, "/zzz is not known; known: custom, exempt_tenants"),
        ({"vendors": {"deny": {"V4": {}}}}, "/vendors/deny should be a list"),
        ({"vendors": {"deny": [{"reason": "x"}]}}, "/vendors/deny/0 lacks `supplier`"),
        ({"vendors": {"deny": [{"supplier": 4}]}}, "/vendors/deny/0/supplier should be text, is 4"),
        ({"vendors": []}, "/vendors should be a map"),
        (
            {"spend": {"caps": {"*": [{"max": "5000", "currency": "EUR"}]}}},
            "/spend/caps/\\*/0/max should be a number of at least 0, is '5000'",
        ),
        ({"spend": {"caps": {"*": [{"max": -1, "currency": "EUR"}]}}}, "should be a number of at least 0"),
        ({"spend": {"caps": {"*": [{"max": float("nan"), "currency": "EUR"}]}}}, "should be a number of at least 0"),
        ({"spend": {"caps": {"*": [{"max": True, "currency": "EUR"}]}}}, "should be a number of at least 0"),
        ({"spend": {"caps": {"*": [{"max": 1, "currency": "EUR", "over": "month"}]}}}, "should be horizon or period, is 'month'"),
        ({"spend": {"caps": {"*": [{"max": 1, "currency": "EUR", "category": "a", "supplier": "b"}]}}}, "names a category and a supplier"),
        ({"spend": {"require_cap": "yes"}}, "should be true or false"),
        (
            {"waivers": [{"rule": "POL-V001", "tenant": "*", "owner": "a", "reason": "b", "expires": "soon"}]},
            "should be a date as YYYY-MM-DD",
        ),
        (
            {"waivers": [{"rule": "POL-V001", "tenant": "*", "owner": "", "reason": "b", "expires": "2026-01-01"}]},
            "/waivers/0/owner should be text",
        ),
        ({"required": {"*": [[1.5]]}}, "should be a name or a position"),
        ([], "/ should be a map"),
    ],
)
def test_bad_data_is_refused_by_place(data: Any, text: str) -> None:
    with pytest.raises(InputError, match=text) as caught:
        check_data(data, file="policies/data.json")
    assert caught.value.code == "DY3001"
    assert str(caught.value.where) == "policies/data.json"


def test_all_faults_are_told_together() -> None:
    with pytest.raises(InputError, match=r"\(and 2 more\)") as caught:
        check_data({"a": 1, "b": 2, "c": 3}, file="x")
    assert len(caught.value.why.splitlines()) == 2


def test_own_data_stand_in_place_of_the_shipped_ones() -> None:
    base = {"vendors": {"deny": [1], "allow": {}}, "mandatory": ["a"], "waivers": []}
    assert merged(base, {"vendors": {"deny": [2]}, "mandatory": ["b"]}) == {
        "vendors": {"deny": [2], "allow": {}},
        "mandatory": ["b"],
        "waivers": [],
    }
