"""The pages after the first: every line, grouped by product and kind, with its sums; the tax table at the end.

What goes on which page is found before anything is drawn, so that every page can say how many there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from reportlab.lib.colors import Color

from oxl.documents.first import SECTIONS as NAMES
from oxl.documents.sheet import GREY, INK, LEFT, RIGHT, RULE, Sheet, tint, wrapped
from oxl.documents.words import Words
from oxl.engines.billing.facts import SECTIONS, USAGE, Facts, Line

TOP, BOTTOM = 34.0, 266.0
_NAME, _PERIOD, _COUNT, _QUANTITY = 66.0, 91.0, 137.0, 161.0  # the name's width, where the period begins, others end
_SIZE = 8.5


class Row(NamedTuple):
    """Something of a page: how it looks, how tall it is, its cells; `keep`: how much must follow on the same page."""

    kind: str  # product, section, line, sum, tax head, tax, total, note, space
    height: float
    cells: tuple[str, ...] = ()
    keep: float = 0


def pages(words: Words, facts: Facts) -> list[list[Row]]:
    """The rows of each page."""
    found: list[list[Row]] = [[]]
    free = BOTTOM - TOP
    for row in _rows(words, facts):
        if row.height + row.keep > free and found[-1]:
            found.append([])
            free = BOTTOM - TOP
        if row.kind == "space" and not found[-1]:
            continue
        found[-1].append(row)
        free -= row.height
    return [page for page in found if page]


def _rows(words: Words, facts: Facts) -> Iterator[Row]:
    for place in sorted({line.product for line in facts.lines}, key=lambda each: (each == 0, each)):
        mine = [line for line in facts.lines if line.product == place]
        total = words.money(facts.total(mine), facts.currency)
        yield Row("space", 3)
        if place:
            product = facts.products[place - 1]
            yield Row("product", 9, (_number(product.number), product.plan, total), 20)
        else:
            yield Row("product", 9, (words("Account"), facts.buyer.account, total), 20)
        for section in SECTIONS:
            lines = [line for line in mine if line.section == section]
            if not lines:
                continue
            yield Row("section", 7.5, (words(NAMES[section]),), 8)
            for line in lines:
                yield _line(words, facts, line)
            if len(lines) > 1:
                yield Row("sum", 6.5, (words.amount(facts.total(lines), facts.currency),))
            else:
                yield Row("space", 2)
    yield from _tax_table(words, facts)


def _number(number: str) -> str:
    return f"+{number[:2]} {number[2:5]} {number[5:]}" if number.isdigit() and len(number) > 8 else number


def _line(words: Words, facts: Facts, line: Line) -> Row:
    name = wrapped(line.name, _SIZE, _NAME)
    quantity = count = ""
    if line.of_days and line.quantity is not None and line.quantity != line.of_days:
        quantity = words("{days} of {all} days", days=str(line.quantity), all=str(line.of_days))
    elif line.section == USAGE and line.quantity is not None and line.unit:
        quantity, count = words.quantity(line.quantity, line.unit), words.whole(line.events or 0)
    amount = words.amount(facts.amount(line), facts.currency)
    cells = (words.period(line.first, line.last), count, quantity, amount, *name)
    return Row("line", 5.2 + 3.8 * (len(name) - 1), cells, 6.5)


def _tax_table(words: Words, facts: Facts) -> Iterator[Row]:
    heads = ("Tax rate", "Without tax", "Tax", "With tax")
    after = 5.5 * (len(facts.taxes) + 2)
    yield Row("space", 6)
    yield Row("section", 8, (words("Tax"),), after + 8)
    yield Row("tax head", 6, tuple(words(each) for each in heads), after)
    for tax in facts.taxes:
        money = (words.amount(each, facts.currency) for each in (tax.base, tax.tax, tax.base + tax.tax))
        yield Row("tax", 5.5, (f"{words.percent(tax.rate)}  ({tax.category})", *money))
    money = (words.amount(each, facts.currency) for each in (facts.net, facts.tax, facts.net + facts.tax))
    yield Row("total", 6.5, (words("Total"), *money))
    if facts.rounding:
        text = words(
            "Prices are shown with tax. The tax of a bill is computed from its sum, so that what was shown"
            " differs from it by {amount}; due is what was shown.",
            amount=words.money(facts.rounding, facts.currency),
        )
        lines = wrapped(text, 7.5, RIGHT - LEFT)
        yield Row("note", 3 + 3.6 * len(lines), tuple(lines))


def draw(sheet: Sheet, words: Words, facts: Facts, rows: list[Row], title: str, color: Color) -> None:
    """Draw a page, without what every page has below."""
    sheet.box(0, 0, 210, 3, color)
    sheet.text(LEFT, 17, facts.seller.name, 9.5, "Medium", width=80)
    sheet.text(RIGHT, 17, title, 9.5, color=GREY, align="right", width=80)
    sheet.rule(LEFT, 20, RIGHT, RULE, 0.2)
    if any(row.kind == "line" for row in rows):
        _heads(sheet, words, facts)
    y = TOP
    for row in rows:
        _DRAWN[row.kind](sheet, y, row, color)
        y += row.height


def _heads(sheet: Sheet, words: Words, facts: Facts) -> None:
    shown = "Amount with tax" if facts.shown_with_tax else "Amount without tax"
    sheet.text(_PERIOD, 27, words("Period"), 7, color=GREY)
    sheet.text(_COUNT, 27, words("Count"), 7, color=GREY, align="right")
    sheet.text(_QUANTITY, 27, words("Quantity"), 7, color=GREY, align="right")
    sheet.text(RIGHT, 27, f"{words(shown)}, {facts.currency}", 7, color=GREY, align="right", width=26)
    sheet.text(LEFT, 27, words("Description"), 7, color=GREY)


def _product(sheet: Sheet, y: float, row: Row, color: Color) -> None:
    sheet.box(LEFT, y, RIGHT - LEFT, 7.5, tint(color, 0.08), 1.5)
    sheet.text(LEFT + 2.5, y + 5.1, row.cells[0], 10, "Medium", color, width=44)
    sheet.text(LEFT + 50, y + 5.1, row.cells[1], 9.5, width=72)
    sheet.text(RIGHT - 2.5, y + 5.1, row.cells[2], 10, "Medium", color, "right", 36)


def _section(sheet: Sheet, y: float, row: Row, _: Color) -> None:
    sheet.text(LEFT, y + 5.5, row.cells[0], 9, "Medium")
    sheet.rule(LEFT, y + 7, RIGHT, INK, 0.2)


def _drawn_line(sheet: Sheet, y: float, row: Row, _: Color) -> None:
    period, count, quantity, amount, *name = row.cells
    for n, part in enumerate(name):
        sheet.text(LEFT, y + 3.9 + 3.8 * n, part, _SIZE)
    sheet.text(_PERIOD, y + 3.9, period, 7.5, color=GREY, width=36)
    sheet.text(_COUNT, y + 3.9, count, _SIZE, align="right", width=9)
    sheet.text(_QUANTITY, y + 3.9, quantity, _SIZE, align="right", width=23)
    sheet.text(RIGHT, y + 3.9, amount, _SIZE, align="right", width=26)
    sheet.rule(LEFT, y + row.height, RIGHT, RULE, 0.12)


def _sum(sheet: Sheet, y: float, row: Row, _: Color) -> None:
    sheet.text(RIGHT, y + 4.4, row.cells[0], _SIZE, "Medium", align="right", width=26)


def _taxes(sheet: Sheet, y: float, row: Row, _: Color) -> None:
    head, bold = row.kind == "tax head", row.kind == "total"
    size, color = (7.0, GREY) if head else (_SIZE, INK)
    weight = "Medium" if bold else "Regular"
    sheet.text(LEFT, y + 4, row.cells[0], size, weight, color)
    for n, cell in enumerate(row.cells[1:]):
        sheet.text(RIGHT - 37 * (2 - n), y + 4, cell, size, weight, color, "right", 34)
    sheet.rule(LEFT, y + 5.5, RIGHT, INK if bold else RULE, 0.2 if bold else 0.12)


def _note(sheet: Sheet, y: float, row: Row, _: Color) -> None:
    for n, line in enumerate(row.cells):
        sheet.text(LEFT, y + 5 + 3.6 * n, line, 7.5, color=GREY)


def _space(sheet: Sheet, y: float, row: Row, color: Color) -> None:
    """Nothing."""


_DRAWN = {
    "product": _product,
    "section": _section,
    "line": _drawn_line,
    "sum": _sum,
    "tax head": _taxes,
    "tax": _taxes,
    "total": _taxes,
    "note": _note,
    "space": _space,
}
