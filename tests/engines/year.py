"""One account that lives through bills: what can happen to it is a method each, so that tests tell a story."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tests.conftest import usage_body
from tests.engines.bills import at, billed, lines, subscriber
from tests.engines.books import BRITAIN, CHANGES, SUBSCRIBERS, USAGES, fetch, new_number, posted, told

from oxl.apis.customer_bill.api import CUSTOMER_BILL, ON_DEMAND
from oxl.db.database import Tenant
from oxl.engines.billing import bill, demand, receivable
from oxl.engines.billing.bill import NewItem
from oxl.engines.billing.demand import Demand
from oxl.engines.billing.receivable import Payment
from oxl.engines.billing.run import NewRun
from oxl.kernel.background import change, once
from oxl.verbs import Done

EUR = 1_000_000


def _money(micros: int) -> str:
    return f"{micros / EUR:.2f}"


class Year:
    """The account as the table goes through its year; every step gives the lines that the table shows under it."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.number = new_number()
        self.account = self.product = ""

    async def subscribe(self, offering: str) -> None:
        body = subscriber(offering, f"{self.tenant.clock.now():%Y-%m-%d}", 1, self.number)
        body["validFor"]["startDateTime"] = self.tenant.clock.now().isoformat()
        (answer,) = await posted(self.tenant, SUBSCRIBERS, [body])
        self.product = answer.result.id
        (row,) = await fetch(self.tenant, "select account_id from product where id = $1", self.product)
        self.account = row["account_id"]

    async def change(self, offering: str) -> None:
        body = {"subscriber": {"id": self.product}, "action": "changePlan", "productOffering": {"id": offering}}
        assert [told(each) for each in await posted(self.tenant, CHANGES, [body])] == ["done"]

    async def end(self) -> None:
        body = {"subscriber": {"id": self.product}, "action": "portOut"}
        assert [told(each) for each in await posted(self.tenant, CHANGES, [body])] == ["done"]

    async def call(self, seconds: str, on: str = "") -> None:
        start = at(f"{on}T10:00") if on else self.tenant.clock.now()
        body = usage_body("voice", self.number, start.strftime("%Y-%m-%dT%H:%M:%SZ"), destinationPhoneNumber=BRITAIN,
                          duration=int(seconds))  # fmt: skip
        assert {told(each) for each in await posted(self.tenant, USAGES, [body])} <= {"rated", "rated late"}

    async def item(self, kind: str, amount: str) -> None:
        share = amount.endswith("%")
        figure = int(Decimal(amount.rstrip("%")) * 10_000) if share else int(Decimal(amount) * EUR)
        now = self.tenant.clock.now()
        part, until = (figure, now + timedelta(days=40)) if share else (None, None)
        amount_once = None if share else figure
        wanted = NewItem(self.account, kind, kind, "EUR", amount_once, part, "S", False, now, until)
        (put,) = await once(self.tenant, lambda work: bill.put(work, [wanted]))
        assert isinstance(put, Done), put

    async def pay(self, amount: str) -> None:
        now = self.tenant.clock.now()
        wanted = Payment(f"bank-{now}-{amount}", self.account, "EUR", int(Decimal(amount) * EUR), now)
        (paid,) = await once(self.tenant, lambda work: receivable.pay(work, [wanted]))
        assert isinstance(paid, Done), paid
        await once(self.tenant, receivable.settle)

    async def bill(self) -> None:
        day = (self.tenant.clock.now() + timedelta(hours=2)).date()
        _, control = await billed(self.tenant, NewRun("onCycle", day.isoformat()))
        assert control["state"] == "succeeded", control

    async def ask(self) -> None:
        await self._demand(Demand("interim", self.account, None, "{}"))

    async def credit(self) -> None:
        (row,) = await fetch(self.tenant, "select id from bill order by id desc limit 1")
        await self._demand(Demand("credit note", None, row["id"], "{}"))

    async def _demand(self, wanted: Demand) -> None:
        await once(self.tenant, lambda work: demand.ask(work, [wanted]))
        await once(self.tenant, demand.make)
        verb: Any = lambda work: demand.tell(work, (wanted.kind,))  # noqa: E731
        (ended,) = await change(self.tenant, CUSTOMER_BILL, ON_DEMAND, verb)
        assert (ended.status, ended.reason) in (("done", None), ("rejected", "nothingToBill"))

    async def shown(self, after: int) -> Iterator[str]:
        """The bills made since there were so many of them, as the table has them."""
        found = []
        for each in await fetch(self.tenant, "select * from bill where place > $1 order by place", after):
            for line in await lines(self.tenant, each["id"]):
                days = f"{line['quantity']}/{line['of_days']}" if line["of_days"] else ""
                dropped = f"dropped {line['exact'] - line['shown']:+d}" if line["exact"] != line["shown"] else ""
                figures = f"{_money(line['net']):>8} {_money(line['tax']):>7}"
                found.append(
                    f"    {line['rate_type']:18} {line['name'][:24]:24} {days:>6} {figures} {dropped}".rstrip()
                )
            total = f"net {_money(each['net'])} tax {_money(each['tax'])} owed {_money(each['owed'])}"
            due = f"from before {_money(each['carried'])} due {_money(each['owed'] + each['carried'])}"
            found.append(f"    = {each['category']}: {total}; {due}")
        return iter(found)
