"""Quantities, decimals and rounding: what every hall counts on."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from fractions import Fraction

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxl.values import (
    MAX_ATOMS,
    UNITS,
    BadValue,
    bounded_decimal,
    divide_half_up,
    from_atoms,
    is_uri,
    to_atoms,
    to_decimal,
    unit_of,
    usage_type,
)

_URIS = jsonschema_rs.validator_for({"type": "string", "format": "uri"}, validate_formats=True)
CODES = [*UNITS, "EUR", "JPY", "KWD"]
ATOMS = st.integers(-MAX_ATOMS, MAX_ATOMS)


@pytest.mark.parametrize(
    ("amount", "code", "unit", "atoms"),
    [
        (1, "EUR", "EUR", 1_000_000),
        (Decimal("0.000001"), "EUR", "EUR", 1),
        (Decimal("-2.5"), "EUR", "EUR", -2_500_000),
        (Decimal("1E+2"), "EUR", "EUR", 100_000_000),
        (1, "GB", "byte", 10**9),
        (1, "GiB", "byte", 2**30),
        (Decimal("1.5"), "kB", "byte", 1500),
        (Decimal("0.5"), "min", "second", 30),
        (2, "h", "second", 7200),
        (Decimal("0.25"), "tv-hour", "tv-minute", 15),
        (3, "sms", "message", 3),
        (7, "points", "points", 7),
        (Decimal("50.0"), "sms", "message", 50),
        (MAX_ATOMS, "byte", "byte", MAX_ATOMS),
        (-MAX_ATOMS, "byte", "byte", -MAX_ATOMS),
    ],
)
def test_an_amount_is_a_whole_number_of_atoms(amount, code, unit, atoms) -> None:
    assert to_atoms(amount, code) == (unit, atoms)


@pytest.mark.parametrize(
    ("amount", "code", "why"),
    [
        (Decimal("0.0000001"), "EUR", "finer than the smallest unit"),
        (Decimal("0.5"), "byte", "finer than the smallest unit"),
        (Decimal("0.01"), "min", "finer than the smallest unit"),
        (Decimal("1.5"), "sms", "finer than the smallest unit"),
        (MAX_ATOMS, "kB", "out of range"),
        (9_300_000_000_000, "EUR", "out of range"),
        (2**63, "byte", "out of range"),
        (1, "eur", "unknown unit"),
        (1, "XXX", "unknown unit"),
        (1, "", "unknown unit"),
        (1, None, "unknown unit"),
        (1, ["EUR"], "unknown unit"),
        (True, "EUR", "expected a number"),
        ("5", "EUR", "expected a number"),
        (5.0, "EUR", "expected a number"),
        (None, "EUR", "expected a number"),
        (Decimal("NaN"), "EUR", "out of range"),
        (Decimal("Infinity"), "EUR", "out of range"),
    ],
)
def test_what_is_no_amount_is_refused_saying_why(amount, code, why) -> None:
    with pytest.raises(BadValue, match=why):
        to_atoms(amount, code)


@given(ATOMS, st.sampled_from(CODES))
def test_atoms_shown_in_a_unit_and_taken_back_are_the_same_where_they_are_shown_exactly(atoms, code) -> None:
    shown = from_atoms(atoms, code)
    if Fraction(shown) * unit_of(code).atoms == atoms:
        assert to_atoms(shown, code) == (unit_of(code).ledger, atoms)
    else:
        assert abs(Fraction(shown) - Fraction(atoms, unit_of(code).atoms)) <= Fraction(1, 2_000_000)


@given(ATOMS, st.sampled_from(["EUR", "JPY", "byte", "kB", "GB", "s", "sms"]))
def test_money_bytes_seconds_and_messages_are_always_shown_exactly(atoms, code) -> None:
    assert to_atoms(from_atoms(atoms, code), code)[1] == atoms


@pytest.mark.parametrize(("atoms", "code", "shown"), [(50_000_000, "EUR", 50), (3600, "min", 60), (0, "GB", 0)])
def test_a_whole_amount_is_shown_as_an_integer(atoms, code, shown) -> None:
    assert from_atoms(atoms, code) == shown
    assert type(from_atoms(atoms, code)) is int


@pytest.mark.parametrize(
    "text",
    ["0", "-0", "1.5", "9" * 18, "0." + "0" * 18 + "1", "1e18", "1E-19", "-1.5e+3", "0e99", "123456789012345678.9"],
)
def test_a_decimal_within_bounds_is_taken_as_written(text) -> None:
    assert bounded_decimal(text) == Decimal(text)


@pytest.mark.parametrize(
    "text",
    [
        "1e400", "1e-400", "1e99", "1e19", "1e-20", "9" * 39, "0." + "1" * 39, "1" * 20, "NaN", "Infinity",
        "-Infinity", "sNaN", "", " 1", "1 ", "+1", ".5", "5.", "1_000", "1,5", "0x10", "1e", "--1", "1" * 1_000_000,
    ],
)  # fmt: skip
def test_a_decimal_out_of_bounds_is_refused_before_any_arithmetic(text) -> None:
    with pytest.raises(BadValue, match="out of range"):
        bounded_decimal(text)


@given(st.decimals(allow_nan=True, allow_infinity=True))
def test_every_decimal_is_taken_exactly_or_refused(number) -> None:
    try:
        taken = to_decimal(number)
    except BadValue:
        assert not number.is_finite() or len(str(number)) > 19 or not -19 <= number.adjusted() <= 18
    else:
        assert taken == number


@given(st.text(max_size=12))
def test_no_text_makes_a_decimal_fail_otherwise_than_by_refusal(text) -> None:
    with contextlib.suppress(BadValue):
        assert bounded_decimal(text).is_finite()


@pytest.mark.parametrize(
    ("numerator", "denominator", "quotient"),
    [
        (1, 2, 1), (-1, 2, -1), (1, -2, -1), (-1, -2, 1), (3, 2, 2), (5, 2, 3), (-5, 2, -3), (4, 3, 1), (5, 3, 2),
        (-4, 3, -1), (-5, 3, -2), (0, 7, 0), (7, 7, 1), (25, 10, 3), (35, 10, 4), (-25, 10, -3), (24, 10, 2),
    ],
)  # fmt: skip
def test_a_tie_is_rounded_away_from_zero(numerator, denominator, quotient) -> None:
    assert divide_half_up(numerator, denominator) == quotient


@given(st.integers(-(10**30), 10**30), st.integers(-(10**12), 10**12).filter(bool))
def test_a_rounded_quotient_is_the_nearest_and_mirrors_its_negative(numerator, denominator) -> None:
    quotient, exact = divide_half_up(numerator, denominator), Fraction(numerator, denominator)
    assert abs(quotient - exact) <= Fraction(1, 2)
    if abs(quotient - exact) == Fraction(1, 2):
        assert abs(quotient) > abs(exact)
    assert divide_half_up(-numerator, denominator) == -quotient


@pytest.mark.parametrize(
    ("unit", "kind"),
    [("EUR", "monetary"), ("byte", "data"), ("second", "voice"), ("message", "sms"), ("tv-minute", "other")],
)
def test_a_ledger_unit_has_a_usage_type(unit, kind) -> None:
    assert usage_type(unit) == kind


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("https://kit.example/a?b=c#d", True), ("urn:tmf:usage", True), ("x://[::1]:80/", True), ("a:", True),
        ("mailto:a@b", True), ("/usage/1", False), ("", False), ("string", False), ("x://a b/", False),
        ("x://ä/", False), ("x://a@b@c", False), ("x:%zz", False), ("x:a#b#c", False), ("X¬\u00ad\u0097", False),
    ],
)  # fmt: skip
def test_an_address_is_absolute_and_escaped(text: str, right: bool) -> None:
    assert is_uri(text) is right


@given(st.text(alphabet="ab1:/?#@%2-+. é", max_size=12).flatmap(lambda text: st.sampled_from([text, f"a:{text}"])))
def test_an_address_is_what_checkers_of_schemas_take_for_one(text: str) -> None:
    assert is_uri(text) == _URIS.is_valid(text)
