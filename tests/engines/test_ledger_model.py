"""The ledger against a model of whole numbers: any program of top-ups, corrections and usages gives what it gives."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from tests.conftest import usage_body
from tests.engines.books import (
    ADJUSTS,
    GERMANY,
    SUBSCRIBERS,
    TOPUPS,
    USAGES,
    available,
    credit,
    fetch,
    main_of,
    move_of,
    moved,
    new_number,
    posted,
    sound,
    told,
)

from oxl.db.database import Tenant
from oxl.kernel.handle import Answer
from oxl.values import from_atoms

MONEY, CALLS, MESSAGES = "Main balance 05-20", "100 minutes 05-20", "50 messages 05-20"
SMS_PRICE, SECOND_PRICE = 90_000, 1_500  # micros, tax included
MICROS = st.sampled_from([1, 90_000, 1_000_000, 7_654_321])


class LedgerMachine(RuleBasedStateMachine):
    """One prepaid subscriber, and what his buckets must hold."""

    tenant: Tenant
    loop: asyncio.AbstractEventLoop

    def run(self, coroutine: Any) -> Any:
        return self.loop.run_until_complete(coroutine)

    @initialize()
    def subscribe(self) -> None:
        self.number = new_number()
        body = {
            "party": {"name": "Ada"},
            "logicalResource": {"value": self.number},
            "productOffering": {"id": "prepaid-m"},
            "validFor": {"startDateTime": "2026-05-20T00:00:00Z"},
        }
        (answer,) = self.run(posted(self.tenant, SUBSCRIBERS, [body]))
        (row,) = self.run(fetch(self.tenant, "select account_id from product where id = $1", answer.result.id))
        self.account = row["account_id"]
        self.main = self.run(main_of(self.tenant, self.account))
        self.model = {MONEY: 0, CALLS: 6000, MESSAGES: 50}
        self.events = 0

    def act(self, operation: Any, micros: int) -> str:
        amount = {"amount": from_atoms(micros, "EUR"), "units": "EUR"}
        return told(self.run(posted(self.tenant, operation, [{"amount": amount, "bucket": {"id": self.main}}]))[0])

    @rule(micros=MICROS)
    def top_up(self, micros: int) -> None:
        assert self.act(TOPUPS, micros) == "done"
        self.model[MONEY] += micros

    @rule(micros=MICROS, sign=st.sampled_from([1, -1, -1]))
    def adjust(self, micros: int, sign: int) -> None:
        fits = self.model[MONEY] + sign * micros >= 0
        assert self.act(ADJUSTS, sign * micros) == ("done" if fits else "insufficientBalance")
        self.model[MONEY] += sign * micros if fits else 0

    def use(self, name: str, wanted: int, price: int, body: dict[str, Any]) -> None:
        """A usage that wants atoms of an allowance, the rest of it at a price for each."""
        self.events += 1
        body |= {"externalIdentifier": [{"id": f"{self.number}-{self.events}"}]}
        answer: Answer = self.run(posted(self.tenant, USAGES, [body]))[0]
        included = min(wanted, self.model[name])
        cost = (wanted - included) * price
        if cost > self.model[MONEY]:
            assert told(answer) == "failed insufficientCredit"
        else:
            assert told(answer) == "rated"
            self.model[name] -= included
            self.model[MONEY] -= cost

    @rule(seconds=st.sampled_from([0, 1, 59, 60, 61, 600, 2500, 5999]))
    def call(self, seconds: int) -> None:
        wanted = max(seconds, 60) if seconds else 0
        body = usage_body("voice", self.number, destinationPhoneNumber=GERMANY, duration=seconds)
        self.use(CALLS, wanted, SECOND_PRICE, body)

    @rule(parts=st.sampled_from([1, 2, 7, 30]))
    def send(self, parts: int) -> None:
        body = usage_body("sms", self.number, destinationPhoneNumber=GERMANY, messageCount=parts)
        self.use(MESSAGES, parts, SMS_PRICE, body)

    @rule(amounts=st.lists(st.integers(-3_000_000, 2_000_000).filter(bool), max_size=8))
    def adjust_in_one_group(self, amounts: list[int]) -> None:
        results = self.run(moved(self.tenant, [move_of(self.main, amount) for amount in amounts]))
        for amount, result in zip(amounts, results, strict=True):
            fits = self.model[MONEY] + amount >= 0
            assert getattr(result, "code", None) == (None if fits else "insufficientBalance")
            self.model[MONEY] += amount if fits else 0

    @precondition(lambda self: self.events > 0)
    @rule()
    def look(self) -> None:
        left = self.run(available(self.tenant, self.account))
        assert {name: left[name] for name in self.model} == self.model

    def teardown(self) -> None:
        if hasattr(self, "model"):
            left = self.run(available(self.tenant, self.account))
            assert {name: left[name] for name in self.model} == self.model
            self.run(sound(self.tenant))


def programs(tenant: Tenant, count: int, steps: int) -> None:
    """So many programs of so many steps, found by hypothesis, which prints the one that fails."""
    loop = asyncio.new_event_loop()
    own = Tenant(tenant.name, tenant._connect, 1)
    own.clock = tenant.clock

    class Machine(LedgerMachine):
        pass

    Machine.tenant, Machine.loop = own, loop
    try:
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=count, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
            ),
        )
    finally:
        loop.run_until_complete(own.close())
        loop.close()


def test_any_program_gives_what_the_model_gives(tenant: Tenant) -> None:
    programs(tenant, 15, 25)


@pytest.mark.torture
def test_any_of_many_programs_gives_what_the_model_gives(tenant: Tenant) -> None:
    programs(tenant, int(os.environ.get("PROGRAMS", "1000")), 50)


async def test_the_models_money_can_be_put_in_without_http(tenant: Tenant, subscribe) -> None:
    account = (await subscribe())["billingAccount"]["id"]
    await credit(tenant, account, 1_234_567)
    assert (await available(tenant, account))[MONEY] == 1_234_567
