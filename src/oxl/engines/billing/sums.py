"""The arithmetic of a bill, pure: proration, line rounding, tax by category, prices that include it.

This is the bill's second opinion: the run computes in SQL, set by set; the proof of `oxl doctor --billing` and the
explanation of a line compute here, and both must come to the same. Lines are counted in the currency's smallest coin.

Tax follows EN 16931: of each category, the percentage of the sum of its rounded net lines, rounded once. Line taxes are
shares of that by largest remainder. Where prices include tax, the sum of what was shown is due: its net is rounded once
and shared out among the lines in the same way, and what net and tax then differ by from it is the bill's rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from oxl.values import MICROS, divide_half_up

WHOLE = 1_000_000  # a hundred percent, in the ten-thousandths of a percent in which rates are stored
_NO_DECIMALS = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split())
_THREE_DECIMALS = frozenset("BHD IQD JOD KWD LYD OMR TND".split())


def digits_of(currency: str) -> int:
    """How many decimals the currency's smallest coin has."""
    return 0 if currency in _NO_DECIMALS else 3 if currency in _THREE_DECIMALS else 2


def coin(currency: str) -> int:
    """The currency's smallest coin in micros."""
    return MICROS // 10 ** digits_of(currency)


def rate_of(percent: Decimal) -> int:
    """A percentage as it is stored; ValueError when it is finer than that."""
    scaled = percent * 10_000
    if scaled != scaled.to_integral_value():
        raise ValueError(f"a tax rate of {percent} % is finer than a ten-thousandth of a percent")
    return int(scaled)


def prorated(price: int, days: int, of_days: int, grain: int = 1) -> int:
    """What a fee of `price` comes to for `days` of a period, rounded to whole `grain`s."""
    return divide_half_up(price * days, of_days * grain) * grain


def to_coins(exact: int, grain: int) -> tuple[int, int]:
    """(coins, micros dropped) of an exact amount in micros."""
    coins = divide_half_up(exact, grain)
    return coins, exact - coins * grain


def shares(numerators: Sequence[int], denominator: int, total: int) -> list[int]:
    """Whole parts of numerators ÷ denominator that come to `total`: floors, then the largest remainders, then order."""
    floors = [numerator // denominator for numerator in numerators]
    rests = [numerator % denominator for numerator in numerators]
    ranked = sorted(range(len(floors)), key=lambda n: (-rests[n], n))
    for n in ranked[: total - sum(floors)]:
        floors[n] += 1
    return floors


class Line(NamedTuple):
    """A line as it goes in: its tax category and rate, whether tax is included, what it comes to in coins."""

    category: str
    rate: int
    included: bool
    shown: int


class Taxed(NamedTuple):
    """A line as it comes out, in coins."""

    net: int
    tax: int


class Category(NamedTuple):
    """A row of the tax table, in coins."""

    category: str
    rate: int
    base: int
    tax: int
    rounding: int


def taxed(lines: Sequence[Line]) -> tuple[list[Taxed], list[Category]]:
    """Net and tax of every line, in their order, and the tax table by category."""
    nets: dict[int, int] = {}
    taxes: dict[int, int] = {}
    table: list[Category] = []
    for category in sorted({line.category for line in lines}):
        places = [n for n, line in enumerate(lines) if line.category == category]
        rate = lines[places[0]].rate
        included = [n for n in places if lines[n].included]
        given = sum(lines[n].shown for n in included)
        inside = divide_half_up(given * WHOLE, WHOLE + rate)
        nets |= {n: lines[n].shown for n in places}
        nets |= dict(
            zip(included, shares([lines[n].shown * WHOLE for n in included], WHOLE + rate, inside), strict=True)
        )
        base = sum(nets[n] for n in places)
        tax = divide_half_up(base * rate, WHOLE)
        taxes |= dict(zip(places, shares([nets[n] * rate for n in places], WHOLE, tax), strict=True))
        rounding = given - inside - (tax - divide_half_up((base - inside) * rate, WHOLE))
        table.append(Category(category, rate, base, tax, rounding))
    return [Taxed(nets[n], taxes[n]) for n in range(len(lines))], table


def allocate(sources: Sequence[Sequence[Any]], bills: Sequence[tuple[str, int]]) -> list[tuple[str, str, int]]:
    """Which credit (id, rest) pays how much of which bill (id, rest), each in its order."""
    uses: list[tuple[str, str, int]] = []
    left = [list(each) for each in sources]
    for bill, owed in bills:
        for each in left:
            part = min(each[1], owed)
            if part > 0:
                uses.append((each[0], bill, part))
                each[1] -= part
                owed -= part
    return uses
