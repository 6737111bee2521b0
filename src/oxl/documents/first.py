"""The first page of a bill: who to whom, what is due by when, what it is made of, what was used, how to pay it."""

from __future__ import annotations

from collections.abc import Iterator

from reportlab.lib.colors import Color, white

from oxl.documents import chart, slip
from oxl.documents.chart import Place
from oxl.documents.sheet import GREY, INK, LEFT, RIGHT, RULE, Sheet, Weight, tint, wrapped
from oxl.documents.words import Words
from oxl.engines.billing import facts as said
from oxl.engines.billing.facts import Facts

SECTIONS = {
    said.FEES: "Monthly fees",
    said.USAGE: "Usage",
    said.ONCE: "One-time charges",
    said.CREDITS: "Credits and discounts",
    said.PENALTIES: "Late payment fees",
}
_TITLES = {"credit note": "Credit note", "last": "Final invoice", "interim": "Interim invoice"}
_SUMMARY_RIGHT, _CHART_LEFT = 116.0, 128.0
_MIDDLE, _SLIP = 128.0, 222.0  # where the summary begins, and the payment slip


def title_of(facts: Facts) -> str:
    """What the document is called, in the catalog's words."""
    return "Preview" if facts.draft else _TITLES.get(facts.category, "Invoice")


def draw(sheet: Sheet, words: Words, facts: Facts, color: Color) -> None:
    """Draw the page, without what every page has below."""
    _head(sheet, words, facts, color)
    _address(sheet, facts)
    _dates(sheet, words, facts)
    _due(sheet, words, facts, color)
    _summary(sheet, words, facts, color)
    shown = chart.charted(facts)
    if shown:
        sheet.text(_CHART_LEFT, _MIDDLE, words("Your usage"), 11, "Medium")
        height = min(28.0, (_SLIP - 10 - _MIDDLE - 5) / len(shown) - 3)
        for n, used in enumerate(shown):
            place = Place(_CHART_LEFT, _MIDDLE + 5 + n * (height + 3), RIGHT - _CHART_LEFT, height)
            chart.draw(sheet, words, facts, used, place, color)
    _payment(sheet, words, facts, color)


def _head(sheet: Sheet, words: Words, facts: Facts, color: Color) -> None:
    sheet.box(0, 0, 210, 3, color)
    sheet.box(LEFT, 14, 9, 9, color, 2)
    sheet.text(LEFT + 4.5, 20.6, facts.seller.name[:1].upper(), 15, "Medium", white, "center")
    sheet.text(LEFT + 12, 20.4, facts.seller.name, 14, "Medium", INK, width=84)
    title = words(title_of(facts))
    if facts.category == "duplicate":
        title = f"{title} · {words('Copy')}"
    sheet.text(RIGHT, 21, title, 22, "Light", color, "right", 66)


def _address(sheet: Sheet, facts: Facts) -> None:
    seller, buyer = facts.seller, facts.buyer
    sender = " · ".join(filter(None, (seller.name, seller.street, f"{seller.postal_code} {seller.city}".strip())))
    sheet.text(LEFT, 45, sender, 6.5, color=GREY, width=80)
    sheet.rule(LEFT, 46.4, LEFT + 80, RULE, 0.15)
    lines = [*wrapped(buyer.name, 11, 82)[:3], *wrapped(buyer.street, 11, 82)[:2], f"{buyer.postal_code} {buyer.city}"]
    if buyer.country and buyer.country != seller.country:
        lines.append(buyer.country)
    for n, line in enumerate(each for each in lines if each.strip()):
        sheet.text(LEFT, 53 + n * 5.2, line, 11, width=84)


def _dates(sheet: Sheet, words: Words, facts: Facts) -> None:
    number = facts.number or words("none yet")
    rows = [
        ("Credit note number" if facts.category == "credit note" else "Invoice number", number),
        ("Date", words.day(facts.issued)),
        ("Account", facts.buyer.account),
        ("Billing period", words.period(facts.first, facts.last)),
    ]
    if facts.of_number:
        rows.append(("For invoice", facts.of_number))
    for n, (label, value) in enumerate(rows):
        y = 46 + n * 9.4
        sheet.text(_CHART_LEFT, y, words(label), 7.5, color=GREY)
        sheet.text(_CHART_LEFT, y + 4.3, value, 9.5, "Medium", width=RIGHT - _CHART_LEFT)


def _due(sheet: Sheet, words: Words, facts: Facts, color: Color) -> None:
    sheet.box(LEFT, 92, RIGHT - LEFT, 25, tint(color, 0.08), 3)
    sheet.box(LEFT, 92, 1.6, 25, color)
    label, amount, right, detail = _told(words, facts)
    sheet.text(LEFT + 8, 100.5, label, 9.5, color=GREY, width=84)
    sheet.text(LEFT + 8, 112, amount, 27, "Medium", color, width=84)
    for n, line in enumerate(wrapped(right, 9.5, RIGHT - _CHART_LEFT - 6)):
        sheet.text(_CHART_LEFT, 100.5 + n * 4.4, line, 9.5, color=GREY)
    if detail:
        sheet.text(_CHART_LEFT, 110.5, detail, 14, "Medium", width=RIGHT - _CHART_LEFT - 6)


def _told(words: Words, facts: Facts) -> tuple[str, str, str, str]:
    """What the panel says: a label, an amount, a sentence, a day."""
    if facts.draft:
        return (
            words("This would be due"),
            words.money(facts.due, facts.currency),
            words("A preview, not an invoice."),
            "",
        )
    if facts.category == "credit note":
        sentence = words("It is used for what you owe, and then for your next bills.")
        return words("Credited to you"), words.money(-facts.owed, facts.currency), sentence, ""
    if facts.due <= 0:
        sentence = words("Your credit is used for your next bills.") if facts.due else words("Everything is paid.")
        return words("Nothing to pay"), words.money(0, facts.currency), sentence, ""
    return words("Amount due"), words.money(facts.due, facts.currency), words("Please pay by"), words.day(facts.due_day)


def _rows(words: Words, facts: Facts) -> Iterator[tuple[str, int, Weight]]:
    """The summary, from the sections down to what is due."""
    for name, total in facts.sections():
        yield words(SECTIONS[name]), total, "Regular"
    vat = words("VAT")
    if not facts.shown_with_tax:
        yield words("Total without tax"), facts.net, "Medium"
        for tax in facts.taxes:
            of = words.amount(tax.base, facts.currency)
            yield f"{vat} {words.percent(tax.rate)} {words('of {amount}', amount=of)}", tax.tax, "Regular"
        if facts.rounding:
            yield words("Rounding"), facts.rounding, "Regular"
    yield words("Total with tax"), facts.owed, "Medium"
    if facts.carried:
        yield words("Owed from earlier bills" if facts.carried > 0 else "Credit from before"), facts.carried, "Regular"


def _summary(sheet: Sheet, words: Words, facts: Facts, color: Color) -> None:
    sheet.text(LEFT, _MIDDLE, words("Summary"), 11, "Medium")
    sheet.text(_SUMMARY_RIGHT, _MIDDLE, facts.currency, 8, color=GREY, align="right")
    y = _MIDDLE + 3
    sheet.rule(LEFT, y, _SUMMARY_RIGHT, INK, 0.3)
    rows = list(_rows(words, facts))
    step = min(7.0, 66 / (len(rows) + 1))
    for label, amount, weight in rows:
        y += step
        sheet.text(LEFT, y - 2, label, 9.5, weight, width=62)
        sheet.text(_SUMMARY_RIGHT, y - 2, words.amount(amount, facts.currency), 9.5, weight, align="right", width=30)
        sheet.rule(LEFT, y, _SUMMARY_RIGHT, RULE, 0.15)
    y += step + 1.5
    label = words("Credited to you" if facts.category == "credit note" else "Amount due")
    amount = -facts.owed if facts.category == "credit note" else facts.due
    sheet.box(LEFT, y - step, _SUMMARY_RIGHT - LEFT, step + 1.2, tint(color, 0.12), 1.2)
    sheet.text(LEFT + 2, y - 1.6, label, 10.5, "Medium", color, width=52)
    sheet.text(_SUMMARY_RIGHT - 2, y - 1.6, words.amount(amount, facts.currency), 10.5, "Medium", color, "right", 34)
    if facts.shown_with_tax:
        for tax in facts.taxes:
            y += 4.6
            of, inside = (words.money(each, facts.currency) for each in (tax.base, tax.tax))
            text = words("Includes {rate} VAT: {tax} on {amount}", rate=words.percent(tax.rate), tax=inside, amount=of)
            sheet.text(LEFT + 2, y, text, 7.5, color=GREY, width=_SUMMARY_RIGHT - LEFT - 4)
    _untaxed(sheet, words, facts, y + 4.6)


def _untaxed(sheet: Sheet, words: Words, facts: Facts, y: float) -> None:
    """Why there is no tax on some of it."""
    for each in facts.exemptions:
        reversed_ = each.category == "AE"
        told = [
            words("Reverse charge: the customer owes the VAT") if reversed_ else words("Exempt from VAT"),
            each.reason,
        ]
        numbers = (("Certificate", each.certificate), ("Your VAT number", each.tax_number))
        told += [f"{words(label)} {value}" for label, value in numbers if value]
        for line in wrapped(" · ".join(told), 7.5, _SUMMARY_RIGHT - LEFT - 4)[:3]:
            sheet.text(LEFT + 2, y, line, 7.5, color=GREY, width=_SUMMARY_RIGHT - LEFT - 4)
            y += 3.4


def _payment(sheet: Sheet, words: Words, facts: Facts, color: Color) -> None:
    if facts.due <= 0 or facts.draft or facts.category == "credit note" or not facts.seller.iban:
        return
    sheet.rule(0, _SLIP, 210, RULE, 0.2, dashed=True)
    sheet.text(LEFT, _SLIP + 9, words("How to pay"), 11, "Medium")
    money = words.money(facts.due, facts.currency)
    fields = (
        (LEFT, 16, "Recipient", facts.seller.name, 70),
        (LEFT, 26, "IBAN", slip.spaced(facts.seller.iban), 70),
        (LEFT, 36, "BIC", facts.seller.bic or "–", 40),
        (98, 16, "Amount", money, 50),
        (98, 26, "Reference", facts.number or "–", 50),
        (98, 36, "Please pay by", words.day(facts.due_day), 50),
    )
    for x, y, label, value, width in fields:
        sheet.text(x, _SLIP + y, words(label), 7, color=GREY)
        sheet.text(x, _SLIP + y + 4.4, value, 10, "Medium", INK, width=width)
    code = slip.code_of(facts)
    if code:
        sheet.code(RIGHT - 30, _SLIP + 8, 30, code)
        sheet.text(
            RIGHT - 15, _SLIP + 41.5, words("Pay with your banking app"), 6.5, color=color, align="center", width=34
        )
