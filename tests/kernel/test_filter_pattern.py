"""Regular expressions: PostgreSQL, asked with the translated pattern, says what RE2 says of the original."""

from __future__ import annotations

import json

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.waiting import PATIENCE

from oxl.kernel.problem import STATUS
from oxl.query.pattern import Dialect, translate
from oxl.verbs import Refusal

TEXTS = [
    "", "a", "A", "ab", "aab", "aB", "ba", "abc", "a\nb", "\n", "b\r", "_", "-", "]", "^", "a-b", "$", "9",
    "٣", "é", "É", "ß",
    "ẞ", "ſ", "s", "S", "K", "k", "σς", "Σ", "İ", "i", "ı", "😀", "a b", "\t", "\u00a0", "\u2028", "a{2}",
    "aaa", "a" * 40,
    "\\", "\\d", "(a)", "|", "b" * 300, "xyz", "XYZ", "µ", "Μ", "\x0b", "\x7f", "Ǆ", "ǅ", "ǆ", "`", "[", "@", "Z", "z",
]  # fmt: skip
atoms = st.sampled_from(
    [*"abkKsSzZéßσiI9_-]}", ".", "^",
    "$", r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", r"\.", r"\\", r"\n", r"\t", r"\]", r"\-",
     "[a-c]", "[^a-c]", "[abk]", "[^b]", "[]a]", "[^]a]", "[a-]", "[-a]", r"[\d_]", r"[\w-]", r"[^\s]",
     "[A-z]", "[à-ö]", "[*.]",
     r"[\]]", r"[\-x]", "[$^]", "[|]", r"[\d-z]", "[[]", "{", "a{2", "{a}", " ", "😀",
     "ſ", r"\v", r"\x41", r"\b", r"\pL",
     "[[:alpha:]]", "(?:)", "()", "(?i:a)", r"\A", r"\Qa\E", "[a&&b]", "#", "/", '"', "'", "~", "&", r"\/", r"[a\n]"]
)  # fmt: skip
quantifiers = st.sampled_from(
    ["", "", "", "*", "+", "?", "{2}", "{1,2}", "{2,}", "{0}", "{0,1}", "*?", "+?", "{1,2}?", "{40}"]
)
quantified = st.tuples(atoms, quantifiers).map("".join)
patterns = st.recursive(
    st.lists(quantified, max_size=3).map("".join),
    lambda inner: (
        st.tuples(
            st.lists(inner, min_size=1, max_size=3).map("|".join), st.sampled_from("( (?: (?P<n>".split()), quantifiers
        ).map(lambda three: f"{three[1]}{three[0]}){three[2]}")
        | st.tuples(inner, inner).map("".join)
    ),
    max_leaves=6,
)
leads = st.sampled_from(["", "", "", "(?i)", "(?s)", "(?is)"])


@settings(max_examples=1500, deadline=None)
@given(lead=leads, pattern=patterns, fold=st.booleans())
async def test_postgresql_means_what_re2_means(tenant, lead: str, pattern: str, fold: bool) -> None:
    options = re2.Options()
    options.log_errors, options.case_sensitive = False, not fold
    try:
        ours = translate("x", lead + pattern, Dialect(fold=fold))
    except Refusal as caught:
        refusal = caught
    else:
        refusal = None
    if refusal is not None:
        assert (STATUS[refusal.refused.kind], str(refusal)[:2]) in ((400, "x:"), (501, "x:"))
        return
    theirs = re2.compile(lead + pattern, options)
    expected = [text for text in TEXTS if theirs.search(text)]
    path = f'strict $[*] ? (@ like_regex {json.dumps(ours, ensure_ascii=False)} flag "s")'
    async with tenant.connection() as conn:
        plain = await conn.fetch("select t from unnest($1::text[]) as t where t ~ $2", TEXTS, ours)
        found = await conn.fetchval("select jsonb_path_query_array($1::jsonb, $2::jsonpath)", json.dumps(TEXTS), path)
    assert [row["t"] for row in plain] == expected, (lead + pattern, ours)
    assert json.loads(found) == expected, (lead + pattern, ours)


async def test_every_letter_of_either_case_is_as_in_re2(tenant) -> None:
    options = re2.Options()
    options.case_sensitive = False
    letters = [chr(n) for n in range(1, 0x1F000) if not 0xD800 <= n < 0xE000 and chr(n).upper() != chr(n).lower()]
    everything = "".join(chr(n) for n in range(1, 0x1F000) if not 0xD800 <= n < 0xE000)
    for letter in letters[:: len(letters) // 150] + list("kKsSåÅµßẞθΘϴιͅΩωǅſ"):
        expected = set(re2.compile(re2.escape(letter), options).findall(everything))
        pattern = translate("x", letter, Dialect(fold=True))
        assert set(re2.compile(pattern).findall(everything)) == expected, letter


REFUSED = [
    ("(", 400), ("*", 400), ("a**", 400), ("(?<=a)b", 400), (r"(a)\1", 400), ("a{1001}", 400), ("[z-a]", 400),
    ("a" * 257, 400),
    ("(((a{9}){9}){9}){9}", 400), (r"\bfoo", 501), (r"\pL", 501), ("[[:alpha:]]", 501), ("(?i:a)", 501),
    ("(?m)^a", 501),
    ("a{256}", 501), ("(a{20}){20}{1}", 400), ("(a{100}b{100}){6}", 501), ("(^a)*", 501), ("^*", 501),
    (r"\Qa", 501), ("(?U)a", 501),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "status"), REFUSED)
def test_what_is_no_expression_or_may_mean_another_thing_is_refused_by_name(pattern: str, status: int) -> None:
    with pytest.raises(Refusal, match=r"^note\.text: ") as caught:
        translate("note.text", pattern)
    assert STATUS[caught.value.refused.kind] == status


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|a)*$", "(a*)*b", "(.*)*(.*)*x$", "(a?){30}a{30}", "(x+x+)+y", "([a-z]*|a){50}!"]
)
async def test_what_makes_other_engines_hang_is_answered_in_time(tenant, pattern: str) -> None:
    texts = ["a" * 20_000 + "!", "x" * 20_000, "a" * 29]
    async with tenant.connection() as conn:
        await conn.execute(f"set statement_timeout = {round(PATIENCE * 1000)}")
        await conn.fetch("select t from unnest($1::text[]) as t where t ~ $2", texts, translate("x", pattern))
        await conn.execute("reset statement_timeout")
