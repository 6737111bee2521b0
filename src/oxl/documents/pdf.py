"""The document that a customer reads, as PDF."""

from __future__ import annotations

from reportlab.lib.colors import HexColor

from oxl.documents import details, first
from oxl.documents.sheet import GREY, LEFT, RIGHT, RULE, Sheet
from oxl.documents.words import Words, words_for
from oxl.engines.billing.facts import Facts


def pdf_of(facts: Facts) -> bytes:
    """The PDF of a bill; the same facts give the same bytes."""
    words = words_for(facts)
    color = HexColor(facts.seller.color)
    title = " ".join(filter(None, (words(first.title_of(facts)), facts.number)))
    sheet = Sheet(f"{title} – {facts.seller.name}", facts.seller.name, words.language)
    pages = details.pages(words, facts)
    count = len(pages) + 1
    first.draw(sheet, words, facts, color)
    _foot(sheet, words, facts, 1, count)
    for n, rows in enumerate(pages, 2):
        sheet.end_page()
        details.draw(sheet, words, facts, rows, title, color)
        _foot(sheet, words, facts, n, count)
    return sheet.finished()


def _foot(sheet: Sheet, words: Words, facts: Facts, page: int, count: int) -> None:
    seller = facts.seller
    city = f"{seller.postal_code} {seller.city}".strip()
    columns = (
        (seller.name, ", ".join(filter(None, (seller.street, city)))),
        tuple(filter(None, (seller.phone, seller.email, seller.web))),
        tuple(filter(None, (seller.register, f"{words('VAT ID')} {seller.tax_number}" if seller.tax_number else ""))),
    )
    sheet.rule(LEFT, 275, RIGHT, RULE, 0.15)
    for n, lines in enumerate(columns):
        for m, line in enumerate(lines[:3]):
            sheet.text(LEFT + n * 56, 279 + m * 3.2, line, 6.5, color=GREY, width=52)
    place = words("Page {page} of {count}", page=str(page), count=str(count))
    sheet.text(RIGHT, 289, place, 6.5, color=GREY, align="right")
