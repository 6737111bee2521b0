"""What PostgreSQL does with the SQL that the kernel makes: the index it should use, and the view dissolved."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.conftest import NOON

from oxl.apis.operator.api import OPERATOR
from oxl.apis.prepay_balance.api import PREPAY_BALANCE
from oxl.apis.product_usage.api import PRODUCT_USAGE
from oxl.db.database import Tenant
from oxl.kernel import filter as filters
from oxl.kernel import paging, request, select
from oxl.kernel.declare import Resource
from oxl.values import new_id

USAGE = PRODUCT_USAGE.resources[0]
HISTORY = next(each for each in OPERATOR.resources if each.name == "usageHistory")
ROWS = 12000
FILL = """
insert into usage (id, status, usage_type, specification_id, product_id, created_at, updated_at, body)
select id, case when n % 500 = 0 then 'failed' else 'rated' end, 'voice', 'voice', 'p' || n, $2, $2,
       jsonb_build_object('@type', 'ProductUsage', 'description', 'call ' || n, 'usageCharacteristic',
           jsonb_build_array(jsonb_build_object('name', 'cell', 'value', 'c' || n)))
from unnest($1::text[]) with ordinality as u (id, n)
"""


class Explaining:
    """Stands where a connection stands, and notes the plan of each statement before it runs it."""

    def __init__(self, conn: Any) -> None:
        self._conn = conn
        self.plans: list[dict[str, Any]] = []

    async def fetch(self, sql: str, *values: Any) -> Sequence[Any]:
        await self._explain(sql, values)
        return await self._conn.fetch(sql, *values)

    async def fetchval(self, sql: str, *values: Any) -> Any:
        await self._explain(sql, values)
        return await self._conn.fetchval(sql, *values)

    async def _explain(self, sql: str, values: tuple[Any, ...]) -> None:
        plan = await self._conn.fetchval(f"explain (analyze, timing off, format json) {sql}", *values)
        self.plans.append(json.loads(plan)[0]["Plan"])


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The node and all below it that were run."""
    if plan.get("Actual Loops"):
        yield plan
        for below in plan.get("Plans", ()):
            yield from nodes(below)


def scans(plan: dict[str, Any]) -> list[tuple[str, str]]:
    """(kind of scan, index or table) of every scan of usage that was run, and found or passed over anything."""
    found = [(node, node.get("Index Name", node.get("Relation Name", ""))) for node in nodes(plan)]
    return [
        (node["Node Type"], name)
        for node, name in found
        if "Scan" in node["Node Type"] and "usage" in name and (node["Actual Rows"] or _passed_over(node))
    ]


def _passed_over(node: dict[str, Any]) -> int:
    return node.get("Rows Removed by Filter", 0)


def assert_by_index(plan: dict[str, Any], index: str) -> None:
    """The records were found by an index of that name; only partitions with no rows may be read otherwise."""
    found = scans(plan)
    assert "Seq Scan" not in {kind for kind, _ in found}, found
    assert any(index in name for _, name in found), found


@pytest.fixture(scope="module")
async def ids(tenant: Tenant) -> list[str]:
    """Usage records of two months, half of them each, with few failed ones among them."""
    made = [new_id(datetime.now(UTC) + timedelta(days=31 * (n % 2))) for n in range(ROWS)]
    async with tenant.connection() as conn:
        await conn.execute(FILL, made, NOON)
    return made


@pytest.fixture
async def conn(tenant: Tenant, database: Any, ids: list[str]) -> Any:
    """A connection of the tenant that explains what it runs."""
    async with database.owner() as owner:
        await owner.execute(f"vacuum (analyze) oxl_{tenant.name}.usage")  # also puts what is new into the GIN index
    async with tenant.connection() as plain:
        yield Explaining(plain)


async def asked(conn: Explaining, query: str, of: Resource = USAGE) -> select.Page:
    """One page of usage records, or of something else, by a query string."""
    wanted = request.parse_query(query, 1000)
    part = paging.window(paging.order_of(of, wanted.sort), wanted, b"", b"", False)
    return await select.page(conn, of, NOON, filters.conditions(of, wanted.filters, ""), part)


def is_dissolved(plan: dict[str, Any]) -> bool:
    """Whether the view became part of the statement: a function that is called instead reads all, whatever is asked."""
    called = {node.get("Function Name") for node in nodes(plan) if node["Node Type"] == "Function Scan"}
    return not {name for name in called if name and name.startswith(("product_usage", "usage_record"))}


async def test_a_read_by_id_touches_one_partition_by_its_index(conn: Explaining, ids: list[str]) -> None:
    assert list(await select.by_ids(conn, USAGE, NOON, [ids[0]])) == [ids[0]]
    [plan] = conn.plans
    assert is_dissolved(plan)
    found = scans(plan)
    assert [kind for kind, _ in found] == ["Index Scan"], found
    assert found[0][1].endswith("_pkey")


async def test_the_history_of_a_record_reads_no_other_record(conn: Explaining, ids: list[str]) -> None:
    page = await asked(conn, f"usage.id={ids[0]}", HISTORY)
    assert [found for found, _ in page.docs] == [f"{ids[0]}.0"]
    assert list(await select.by_ids(conn, HISTORY, NOON, [f"{ids[0]}.0"])) == [f"{ids[0]}.0"]
    assert len(conn.plans) == 3
    for plan in conn.plans:
        assert {kind for kind, _ in scans(plan)} == {"Index Scan"}, scans(plan)


async def test_a_list_by_status_uses_the_index_on_status(conn: Explaining, ids: list[str]) -> None:
    page = await asked(conn, "status=failed&limit=20&offset=0")
    assert page.total == ROWS // 500
    matching, documents = conn.plans
    assert is_dissolved(matching)
    assert is_dissolved(documents)
    assert_by_index(matching, "status")
    assert_by_index(documents, "pkey")


@pytest.mark.parametrize("query", ["description=call%2017", "usageCharacteristic.value=c17"])
async def test_a_list_by_an_attribute_of_the_body_uses_the_gin_index(
    conn: Explaining, ids: list[str], query: str
) -> None:
    page = await asked(conn, query)
    assert [found for found, _ in page.docs] == [ids[16]]
    matching, documents = conn.plans
    assert is_dissolved(matching)
    assert is_dissolved(documents)
    assert_by_index(matching, "body")
    assert_by_index(documents, "pkey")


async def test_a_list_by_product_uses_the_index_on_what_the_document_names(conn: Explaining, ids: list[str]) -> None:
    page = await asked(conn, "product.id=p17&sort=-id&limit=15")
    assert [found for found, _ in page.docs] == [ids[16]]
    matching, documents = conn.plans
    assert is_dissolved(matching)
    assert_by_index(matching, "coalesce")
    assert_by_index(documents, "pkey")


async def test_the_proof_notices_a_view_that_was_not_dissolved(conn: Explaining) -> None:
    await conn.fetch("select id from product_usage(now()) offset 0")
    await conn.fetch("select id from usage where quantity > 3")
    await conn.fetch("select * from rows from (product_usage($1)) with ordinality as u", NOON)
    assert is_dissolved(conn.plans[0])
    assert {kind for kind, _ in scans(conn.plans[1])} == {"Seq Scan"}
    assert not is_dissolved(conn.plans[2])


async def deep(conn: Explaining, query: str, place: list[str | None], cap: int) -> select.Page:
    """The page after a place, where an earlier page knew that there are many."""
    wanted = request.parse_query(query, 1000)
    part = paging.Window(paging.order_of(USAGE, wanted.sort), place, False, 0, wanted.limit, known=ROWS)
    return await select.page(conn, USAGE, NOON, filters.conditions(USAGE, wanted.filters, ""), part, cap)


@pytest.mark.parametrize("query", ["limit=20", "limit=20&usageType=voice", "limit=20&sort=-id"])
async def test_a_deep_page_by_cursor_reads_its_own_rows_only(conn: Explaining, ids: list[str], query: str) -> None:
    at = sorted(ids)[ROWS // 4]
    page = await deep(conn, query, [at], 10)
    assert len(page.docs) == 20
    [plan] = conn.plans
    assert is_dissolved(plan)
    assert_by_index(plan, "pkey")
    assert sum(node["Actual Rows"] + _passed_over(node) for node in nodes(plan) if "Scan" in node["Node Type"]) < 100


async def test_counting_stops_at_the_cap(conn: Explaining, ids: list[str]) -> None:
    fenced = select._View("product_usage", "status = 'rated'", paging.order_of(USAGE, ()), [NOON])
    await select._fenced(conn, fenced, paging.Window(paging.order_of(USAGE, ()), None, False, 0, 20), 50)
    await select._count(conn, fenced, " limit 51")
    for plan in conn.plans:
        assert is_dissolved(plan)
        assert sum(node["Actual Rows"] for node in nodes(plan) if "usage" in node.get("Relation Name", "")) < 200


class Planned:
    """Stands where a connection stands, and keeps the plan of a statement instead of running it."""

    def __init__(self, conn: Any) -> None:
        self._conn = conn
        self.plan = ""

    async def fetchrow(self, sql: str, *values: Any) -> dict[str, Any]:
        self.plan = await self._conn.fetchval(f"explain (format json) {sql}", *values)
        return {"ids": None, "docs": None, "heard": []}


async def test_an_event_reads_the_row_that_it_tells_of_however_little_is_known_of_the_table(make_tenant) -> None:
    tenant: Tenant = await make_tenant()
    (adjust,) = [each for each in PREPAY_BALANCE.resources if each.name == "adjustBalance"]
    async with tenant.connection() as conn:
        planned = Planned(conn)
        event = select.Event(new_id(NOON), "AdjustBalanceCreateEvent", "an-adjustment")
        await select.keep_events(planned, adjust, NOON, "prepay_balance", [event], False, [])
    conditions = re.findall(r'"Index Name": "balance_action\w*".*?"Index Cond": "(.*?)"\n', planned.plan, re.DOTALL)
    assert conditions
    assert all("id = ANY" in each for each in conditions), conditions
