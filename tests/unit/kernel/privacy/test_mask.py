"""Personal data behind keyed hashes."""

from __future__ import annotations

import pytest

from dyocense_cli.artifacts.context import ContextSpec, RawTable, Tables, TableSpec
from dyocense_cli.kernel.privacy.detect import is_personal_column, is_personal_value, mask_in_text
from dyocense_cli.kernel.privacy.mask import HIDDEN, Mask

SPEC = ContextSpec(
    "EUR",
    {"suppliers": TableSpec(columns={"contact_email": "mail"}), "notes": TableSpec(rows=({"sku": "M", "text": "call +49 170 1234567"},))},
    pii=("suppliers.contact_email", "suppliers.buyer"),
)


def _suppliers() -> Tables:
    columns = {
        "supplier": ("S1", "S2", "S3"),
        "mail": ("anna@dairy.example", "", None),
        "buyer": ("Anna Schmidt", "Bob", "Anna Schmidt"),
        "phone": (4917012345, "x", None),
        "remark": ("ask bob@x.org", "nothing", "2017-12-25"),
        "lead_days": (7, 9, 11),
    }
    return Tables({"suppliers": RawTable("suppliers", "suppliers.csv", columns, "0" * 64)})


def test_declared_and_detected_values_are_replaced_and_nothing_else() -> None:
    masked = Mask("key").tables(_suppliers(), SPEC).tables["suppliers"].columns
    assert masked["supplier"] == ("S1", "S2", "S3")
    assert masked["lead_days"] == (7, 9, 11)
    assert masked["mail"][1:] == ("", None)
    for column, row in (("mail", 0), ("buyer", 0), ("buyer", 1), ("phone", 0), ("phone", 1), ("remark", 0)):
        assert str(masked[column][row]).startswith("pii:"), (column, row)
        assert len(str(masked[column][row])) == 20
    assert masked["remark"][1:] == ("nothing", "2017-12-25")
    assert masked["buyer"][0] == masked["buyer"][2] != masked["buyer"][1]
    assert "anna" not in repr(masked).lower()


def test_hashes_differ_by_key_and_by_tenant_and_need_a_key() -> None:
    assert len({Mask("a").hashed("x"), Mask("b").hashed("x"), Mask("a", "acme").hashed("x")}) == 3
    assert Mask("a").hashed("x") == Mask("a").hashed("x")
    assert Mask("").hashed("x") == HIDDEN
    assert Mask("").tag == ""
    assert Mask("a").tag not in ("", Mask("b").tag)
    assert "secret-key" not in repr(Mask("secret-key"))


def test_inline_rows_are_masked_too_and_masking_twice_changes_nothing() -> None:
    mask = Mask("key")
    masked = mask.spec(SPEC)
    assert "1234567" not in repr(masked.tables["notes"].rows)
    assert mask.spec(masked) == masked
    once = mask.tables(_suppliers(), SPEC)
    assert mask.tables(once, SPEC).tables["suppliers"].columns == once.tables["suppliers"].columns


@pytest.mark.parametrize(
    "text",
    ["a@b.co", "mail: anna.b+c@x-y.example.org!", "+49 170 1234567", "(030) 123456-7", "(555) 123-4567", "GB82 WEST 1234 5698 7654 32"],
)
def test_personal_values_are_found(text: str) -> None:
    assert is_personal_value(text)
    assert "pii:hidden" in mask_in_text(f"log: {text}")


@pytest.mark.parametrize(
    "text",
    [
        "MILK-1L",
        "2017-12-25",
        "2017-12-25T10:00:00",
        "01.02.2017",
        "4917012345",
        "0.79",
        "100-200-3000",
        "S1",
        "40 m3",
        "GB82 WEST 1234 5698 7654 33",
        "10:30",
        "",
    ],
)
def test_labels_dates_and_numbers_are_none(text: str) -> None:
    assert not is_personal_value(text)
    assert mask_in_text(text) == text


@pytest.mark.parametrize(
    ("name", "personal"),
    [("contact_email", True), ("E-Mail", True), ("Mobile", True), ("lead_days", False), ("phonetic", False), ("order_cost", False)],
)
def test_columns_tell_by_name(name: str, personal: bool) -> None:
    assert is_personal_column(name) is personal
