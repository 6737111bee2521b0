"""The sums of recommendations: what balances ask for, filters that always hold, draws that come again, significance."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oxl
from oxl.engines.catalog.catalog import load_folder
from oxl.engines.catalog.document import CatalogError
from oxl.engines.catalog.offering import LIFE_CYCLE, SOLD
from oxl.engines.recommendation import ease
from oxl.engines.recommendation.candidates import candidates_at, next_change
from oxl.engines.recommendation.facts import Bucket, Line, Question, Subject, Use
from oxl.engines.recommendation.learn import Data, significance, train, why_refused
from oxl.engines.recommendation.policy import default_text, of_party, read_policy
from oxl.engines.recommendation.rank import answer
from oxl.engines.recommendation.shelf import Shelf

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
GB, EUR = 10**9, 10**6
CATALOG = load_folder(Path(oxl.__file__).parent / "demo" / "catalog")
SHELF = Shelf(candidates_at(CATALOG, NOW))
POLICY = read_policy(default_text())
ALWAYS = msgspec.structs.replace(POLICY, explore=10**6)


def data(used: int, total: int = 10 * GB, *, alive: bool = True, start: int = 15, number: int = 0) -> Bucket:
    begin = NOW - timedelta(days=start)
    return Bucket(
        f"b{number}", "allowance", "10 GB data", "byte", "GB", GB, total, used, total - used, begin,
        begin + timedelta(days=30), alive, "data-10gb", frozenset({"data"}), frozenset({"home", "roaming-eu"}),
    )  # fmt: skip


def money(left: int) -> Bucket:
    return Bucket("m", "main", "Main balance", "EUR", "EUR", EUR, 100 * EUR, 0, left, NOW, None, True)


def line(
    *buckets: Bucket, uses: tuple[Use, ...] = (), offering: str = "prepaid-m", packs: tuple[str, ...] = ()
) -> Line:
    return Line("d", "p", "a", "prepaid", "EUR", offering, frozenset({offering, *packs}), buckets, uses)


def ask(*lines: Line, policy: Any = POLICY, model: Any = None, query: str = "q", **subject: Any) -> list[Any]:
    return list(answer(Question(query), Subject("party", lines, **subject), SHELF, policy, model, NOW).items)


@pytest.mark.parametrize(
    ("used", "reason"), [(8 * GB, "dataUsed80"), (9 * GB, "dataUsed90"), (10 * GB, "dataUsed100"), (7 * GB, None)]
)
def test_from_which_share_on_a_pack_is_called_for(used: int, reason: str | None) -> None:
    first = ask(line(data(used)))[0]
    assert (first.reason == reason) == (reason is not None)
    assert first.reason.startswith("dataUsed") == (reason is not None)


def test_a_bucket_that_is_left_speaks_against_one_that_is_used_up() -> None:
    """Two buckets for the same use are one supply: the pack was bought already."""
    assert not ask(line(data(10 * GB), data(0, 2 * GB, number=1)))[0].reason.startswith("dataUsed")


def test_the_pace_of_late_days_counts_most() -> None:
    early = tuple(Use("data", "home", "byte", 6, GB, 0, True, "b0") for _ in range(1))
    late = tuple(Use("data", "home", "byte", 0, GB, 0, True, "b0") for _ in range(1))
    assert ask(line(data(6 * GB), uses=late * 3))[0].reason == "dataRunsOut"
    assert ask(line(data(6 * GB), uses=early))[0].reason != "dataRunsOut"


@pytest.mark.parametrize(("spent", "saved"), [(5_990_000, None), (5_990_001, "0 EUR"), (8_700_000, "2.71 EUR")])
def test_a_pack_is_called_for_when_more_was_spent_than_it_costs(spent: int, saved: str | None) -> None:
    use = Use("voice", "uk-us-canada", "second", 1, 1800, spent, True)
    first = ask(line(uses=(use,)))[0]
    assert (first.offering_id == "world-calls-pack" and first.reason == "voiceOutOfBucket") == (saved is not None)
    assert saved is None or saved in first.text
    before = msgspec.structs.replace(use, in_window=False)
    assert ask(line(uses=(before,)))[0].reason != "voiceOutOfBucket"


def test_three_periods_of_little_use_speak_for_the_smaller_plan() -> None:
    over = [data(2 * GB, alive=False, start=15 + 30 * n, number=n) for n in range(1, 4)]
    first = ask(line(data(GB), *over))[0]
    assert (first.offering_id, first.reason) == ("prepaid-s", "planUnderUsed")
    over[1] = msgspec.structs.replace(over[1], used=3 * GB)
    assert "planUnderUsed" not in [item.reason for item in ask(line(data(GB), *over))]
    assert "planUnderUsed" not in [item.reason for item in ask(line(data(GB), *over[:2]))]


def test_an_item_holds_no_longer_than_what_it_speaks_of() -> None:
    ending = msgspec.structs.replace(data(95 * GB // 10), valid_to=NOW + timedelta(hours=3))
    first = ask(line(ending))[0]
    assert first.until == NOW + timedelta(hours=3)


_ids = [each.id for each in SHELF.candidates]


@settings(max_examples=150, deadline=None)
@given(
    packs=st.lists(st.sampled_from(_ids), max_size=4),
    used=st.integers(0, 10 * GB),
    left=st.integers(0, 20 * EUR),
    shown=st.dictionaries(st.sampled_from(_ids), st.integers(1, 12), max_size=6),
    context=st.frozensets(st.sampled_from(_ids), max_size=3),
    query=st.text("abc", min_size=1, max_size=4),
    seed=st.integers(0, 5),
)
def test_what_never_happens(packs, used, left, shown, context, query, seed) -> None:
    """Whatever is true of a line: no owned, excluded, worn out or seen offering; ranks without gap; the same again."""
    chance = np.random.default_rng(seed)
    weights = chance.normal(size=(len(_ids), len(_ids))).astype(np.float32)
    model = ease.model_of(seed, _ids, weights, {"prepaid": dict.fromkeys(_ids, 2)}, {})
    its = line(data(used), money(left), packs=tuple(packs))
    subject = Subject("party", (its,), shown=shown)
    found = answer(Question(query, context=context), subject, SHELF, ALWAYS, model, NOW)
    again = answer(Question(query, context=context), subject, Shelf(SHELF.candidates[::-1]), ALWAYS, model, NOW)
    assert found == again
    offered = [item.offering_id for item in found.items]
    repeatable = {each.id for each in SHELF.candidates if each.repeatable}
    assert not set(offered) & (its.owned - repeatable)
    assert not set(offered) & context
    assert not [each for each in offered if shown.get(each, 0) >= POLICY.max_exposures]
    assert "data-only" not in its.owned or not {"voice-pack-100", "world-calls-pack"} & set(offered)
    assert [item.rank for item in found.items] == list(range(1, len(offered) + 1))
    assert len(set(offered)) == len(offered) <= POLICY.limit
    scores = [item.score for item in found.items if not item.explored]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 10**6 for score in scores)
    assert not found.items or not found.items[0].explored
    narrowest = Counter(SHELF.candidates[SHELF.places[each]].category[-1] for each in offered)
    assert max(narrowest.values(), default=0) <= POLICY.per_category


def test_what_is_explored_is_drawn_by_the_query_s_id() -> None:
    found = {tuple(item.offering_id for item in ask(line(), policy=ALWAYS, query=str(n))) for n in range(20)}
    assert len(found) > 1
    assert {items[0] for items in found} == {next(iter(found))[0]}


def test_exclusion_holds_both_ways_and_what_a_bundle_is_made_of_is_the_bundle() -> None:
    excluded = ask(line(packs=("voice-pack-100",)), policy=msgspec.structs.replace(POLICY, limit=20))
    assert "data-only" not in [item.offering_id for item in excluded]
    both = Line("d", "p", "a", "postpaid", "EUR", "postpaid-l", frozenset({"postpaid-l", "data-only"}))
    one = msgspec.structs.replace(both, owned=frozenset({"postpaid-l"}))
    wide = msgspec.structs.replace(POLICY, limit=20, per_category=20)
    assert "tablet-bundle" in [item.offering_id for item in ask(one, policy=wide)]
    assert "tablet-bundle" not in [item.offering_id for item in ask(both, policy=wide)]


def test_who_is_dunned_is_sold_nothing_but_may_come_to_pay_less() -> None:
    over = [data(2 * GB, alive=False, start=15 + 30 * n, number=n) for n in range(1, 4)]
    its = line(data(95 * GB // 10), *over)
    assert "data-pack-2gb" in [item.offering_id for item in ask(its)]
    assert [item.offering_id for item in ask(msgspec.structs.replace(its, dunned=True))] == ["prepaid-s"]


def test_who_opted_out_is_offered_nothing() -> None:
    assert ask(line(data(10 * GB)), opted_out=True) == []


def test_an_offering_is_a_candidate_while_it_is_sold() -> None:
    offering = msgspec.structs.replace(
        CATALOG.offerings["data-pack-2gb"], valid_from=NOW, valid_to=NOW + timedelta(days=1)
    )
    catalog = msgspec.structs.replace(CATALOG, offerings={"x": offering})
    sold = [bool(candidates_at(catalog, NOW + timedelta(hours=hours))) for hours in (-1, 0, 23, 24)]
    assert sold == [False, True, True, False]
    assert next_change(catalog, NOW) == NOW + timedelta(days=1)
    for status in LIFE_CYCLE:
        one = msgspec.structs.replace(offering, lifecycle_status=status)
        assert one.sold_at(NOW) is (status in SOLD)


def test_the_life_of_an_offering_ends() -> None:
    """From every state there is a way to the end, and none back from it."""
    for status in LIFE_CYCLE:
        reached, waiting = {status}, [status]
        while waiting:
            for after in set(LIFE_CYCLE[waiting.pop()]) - reached:
                reached.add(after)
                waiting.append(after)
        assert "Obsolete" in reached
        assert status not in ("Retired", "Obsolete") or not reached & set(SOLD)


def test_weights_that_say_why() -> None:
    """Two offerings that go together have a positive weight, and the diagonal is nil."""
    baskets = [[0, 1]] * 30 + [[2]] * 30 + [[0], [1, 2]]
    weights = ease.trained(baskets, 3, ridge=1)
    assert weights[0, 1] > 0 > weights[0, 2]
    assert not np.diag(weights).any()
    model = ease.model_of(1, ["a", "b", "c"], weights, {}, {})
    assert model.because(["a"], "b") == "a"
    assert model.because(["a"], "c") is None
    assert model.because(["x"], "y") is None
    measured = ease.measured(baskets, 3, seed=1, ridge=1)
    assert measured["model"]["hitRate1"] >= measured["popularity"]["hitRate1"]


@pytest.mark.parametrize(
    ("variants", "p"),
    [([(1000, 100), (1000, 100)], 1_000_000), ([(1000, 100), (1000, 130)], 35_446), ([(10, 0), (10, 0)], 1_000_000),
     ([(5, 1)], None), ([(0, 0), (5, 1)], None)],
)  # fmt: skip
def test_how_significant_a_difference_is(variants: list[tuple[int, int]], p: int | None) -> None:
    """The second is worked out by hand: z = 0.03 / √(0.115 · 0.885 · 0.002) = 2.103."""
    found = significance(variants)
    assert found == p if p is None else found == pytest.approx(p, abs=60)


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [({}, {}, False), ({"model": {"ndcg10": 500}}, {"model": {"ndcg10": 450}}, False),
     ({"model": {"ndcg10": 500}}, {"model": {"ndcg10": 449}}, True), ({"model": {"ndcg10": 500}}, {"tested": 0}, True)],
)  # fmt: skip
def test_a_model_that_finds_less_than_nine_tenths_is_refused(before: dict, after: dict, refused: bool) -> None:
    assert bool(why_refused(before, after)) is refused


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [("limit: 5 ", "limit: 21 ", "limit"), ('explore: "0.1"', 'explore: "1.1"', "explore"),
     ("id: pack-saves", "id: nearly-used", "rules[1].id"), ("category: topup", "days: 3", "rules[4].category"),
     ("{saving}", "{svaing}", "rules[0].text"), ("signal: spent", "signal: spend", "rules[0].signal"),
     ('{rule: "0.6", model: "0.25", popularity: "0.1", margin: "0.05"}',
      '{rule: "0", model: "0", popularity: "0", margin: "0"}', "weights")],
)  # fmt: skip
def test_a_fault_in_a_policy_names_its_field(old: str, new: str, where: str) -> None:
    assert old in default_text()
    with pytest.raises(CatalogError) as caught:
        read_policy(default_text().replace(old, new, 1))
    assert [problem.field for problem in caught.value.problems] == [where]


def test_a_party_stays_in_its_variant() -> None:
    trial = msgspec.structs.replace(POLICY, experiment="x", share=300_000, other=ALWAYS)
    variants = [of_party(trial, f"party-{n}")[0] for n in range(2000)]
    assert variants == [of_party(trial, f"party-{n}")[0] for n in range(2000)]
    assert 500 < variants.count("x/B") < 700
    assert of_party(trial, None)[0] == of_party(POLICY, "party-1")[0] == ""


def test_an_experiment_is_a_policy_of_its_own() -> None:
    """What it says holds for its parties, the rest is as for everybody."""
    rule = '{id: nearly, signal: used, atLeast: "0.5", score: "0.8", reason: "half", text: "{offering}"}'
    text = f'{default_text()}experiment:\n  name: early\n  share: "1"\n  limit: 3\n  rules: [{rule}]\n'
    trial = read_policy(text)
    variant, policy = of_party(trial, "party-1")
    assert (variant, policy.limit, [each.id for each in policy.rules]) == ("early/B", 3, ["nearly"])
    assert (policy.weights, policy.explore, policy.texts) == (trial.weights, trial.explore, trial.texts)
    assert (trial.limit, len(trial.rules)) == (5, len(POLICY.rules))
    for old, new, where in (
        ("signal: used, atLeast", "signal: lowBalance, atLeast", "experiment.rules[0].category"),
        ("limit: 3", "limit: 0", "experiment.limit"),
        ("limit: 3", "colour: red", "experiment.colour"),
    ):
        with pytest.raises(CatalogError) as caught:
            read_policy(text[: len(default_text())] + text[len(default_text()) :].replace(old, new))
        assert [problem.field for problem in caught.value.problems] == [where]


def test_a_model_of_nobody_changes_nothing() -> None:
    trained = train(Data([], [], {}, {}))
    assert (trained.weights, trained.metrics) == (b"", {"tested": 0, "parties": 0, "items": 0})
    empty = ease.model_of(1, [], np.frombuffer(trained.weights, dtype="<f4").reshape(0, 0), {}, {})
    assert [item.offering_id for item in ask(line(data(9 * GB)), model=empty)]
