"""The ledger's proof finds every kind of fault and says where it is; the application's role cannot make one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from tests.conftest import BALANCE, OPERATOR, usage_body
from tests.engines.books import GERMANY, USAGES, credit, fetch, move_of, moved, new_number, posted

from oxl.db.database import Database, Tenant
from oxl.engines.ledger import proof


@pytest.fixture(scope="module")
async def place(http, tenant: Tenant, subscribe) -> dict[str, str]:
    """A ledger with something of everything: credits, a debit, usage, reservations; the ids that faults are put in."""
    line = await subscribe()
    account = line["billingAccount"]["id"]
    main = await credit(tenant, account, 5_000_000)
    await moved(tenant, [move_of(main, -1_000_000), move_of(main, -9_000_000)])
    usage = usage_body("sms", line["logicalResource"]["value"], destinationPhoneNumber=GERMANY)
    await posted(tenant, USAGES, [usage | {"externalIdentifier": [{"id": new_number()}]}])
    ids = []
    for _ in range(2):
        wanted = {"amount": {"amount": 1, "units": "EUR"}, "bucket": {"id": main}}
        ids.append((await http.post(f"{BALANCE}/reserveBalance", json=wanted)).json()["id"])
    used = {"status": "completed", "amount": {"amount": 0.25, "units": "EUR"}}
    assert (await http.patch(f"{BALANCE}/reserveBalance/{ids[1]}", json=used)).status_code == 200
    (message,) = await fetch(
        tenant, "select id from bucket where account_id = $1 and unit = 'message' and used > 0", account
    )
    return {"main": main, "open": ids[0], "completed": ids[1], "message": message["id"]}


@asynccontextmanager
async def undone(database: Database, tenant: Tenant) -> AsyncIterator[Any]:
    """A connection of the owner in the tenant's schema, without constraints, in a transaction that ends in nothing."""
    async with database.owner() as conn:
        await conn.execute(f"set search_path = {tenant.path}")
        turn = conn.transaction()
        await turn.start()
        found = await conn.fetch(
            "select conrelid::regclass::text as place, conname from pg_constraint where contype in ('c', 'f')"
            " and connamespace = current_schema::regnamespace and conislocal and conparentid = 0"
            " and conrelid in ('bucket'::regclass, 'transfer'::regclass, 'reservation'::regclass)"
        )
        for row in found:
            await conn.execute(f"alter table {row['place']} drop constraint {row['conname']}")
        try:
            yield conn
        finally:
            await turn.rollback()


async def broken(conn: Any) -> dict[int, tuple[str, ...]]:
    """The numbers of the lines that do not hold, with where."""
    return {line.n: line.places for line in await proof.prove(conn) if line.faults}


async def test_what_is_sound_holds_and_every_line_has_looked_at_something(database, tenant, place) -> None:
    async with tenant.connection() as conn:
        lines = await proof.prove(conn)
    assert proof.faults_of(lines) == []
    assert [line.n for line in lines] == list(range(1, 13))
    assert all(line.checked > 0 for line in lines)


FAULTS = {
    "a balance changed by hand": ("update bucket set credited = credited + 1 where id = $1", "main", {1, 7}),
    "a use that nobody transferred": ("update bucket set used = used + 1 where id = $1", "message", {1, 7, 12}),
    "an amount changed": ("update transfer set amount = amount + 1 where cr_bucket = $1 and cr_version = 1", "main",
                          {1, 3, 7, 11}),
    "a transfer lost": ("delete from transfer where dr_bucket = $1 and kind = 'adjust'", "main", {1, 2, 3, 7, 11}),
    "a version left out": ("update bucket set version = version + 1 where id = $1", "main", {2}),
    "a version twice": ("update transfer set dr_version = 1 where dr_bucket = $1 and kind = 'adjust'", "main", {2, 3}),
    "a running balance changed": ("update transfer set dr_after = dr_after + 1 where dr_bucket = $1"
                                  " and kind = 'adjust'", "main", {3}),
    "a reservation forgotten": ("update bucket set reserved = 0 where id = $1", "main", {4}),
    "more held than reserved": ("update bucket set reserved = reserved + 1 where id = $1", "main", {4}),
    "below the limit": ("update bucket set reserved = 99000000 where id = $1", "main", {4, 5}),
    "below the limit once": ("update transfer set dr_after = -1 where dr_bucket = $1 and kind = 'adjust'", "main",
                             {3, 5}),
    "another unit": ("update transfer set unit = 'USD' where dr_bucket = $1 and kind = 'adjust'", "main", {6, 7}),
    "one side only": ("update transfer set cr_system = null where dr_bucket = $1 and kind = 'adjust'", "main", {7, 8}),
    "a negative amount": ("update transfer set amount = -amount where dr_bucket = $1 and kind = 'adjust'", "main",
                          {1, 3, 7, 8, 11}),
    "an action without effect": ("update balance_action set status = 'completed' where bucket_id = $1 and"
                                 " status = 'failed'", "main", {11}),
    "an effect without its action": ("update balance_action set status = 'failed' where bucket_id = $1 and"
                                     " kind = 'topup'", "main", {11}),
    "a use of another device": ("update bucket_use set used = used + 1 where bucket_id = $1", "message", {12}),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_in_a_bucket_is_found_and_the_bucket_named(database, tenant, place, fault) -> None:
    statement, where, numbers = FAULTS[fault]
    async with undone(database, tenant) as conn:
        assert await broken(conn) == {}
        assert not (await conn.execute(statement, place[where])).endswith(" 0")
        found = await broken(conn)
    assert set(found) == numbers
    assert all(places == (place[where],) for n, places in found.items() if n != 7)


async def test_a_leg_that_was_written_twice_is_found(database, tenant, place) -> None:
    async with undone(database, tenant) as conn:
        await conn.execute(
            "insert into transfer select (json_populate_record(t, json_build_object('id', t.id || 'x'))).*"
            " from transfer t where t.dr_bucket = $1 and t.kind = 'adjust'", place["main"]
        )  # fmt: skip
        found = await broken(conn)
    assert set(found) == {1, 2, 3, 7, 9}
    assert found[9] == (place["main"],)


@pytest.mark.parametrize(
    ("change", "which", "numbers"),
    [
        ("used = used + 1", "completed", {10}),
        ("used = null", "completed", {10}),
        ("ended_at = null", "completed", {10}),
        ("ended_at = requested_at", "open", {10}),
        ("used = 1", "open", {10}),
        ("status = 'completed', used = amount, ended_at = requested_at", "open", {4, 10}),
        ("status = 'cancelled'", "completed", {10}),
    ],
)
async def test_a_reservation_that_does_not_fit_its_transfers_is_found(
    database, tenant, place, change, which, numbers
) -> None:
    async with undone(database, tenant) as conn:
        await conn.execute(f"update reservation set {change} where id = $1", place[which])
        found = await broken(conn)
    assert set(found) == numbers
    assert found[10] == (place["main"],)


async def test_transfers_of_a_bucket_that_is_gone_are_found(database, tenant, place) -> None:
    async with undone(database, tenant) as conn:
        for table in ("balance_action", "reservation", "bucket_use"):
            await conn.execute(f"delete from {table} where bucket_id = $1", place["main"])
        await conn.execute("delete from bucket where id = $1", place["main"])
        found = await broken(conn)
    assert place["main"] in found[1]


async def test_an_operator_is_given_the_same_proof(http, tenant, place) -> None:
    answer = await http.post(f"{OPERATOR}/ledgerProof", json={})
    assert answer.status_code == 201, answer.text
    doc = answer.json()
    assert doc["status"] == "holds"
    async with tenant.connection() as conn:
        lines = await proof.prove(conn)
        totals = await proof.totals(conn)
    assert [(line.n, line.checked, 0) for line in lines] == [
        (int(each["id"]), each["checked"], each["faults"]) for each in doc["invariant"]
    ]
    assert {each["units"]: each["remaining"] for each in doc["total"]} == {
        row["unit"]: int(row["remaining"]) for row in totals
    }
    assert (await http.get(f"{OPERATOR}/ledgerProof/{doc['id']}")).json() == doc
    assert [each["id"] for each in (await http.get(f"{OPERATOR}/ledgerProof?status=holds")).json()] == [doc["id"]]


async def test_a_proof_that_fails_says_where(http, database, tenant, place) -> None:
    async with database.owner() as conn:
        await conn.execute(f"set search_path = {tenant.path}")
        await conn.execute("update bucket set credited = credited + 1 where id = $1", place["main"])
        try:
            doc = (await http.post(f"{OPERATOR}/ledgerProof", json={})).json()
        finally:
            await conn.execute("update bucket set credited = credited - 1 where id = $1", place["main"])
    assert doc["status"] == "broken"
    assert {each["id"]: each["place"] for each in doc["invariant"] if each["faults"]} == {
        "1": [place["main"]], "7": ["EUR"]
    }  # fmt: skip


@pytest.mark.parametrize(
    "statement",
    [
        "update transfer set amount = 1",
        "delete from transfer",
        "truncate transfer",
        "update {part} set amount = 1",
        "delete from {part}",
        "insert into {part} select * from transfer",
        "select * from {part}",
        "alter table bucket disable trigger all",
        "drop table transfer",
        "set session_replication_role = replica",
    ],
)
async def test_the_application_may_not_change_entries_nor_go_round_by_a_partition(tenant, place, statement) -> None:
    parts = await fetch(
        tenant, "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'transfer'::regclass"
    )
    assert len(parts) > 1
    for part in parts:
        async with tenant.connection() as conn:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await conn.execute(statement.format(part=part["name"]))
