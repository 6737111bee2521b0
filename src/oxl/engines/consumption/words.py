"""The words in which amounts are told: `1.8 GB left` in the operator's language.

Forms of numbers, units and money are those of the Unicode CLDR (through Babel); a few words that it has not are ours.
The views hold an amount against these patterns, so that every reader of a report sees the same text.
"""

from __future__ import annotations

from typing import Any

from babel import Locale, UnknownLocaleError
from babel.numbers import get_currency_symbol, get_decimal_symbol, get_group_symbol
from babel.units import format_unit

from oxl.values import UNITS

# language → title of a report, what is left, without limit, nothing left
_OURS = {
    "cs": ("Spotřeba {0}", "zbývá {0}", "Neomezeně", "vyčerpáno"),
    "da": ("Forbrug for {0}", "{0} tilbage", "Ubegrænset", "opbrugt"),
    "de": ("Verbrauch von {0}", "noch {0}", "Unbegrenzt", "aufgebraucht"),
    "en": ("Usage consumption of {0}", "{0} left", "Unlimited", "exhausted"),
    "es": ("Consumo de {0}", "quedan {0}", "Ilimitado", "agotado"),
    "fi": ("Käyttö: {0}", "{0} jäljellä", "Rajoittamaton", "käytetty loppuun"),
    "fr": ("Consommation de {0}", "reste {0}", "Illimité", "épuisé"),
    "it": ("Consumo di {0}", "restano {0}", "Illimitato", "esaurito"),
    "nl": ("Verbruik van {0}", "nog {0}", "Onbeperkt", "verbruikt"),
    "pl": ("Zużycie {0}", "pozostało {0}", "Bez limitu", "wykorzystano"),
    "pt": ("Consumo de {0}", "restam {0}", "Ilimitado", "esgotado"),
    "sv": ("Förbrukning för {0}", "{0} kvar", "Obegränsat", "slut"),
    "tr": ("{0} kullanımı", "{0} kaldı", "Sınırsız", "tükendi"),
}
LANGUAGES = tuple(_OURS)
_CLDR = {
    "TB": "digital-terabyte", "GB": "digital-gigabyte", "Go": "digital-gigabyte", "MB": "digital-megabyte",
    "Mo": "digital-megabyte", "kB": "digital-kilobyte", "KB": "digital-kilobyte", "B": "digital-byte",
    "byte": "digital-byte", "bytes": "digital-byte", "h": "duration-hour", "hour": "duration-hour",
    "hours": "duration-hour", "min": "duration-minute", "mins": "duration-minute", "minute": "duration-minute",
    "minutes": "duration-minute", "s": "duration-second", "sec": "duration-second", "second": "duration-second",
    "seconds": "duration-second", "tv-minute": "duration-minute", "tv-hour": "duration-hour",
}  # fmt: skip
_MESSAGES = {"sms": "SMS", "message": "SMS", "messages": "SMS", "mms": "MMS"}
_SYMBOLS = ("EUR", "USD", "GBP", "JPY", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "TRY", "INR", "BRL", "CNY")


def words_of(language: str) -> dict[str, Any]:
    """The patterns of a language such as `de` or `de-AT`; ValueError when OXL has no words of it."""
    try:
        locale = Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError):
        locale = None
    if locale is None or locale.language not in _OURS:
        raise ValueError(f"no words of {language!r}; there are those of {', '.join(LANGUAGES)}")
    title, left, unlimited, exhausted = _OURS[locale.language]
    money = _plain(locale.currency_formats["standard"].pattern.partition(";")[0])
    number = money.strip("¤ ")
    return {
        "title": title,
        "left": left,
        "unlimited": unlimited,
        "exhausted": exhausted,
        "decimal": get_decimal_symbol(locale),
        "group": get_group_symbol(locale),
        "money": money.replace(number, "{0}").replace("¤", "{1}"),
        "symbols": {each: mark for each in _SYMBOLS if (mark := get_currency_symbol(each, locale)) != each},
        "units": {unit: _unit(locale, unit) for unit in UNITS},
    }


def _unit(locale: Locale, unit: str) -> list[str]:
    """The pattern of exactly one, and of any other number."""
    if unit in _MESSAGES:
        return [f"{{0}} {_MESSAGES[unit]}"] * 2
    if unit not in _CLDR:
        return [f"{{0}} {unit}"] * 2
    one = 5 if _CLDR[unit].startswith("digital") else 1  # 1.0 GB is no singular
    forms = [(format_unit(n, _CLDR[unit], "short", locale=locale), str(n)) for n in (one, 5)]
    return [_plain(text).replace(digit, "{0}", 1) for text, digit in forms]


def _plain(text: str) -> str:
    """With ordinary blanks only, as people search for it."""
    return text.replace("\u00a0", " ").replace("\u202f", " ").replace("\u200f", "")
