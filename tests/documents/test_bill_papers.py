"""Documents of bills as they are: e-invoices by the official rules, pages on which nothing is cut off or missing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pypdfium2
import pytest
from lxml import etree
from PIL import ImageOps
from tests.documents.bills import NAMES, bill
from tests.documents.einvoice import faults_of

from oxl.documents import words as language
from oxl.documents.details import pages
from oxl.documents.pdf import pdf_of
from oxl.documents.slip import code_of, iban_is_right, spaced
from oxl.documents.ubl import can_be_told, ubl_of
from oxl.documents.words import LANGUAGES, Words, language_of, words_for, words_of

POINTS = 72 / 25.4  # of a millimetre


def texts(page: Any) -> list[tuple[float, float, float, float]]:
    """Where the texts of a page are: left, bottom, right, top in points."""
    found = page.get_textpage()
    return [found.get_rect(n) for n in range(found.count_rects())]


def said(content: bytes) -> str:
    """The words of a PDF, one space between two."""
    document = pypdfium2.PdfDocument(content)
    return " ".join(" ".join(document[n].get_textpage().get_text_range() for n in range(len(document))).split())


@pytest.mark.parametrize("hundred", range(5))
def test_e_invoices_of_random_bills_break_no_rule_of_the_standard(hundred: int) -> None:
    for seed in range(hundred * 100, hundred * 100 + 100):
        facts = bill(seed)
        assert can_be_told(facts)
        assert faults_of(ubl_of(facts)) == [], seed


def test_an_e_invoice_that_is_off_by_a_coin_is_noticed() -> None:
    content = ubl_of(bill(1, category="normal"))
    tree = etree.fromstring(content)
    total = next(tree.iter("{*}LegalMonetaryTotal")).find("{*}LineExtensionAmount")
    total.text = str(Decimal(total.text) + Decimal("0.01"))
    faults = faults_of(etree.tostring(tree))
    assert any("BR-CO-10" in fault for fault in faults)


def test_a_price_of_nine_ninety_nine_is_due_as_it_is_and_the_rounding_is_its_own_figure() -> None:
    facts = next(
        each for each in (bill(seed, category="normal", lines=1) for seed in range(500))
        if each.lines[0].tax_included and each.rounding and not each.carried
    )  # fmt: skip
    totals = next(etree.fromstring(ubl_of(facts)).iter("{*}LegalMonetaryTotal"))
    figures = {etree.QName(each).localname: Decimal(each.text) for each in totals}
    assert figures["PayableAmount"] == Decimal(facts.lines[0].shown) / 1_000_000
    assert figures["PayableRoundingAmount"] == figures["PayableAmount"] - figures["TaxInclusiveAmount"] != 0


def test_what_the_standard_cannot_say_is_not_told() -> None:
    facts = bill(3, category="normal")
    assert not can_be_told(msgspec.structs.replace(facts, draft=True))
    assert not can_be_told(bill(3, currency="KWD"))
    nobody = msgspec.structs.replace(facts.seller, tax_number="")
    assert not can_be_told(msgspec.structs.replace(facts, seller=nobody))


@pytest.mark.parametrize("seed", range(24))
def test_nothing_is_cut_off_and_nothing_overlaps(seed: int) -> None:
    facts = bill(seed, LANGUAGES[seed % len(LANGUAGES)], lines=(1, 7, 45, 130)[seed % 4])
    document = pypdfium2.PdfDocument(pdf_of(facts))
    assert len(document) == 1 + len(pages(words_for(facts), facts))
    for page in document:
        width, height = page.get_size()
        boxes = texts(page)
        for left, bottom, right, top in boxes:
            assert left >= 20 * POINTS
            assert right <= width - 20 * POINTS
            assert bottom >= 5 * POINTS
            assert top <= height - 5 * POINTS
        for n, (left, bottom, right, top) in enumerate(boxes):
            for other in boxes[n + 1 :]:
                across = min(right, other[2]) - max(left, other[0])
                along = min(top, other[3]) - max(bottom, other[1])
                assert across < 1 or along < 1, (boxes[n], other)
        picture = ImageOps.invert(page.render(scale=1, grayscale=True).to_pil())
        below_bar = picture.crop((0, 12, picture.width, picture.height))
        assert below_bar.crop((0, 0, 40, 600)).getbbox() is None, "the left margin is white"
        assert below_bar.crop((picture.width - 40, 0, picture.width, 600)).getbbox() is None, "and so is the right"


@pytest.mark.parametrize("seed", range(12))
def test_the_page_says_what_the_bill_says(seed: int) -> None:
    facts = bill(seed, "en")
    words, text = words_of("en_DE"), said(pdf_of(facts))
    figures = [facts.due if facts.due > 0 and facts.category != "credit note" else 0]
    figures += [each.base for each in facts.taxes] + [each.tax for each in facts.taxes]
    figures += [facts.amount(line) for line in facts.lines] + [facts.net, facts.tax, facts.net + facts.tax]
    for figure in figures:
        assert words.amount(figure, facts.currency) in text
    for part in (facts.number, facts.buyer.account, facts.seller.name, *(line.name for line in facts.lines)):
        assert str(part).replace(" ", "") in text.replace(" ", "")  # a long name may be broken


def test_the_same_facts_are_the_same_bytes_whatever_was_drawn_between() -> None:
    before = [pdf_of(bill(seed)) for seed in range(4)]
    assert [pdf_of(bill(seed)) for seed in reversed(range(4))] == before[::-1]
    assert ubl_of(bill(1)) == ubl_of(bill(1))


@pytest.mark.parametrize("name", [each for each in LANGUAGES if each != "en"])
def test_a_language_has_every_word_that_documents_say(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: set[str] = set()
    plain = Words.__call__

    def heard(self: Words, text: str, **values: str) -> str:
        asked.add(text)
        return plain(self, text, **values)

    monkeypatch.setattr(Words, "__call__", heard)
    for seed in range(20):
        facts = bill(seed, "en", lines=20)
        pdf_of(facts)
        ubl_of(facts)
    pdf_of(msgspec.structs.replace(facts, draft=True, number=None))
    pdf_of(msgspec.structs.replace(bill(1, "en", "normal"), due=-1_000_000))
    pdf_of(msgspec.structs.replace(bill(1, "en", "normal"), due=0))
    units = {"mms", "points", "min", "BIC", "IBAN"}  # are what they are in every language
    missing = {text for text in asked - units if not language._catalog(name).get(text)}
    assert not missing
    for text, there in language._catalog(name).items():
        assert {part.split("}")[0] for part in text.split("{")[1:]} == {
            part.split("}")[0] for part in there.split("{")[1:]
        }, text


def test_money_days_and_quantities_are_told_by_the_rules_of_the_language() -> None:
    german, english, french = (words_of(each) for each in ("de_DE", "en_US", "fr_FR"))
    assert german.money(1_234_560_000, "EUR") == "1.234,56\xa0€"
    assert english.money(-1_234_560_000, "USD") == "-$1,234.56"
    assert french.money(1_234_560_000, "EUR") == "1\xa0234,56\xa0€"
    assert german.money(1_234_000_000, "JPY") == "1.234\xa0¥"
    assert (german.percent(190_000), english.percent(75_000)) == ("19\xa0%", "7.5%")
    assert english.quantity(3_723, "second") == "62:03\xa0min"
    assert [english.quantity(each, "byte") for each in (1_500_000_000, 2_000_000, 999)] == [
        "1.5\xa0GB", "2\xa0MB", "999\xa0B"]  # fmt: skip
    assert language_of("de-AT", "DE") == "de_AT"
    assert language_of("fr", "CH") == "fr_CH"
    assert language_of("", "DE") == language_of("xx", "DE") == "en"
    assert language_of("de", "ZZ9") == "de"


def test_the_payment_code_holds_what_a_bank_needs() -> None:
    facts = next(each for each in (bill(seed, category="normal") for seed in range(50)) if each.due > 0)
    parts = (code_of(facts) or "").split("\n")
    assert parts[:4] == ["BCD", "002", "1", "SCT"]
    assert parts[4:7] == ["BYLADEM1001", "Aurora Mobile GmbH", "DE02120300000000202051"]
    assert Decimal(parts[7].removeprefix("EUR")) * 1_000_000 == facts.due
    assert parts[10] == facts.number
    assert iban_is_right("DE02 1203 0000 0000 2020 51")
    assert not iban_is_right("DE03 1203 0000 0000 2020 51")
    assert spaced("DE02120300000000202051") == "DE02 1203 0000 0000 2020 51"
    assert code_of(bill(1, category="normal", currency="USD")) is None


def test_long_names_are_wrapped_and_kept_whole() -> None:
    facts = bill(2, "en", "normal", 60)
    text = said(pdf_of(facts))
    assert {line.name for line in facts.lines} == set(NAMES)
    assert "Donaudampfschiff" in text
    assert "Sonderzeichen < & > \" '" in text
