"""Amounts in the operator's words: patterns of every language, and what those of the views fall back on."""

from __future__ import annotations

import json
import re
from importlib.resources import files

import pytest

from oxl.engines.consumption.words import LANGUAGES, words_of
from oxl.values import UNITS


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_a_pattern_for_every_unit(language: str) -> None:
    words = words_of(language)
    assert set(words["units"]) == set(UNITS)
    for one, other in words["units"].values():
        assert "{0}" in one
        assert "{0}" in other
        assert not re.search(r"\d[^}]", other.replace("{0}", ""))
    assert {"{0}", "{1}"} <= set(re.findall(r"\{\d\}", words["money"]))
    assert len(words["decimal"]) == len(words["group"]) == 1
    for name in ("left", "title"):
        assert words[name].count("{0}") == 1
    assert len(json.dumps(words)) < 2000, "longer ones are stored apart, and read slowly"


def test_a_region_may_be_named() -> None:
    assert words_of("de-CH")["decimal"] == "."
    assert words_of("de")["decimal"] == ","


@pytest.mark.parametrize("language", ["xx", "", "ja", "de/AT", "en_US; drop"])
def test_a_language_without_words_is_refused(language: str) -> None:
    with pytest.raises(ValueError, match="no words of"):
        words_of(language)


def test_without_a_choice_it_is_english() -> None:
    text = files("oxl.engines.consumption").joinpath("words.sql").read_text("utf-8")
    (fallback,) = re.findall(r"consumption_language\), '(\{.+?\})'\)\n", text, re.DOTALL)
    assert json.loads(fallback) == words_of("en")
