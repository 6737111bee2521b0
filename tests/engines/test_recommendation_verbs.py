"""The recommendation engine on the database: answered later, trained, refused, counted, and the same again."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.conftest import NOON, OPERATOR
from tests.scenarios.recommending import RECOMMEND, accept, ask, offered, told, top_up, use, why

from oxl.apis.recommendation import jobs
from oxl.engines.catalog.document import CatalogError
from oxl.engines.recommendation import learn, recommend
from oxl.engines.recommendation.facts import Question
from oxl.engines.recommendation.policy import default_text, of_party, read_policy
from oxl.engines.recommendation.standing import publish_policy
from oxl.kernel.background import once

_WHOLE = 1_000_000


async def events_of(http: Any, resource_id: str) -> list[tuple[str, str]]:
    found = (await http.get(f"{OPERATOR}/eventRecord?resourceId={resource_id}")).json()
    name = "queryProductRecommendation"
    return [
        (event["eventType"].removeprefix("QueryProductRecommendation"), event["event"][name]["state"])
        for event in found
    ]


async def test_89_a_query_that_nobody_waits_for_is_answered_later(http, tenant, subscribe) -> None:
    line = await subscribe("prepaid-m")
    await top_up(http, line, 10)
    answer = await http.post(RECOMMEND, json={"relatedParty": {"id": line["party"]["id"]}})
    assert (answer.status_code, answer.json()["state"], answer.json()["recommendationItem"]) == (201, "accepted", [])
    assert "validFor" not in answer.json()
    query = answer.json()["id"]
    assert await jobs.answer_waiting(tenant) == 1
    assert await jobs.answer_waiting(tenant) == 0
    done = (await http.get(f"{RECOMMEND}/{query}")).json()
    assert done["state"] == "done"
    assert offered(done)
    assert done["validFor"]["endDateTime"] > done["validFor"]["startDateTime"]
    assert await events_of(http, query) == [
        ("CreateEvent", "accepted"), ("StateChangeEvent", "inProgress"), ("StateChangeEvent", "done"),
    ]  # fmt: skip


async def test_a_worker_that_dies_leaves_its_queries_to_another(http, tenant, subscribe) -> None:
    line = await subscribe("prepaid-m")
    query = (await http.post(RECOMMEND, json={"relatedParty": {"id": line["party"]["id"]}})).json()["id"]
    taken = await once(tenant, lambda work: recommend.claim(work, 10))
    assert [each.id for each in taken] == [query]
    assert await jobs.answer_waiting(tenant) == 0
    tenant.clock.frozen = NOON + timedelta(minutes=2)
    try:
        assert await jobs.answer_waiting(tenant) == 1
    finally:
        tenant.clock.frozen = NOON
    assert (await http.get(f"{RECOMMEND}/{query}")).json()["state"] == "done"


async def test_a_client_may_prefer_not_to_wait(http, tenant) -> None:
    body = {"instantSyncRecommendation": True}
    answer = await http.post(RECOMMEND, json=body, headers={"Prefer": "respond-async"})
    assert (answer.status_code, answer.json()["state"]) == (201, "accepted")
    assert await jobs.answer_waiting(tenant) == 1


async def test_a_failure_of_the_engine_ends_the_query_with_its_reason(http, tenant, subscribe, monkeypatch) -> None:
    line = await subscribe("prepaid-m")

    def fails(*_: Any) -> None:
        raise ArithmeticError("of all things")

    monkeypatch.setattr(recommend, "answer", fails)
    query = await http.post(
        RECOMMEND, json={"instantSyncRecommendation": True, "relatedParty": {"id": line["party"]["id"]}}
    )
    assert (query.status_code, query.json()["state"]) == (201, "terminatedWithError")
    assert query.json()["recommendationItem"] == []


async def _answer(tenant: Any, party: str, question: Question) -> bytes:
    outcomes, _ = await once(tenant, lambda work: recommend._answered(work, [party], [question]))
    return msgspec.json.encode(outcomes[0].answer)


async def test_the_same_state_clock_and_query_give_the_same_answer(tenant, http, subscribe) -> None:
    line = await subscribe("prepaid-m")
    await top_up(http, line, 30)
    await use(http, line, "data", volume=9100, volumeUnit="MB")
    for query in ("one", "two", "three"):
        answers = [await _answer(tenant, line["party"]["id"], Question(query)) for _ in range(3)]
        assert len(set(answers)) == 1


@pytest.fixture(scope="module")
async def people(http, subscribe) -> list[dict[str, Any]]:
    """Postpaid lines of which those with the European pack mostly have the world's calls too."""
    packs = [["roaming-eu-pack", "world-calls-pack"]] * 12 + [["roaming-world-pack"]] * 20 + [["roaming-eu-pack"]] * 2
    return [await subscribe("postpaid-l", addOn=[{"id": pack} for pack in each]) for each in packs]


async def test_a_model_is_trained_and_tells_why(http, tenant, people) -> None:
    kept = await jobs.train(tenant)
    assert (kept.status, kept.metrics["tested"] > 0) == ("active", True)
    query = await ask(http, people[-1]["party"]["id"])
    found = {item["productOffering"]["id"]: item for item in query["recommendationItem"]}
    item = found["world-calls-pack"]
    assert why(item, "source") == f"model:{kept.version}"
    assert why(item, "recommendationReason") == "ownersAlsoHave"
    assert why(item, "reasonText") == "People who have Travel Pack Europe often choose Call Pack World."
    shown = (await http.get(f"{OPERATOR}/recommendationModel/{kept.version}")).json()
    assert (shown["status"], shown["metrics"]["parties"]) == ("active", kept.metrics["parties"])


async def test_a_worse_model_is_refused_and_the_active_one_stays(http, tenant, people) -> None:
    active = await jobs.train(tenant)
    data = await once(tenant, learn.gather)
    trained = learn.train(data)
    worse = trained._replace(
        metrics=trained.metrics | {"model": {"ndcg10": trained.metrics["model"]["ndcg10"] * 8 // 10}}
    )
    refused = await once(tenant, lambda work: learn.keep(work, worse))
    assert (refused.status, refused.version) == ("refused", active.version + 1)
    found = (await http.get(f"{OPERATOR}/recommendationModel?status=active")).json()
    assert [each["version"] for each in found] == [active.version]
    assert not await once(tenant, lambda work: learn.due(work, timedelta(days=1)))
    tenant.clock.frozen = NOON + timedelta(days=1)
    try:
        trained_again = await jobs.train_if_due(tenant)
        assert trained_again is not None
        assert trained_again.status == "active"
    finally:
        tenant.clock.frozen = NOON


async def test_a_model_of_noise_is_refused_unless_it_is_wanted_anyway(http, tenant, people) -> None:
    """Whatever was bought together is now bought at random: the model that learned it finds less."""
    active = await jobs.train(tenant, anyway=True)
    data = await once(tenant, learn.gather)
    chance = random.Random(7)
    noise = [chance.sample(range(len(data.items)), len(basket)) for basket in data.baskets]
    trained = learn.train(data._replace(baskets=noise))
    refused = await once(tenant, lambda work: learn.keep(work, trained))
    assert (refused.status, active.metrics["model"]["ndcg10"] > trained.metrics["model"]["ndcg10"]) == ("refused", True)
    query = await ask(http, people[-1]["party"]["id"])
    used = {why(item, "source") for item in query["recommendationItem"]} - {"popularity", "margin", "explore"}
    assert used == {f"model:{active.version}"}
    kept = await once(tenant, lambda work: learn.keep(work, trained, anyway=True))
    assert (kept.status, kept.version) == ("active", refused.version + 1)
    await jobs.train(tenant, anyway=True)


async def test_what_is_bought_within_a_week_counts_as_taken(http, tenant, subscribe) -> None:
    since = NOON - timedelta(days=1)
    before, _trials = await once(tenant, lambda work: learn.report(work, since))
    line = await subscribe("prepaid-m")
    await top_up(http, line, 30)
    await use(http, line, "data", volume=9500, volumeUnit="MB")
    await ask(http, line["party"]["id"])
    query = await ask(http, line["party"]["id"])
    assert (await accept(http, query["recommendationItem"][0])).status_code == 201
    other = await subscribe("prepaid-s")
    await ask(http, other["party"]["id"], recommendationType="upSell")
    tenant.clock.frozen = NOON + timedelta(days=6)
    try:
        change = {"subscriber": {"id": other["id"]}, "action": "changePlan", "productOffering": {"id": "prepaid-m"}}
        assert (await http.post(f"{OPERATOR}/subscriberChange", json=change)).status_code == 201
    finally:
        tenant.clock.frozen = NOON
    for _ in range(2):
        after, _trials = await once(tenant, lambda work: learn.report(work, since))
        sums = [[sum(getattr(row, name) for row in rows) for name in ("taken", "accepted")] for rows in (before, after)]
        assert [late - early for early, late in zip(*sums, strict=True)] == [2, 1]
    rule = next(row for row in after if (row.source, row.rank) == ("rule", 1))
    assert rule.shown >= rule.taken >= rule.accepted >= 1


async def test_an_operator_s_own_policy_holds_from_the_next_query_on(http, tenant, subscribe) -> None:
    line = await subscribe("prepaid-m")
    await top_up(http, line, 30)
    await use(http, line, "data", volume=9500, volumeUnit="MB")
    text = (
        default_text()
        .replace("limit: 5 ", "limit: 1 ")
        .replace("{percent} % of your {bucket} is used, {left} is left", "Hurry: {left}")
    )
    await once(tenant, lambda work: publish_policy(work, text))
    ((_, _, sentence),) = told(await ask(http, line["party"]["id"]))
    assert sentence.startswith("Hurry: 0.50 GB; ")
    with pytest.raises(CatalogError, match="rules"):
        await once(tenant, lambda work: publish_policy(work, text.replace("signal: spent", "signal: moonlight")))
    await once(tenant, lambda work: publish_policy(work, default_text()))


async def test_an_experiment_gives_each_party_one_variant(http, tenant, subscribe) -> None:
    weights = '{rule: "0", model: "0", popularity: "0", margin: "1"}'
    trial = f'experiment:\n  name: margin\n  share: "0.5"\n  weights: {weights}\n'
    await once(tenant, lambda work: publish_policy(work, default_text() + trial))
    policy = read_policy(default_text() + trial)
    lines: list[Any] = []
    while len(lines) < 12 or len({of_party(policy, line["party"]["id"])[0] for line in lines}) < 2:
        lines.append(await subscribe("prepaid-m"))  # whichever variants their ids bring them
    for line in lines * 2:
        await ask(http, line["party"]["id"])
    async with tenant.connection() as conn:
        rows = await conn.fetch(
            "select party_id, array_agg(distinct variant) as variants from recommendation_exposure"
            " where party_id = any ($1) group by party_id", [line["party"]["id"] for line in lines]
        )  # fmt: skip
    assert {len(row["variants"]) for row in rows} == {1}
    assert {row["variants"][0] for row in rows} == {"margin/A", "margin/B"}
    _, (found,) = await once(tenant, lambda work: learn.report(work, NOON - timedelta(days=1)))
    assert found.experiment == "margin"
    assert {name: parties for name, (parties, _) in found.variants.items()} == {
        name: sum(row["variants"] == [f"margin/{name}"] for row in rows) for name in "AB"
    }
    assert found.p is not None
    assert 0 <= found.p <= _WHOLE
    await once(tenant, lambda work: publish_policy(work, default_text()))
