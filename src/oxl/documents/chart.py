"""How much was used each day of the period, drawn as bars: one small chart for each kind of usage."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from reportlab.lib.colors import Color

from oxl.documents.sheet import GREY, INK, PALE, RULE, Sheet, tint
from oxl.documents.words import Words
from oxl.engines.billing.facts import Facts, Used

_NAMES = {"byte": "Data", "second": "Calls", "message": "Messages", "tv-minute": "Television"}
MOST = 3  # charts beside one another's figures
_GAP = 0.25  # of a bar's place, that stays free


class Place(NamedTuple):
    """Where a chart goes, in millimetres."""

    x: float
    y: float
    width: float
    height: float


def charted(facts: Facts) -> list[Used]:
    """The kinds of usage that are drawn: data, calls, messages, then others."""
    order = list(_NAMES)
    found = [each for each in facts.used if any(each.days)]
    return sorted(found, key=lambda each: order.index(each.unit) if each.unit in order else len(order))[:MOST]


def draw(sheet: Sheet, words: Words, facts: Facts, used: Used, place: Place, color: Color) -> None:
    """One chart: what it is of and its sum above, a bar for each day, the days of the month below."""
    x, y, width, height = place
    name = words(_NAMES.get(used.unit, used.unit))
    sheet.text(x, y + 3.2, name, 8.5, "Medium")
    total = words.quantity(sum(used.days), used.unit)
    sheet.text(x + width, y + 3.2, total, 8.5, "Medium", color, "right", width - 22)
    top, base = y + 7.5, y + height - 4
    most = max(used.days)
    peak = words.quantity(most, used.unit)
    sheet.rule(x, top, x + width, tint(RULE, 0.7), 0.15)
    sheet.text(x, top - 0.9, peak, 5.8, color=PALE)
    step = width / len(used.days)
    for n, amount in enumerate(used.days):
        tall = (base - top) * amount / most
        if tall > 0:
            shade = color if amount == most else tint(color, 0.55)
            sheet.box(x + n * step + step * _GAP / 2, base - max(tall, 0.25), step * (1 - _GAP), max(tall, 0.25), shade)
    sheet.rule(x, base, x + width, GREY, 0.2)
    every = max(1, round(len(used.days) / 4))
    for n in range(0, len(used.days), every):
        day = facts.first + timedelta(days=n)
        sheet.text(x + (n + 0.5) * step, base + 3, str(day.day), 5.8, color=GREY if n else INK, align="center")
