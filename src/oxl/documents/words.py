"""A document's language: its words from a catalog in gettext's format, its numbers, money and days by CLDR's rules."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files

from babel import Locale, UnknownLocaleError, dates, numbers
from babel.messages.pofile import read_po

from oxl.engines.billing.facts import Facts
from oxl.engines.billing.sums import digits_of
from oxl.values import MICROS

ENGLISH = "en"
LANGUAGES = ("de", "en", "es", "fr", "it", "nl")
_MEASURES = {"byte": (("GB", 10**9), ("MB", 10**6), ("kB", 10**3), ("B", 1)), "second": (("min", 60), ("s", 1))}
_UNITS = {"message": "messages", "tv-minute": "min"}
_NARROW = str.maketrans({"\u202f": "\u00a0", "\u2009": "\u00a0", "\u2212": "-", "\u200e": "", "\u200f": ""})


def language_of(wanted: str, country: str) -> str:
    """The language nearest to a tag such as de, de-AT or de_AT, with its country; English where none is near."""
    parts = wanted.replace("-", "_").split("_")
    if parts[0].lower() not in LANGUAGES:
        return ENGLISH
    region = parts[-1].upper() if len(parts) > 1 else country.upper()
    try:
        return str(Locale(parts[0].lower(), region))
    except (UnknownLocaleError, ValueError):
        return parts[0].lower()


@cache
def _catalog(language: str) -> dict[str, str]:
    if language == ENGLISH:
        return {}
    with files("oxl.documents").joinpath("languages", f"{language}.po").open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file, locale=language) if message.id}


def words_for(facts: Facts) -> Words:
    """The words in which the documents of a bill speak."""
    return words_of(language_of(facts.language, facts.seller.country))


@cache
def words_of(language: str) -> Words:
    """The words of a language as `language_of` gives it."""
    return Words(language)


class Words:
    """Says things in one language."""

    def __init__(self, language: str) -> None:
        self.locale = Locale.parse(language)
        self.language = language
        self._catalog = _catalog(self.locale.language)

    def __call__(self, text: str, **values: str) -> str:
        """A text of the catalog in this language, its {names} filled in; as it is where there is no translation."""
        said = self._catalog.get(text) or text
        return said.format(**values) if values else said

    def money(self, micros: int, currency: str) -> str:
        """An amount with its currency, in the coins that it has."""
        value = Decimal(micros) / MICROS
        return numbers.format_currency(value, currency, locale=self.locale).translate(_NARROW)

    def amount(self, micros: int, currency: str) -> str:
        """An amount without its currency, for columns."""
        digits = digits_of(currency)
        pattern = "#,##0" + ("." + "0" * digits if digits else "")
        return numbers.format_decimal(Decimal(micros) / MICROS, pattern, locale=self.locale).translate(_NARROW)

    def percent(self, rate: int) -> str:
        """A tax rate, stored in ten-thousandths of a percent."""
        share = Decimal(rate) / 1_000_000
        return numbers.format_percent(share, locale=self.locale, decimal_quantization=False).translate(_NARROW)

    def whole(self, number: int) -> str:
        """A whole number with its groups."""
        return numbers.format_decimal(number, locale=self.locale).translate(_NARROW)

    def day(self, day: date) -> str:
        """A day in full."""
        return dates.format_date(day, "long", locale=self.locale).translate(_NARROW)

    def short_day(self, day: date) -> str:
        """A day in figures."""
        return dates.format_date(day, "medium", locale=self.locale).translate(_NARROW)

    def period(self, first: date, last: date) -> str:
        """From one day to another, both included."""
        if first == last:
            return self.short_day(first)
        return dates.format_interval(first, last, "yMMMd", locale=self.locale).translate(_NARROW)

    def quantity(self, quantity: int, unit: str) -> str:
        """So much of a ledger unit as a person would say it: bytes in the largest that fits, seconds as minutes."""
        if unit == "second":
            return f"{self.whole(quantity // 60)}:{quantity % 60:02d}\u00a0min"
        for name, size in _MEASURES.get(unit, ()):
            if abs(quantity) >= size:
                scaled = numbers.format_decimal(Decimal(quantity) / size, "#,##0.##", locale=self.locale)
                return f"{scaled.translate(_NARROW)}\u00a0{name}"
        return f"{self.whole(quantity)}\u00a0{self(_UNITS.get(unit, unit))}"
