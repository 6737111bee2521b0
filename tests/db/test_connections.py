"""The free list of connections: bounded, fair enough never to stop, and whole again after the database went away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest
from tests.conftest import BALANCE, END, client_of, cut_off
from tests.waiting import PATIENCE, until

from oxl.db.database import Database, Tenant


@pytest.fixture
async def few(make_tenant: Callable[[], Any]) -> AsyncIterator[Tenant]:
    """A tenant of which this process may have two connections."""
    made = await make_tenant()
    tenant = Tenant(made.name, made._connect, 2)
    yield tenant
    await tenant.close()


async def open_in(database: Database, tenant: Tenant) -> int:
    """How many connections the server sees of the tenant's role, besides the session's own."""
    async with database.owner() as conn:
        return await conn.fetchval("select count(*) from pg_stat_activity where usename = $1", tenant._connect["user"])


async def nobody_sleeps(database: Database, tenant: Tenant) -> bool:
    """Whether no statement of the tenant's role is left at rest in the server."""
    async with database.owner() as conn:
        asleep = "select count(*) from pg_stat_activity where usename = $1 and query like 'select pg_sleep%'"
        return not await conn.fetchval(asleep + " and state = 'active'", tenant._connect["user"])


async def test_the_limit_is_kept_by_any_number_of_askers(few: Tenant, database: Database) -> None:
    before = await open_in(database, few)
    at_once = most = 0

    async def ask(n: int) -> None:
        nonlocal at_once, most
        async with few.connection() as conn:
            at_once += 1
            most = max(most, at_once)
            await conn.fetchval("select pg_sleep(0.002)")
            at_once -= 1

    await asyncio.gather(*[ask(n) for n in range(60)])
    assert most == 2
    assert await open_in(database, few) - before <= 2


async def test_cancelled_waiters_take_no_turn_from_others(few: Tenant) -> None:
    done = asyncio.Event()

    async def hold() -> None:
        async with few.connection():
            await done.wait()

    async def ask() -> int:
        async with few.connection() as conn:
            return await conn.fetchval("select 7")

    holders = [asyncio.create_task(hold()) for _ in range(2)]
    asking = [asyncio.create_task(ask()) for _ in range(20)]
    await until(lambda: len(few._waiting) == 20)
    for task in asking[::2]:
        task.cancel()
    done.set()
    answers = await asyncio.wait_for(asyncio.gather(*asking, return_exceptions=True), PATIENCE)
    assert [answer for answer in answers if answer == 7] == [7] * 10
    await asyncio.gather(*holders)


async def test_a_waiter_cancelled_at_the_moment_of_its_turn_hands_it_on(few: Tenant) -> None:
    async with few.connection(), few.connection():
        first = asyncio.create_task(few._take())
        second = asyncio.create_task(few._take())
        await until(lambda: len(few._waiting) == 2)
    # Both connections are back and both waiters told; neither has run since.
    first.cancel()
    conn = await asyncio.wait_for(second, PATIENCE)
    assert await conn.fetchval("select 1") == 1
    await conn.close()
    few._open -= 1


async def test_one_connection_and_two_waiters_of_which_the_first_goes_away(make_tenant) -> None:
    made = await make_tenant()
    one = Tenant(made.name, made._connect, 1)
    async with one.connection():
        first = asyncio.create_task(one._take())
        second = asyncio.create_task(one._take())
        await until(lambda: len(one._waiting) == 2)
    first.cancel()
    conn = await asyncio.wait_for(second, PATIENCE)
    await conn.close()


async def test_a_reader_cancelled_in_the_middle_leaves_a_usable_connection(few: Tenant, database: Database) -> None:
    async def slow() -> None:
        async with few.connection() as conn:
            await conn.fetchval("select pg_sleep(3600)")

    for _ in range(6):
        task = asyncio.create_task(slow())
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    for _ in range(6):
        async with few.connection() as conn:
            assert await asyncio.wait_for(conn.fetchval("select 1"), PATIENCE) == 1
    assert few._open <= 2
    await until(lambda: nobody_sleeps(database, few))


async def test_what_a_killed_client_asked_for_ends_with_it(few: Tenant, database: Database) -> None:
    conn = await few._take()
    task = asyncio.create_task(conn.execute("select pg_sleep(3600)"))

    async def it_sleeps() -> bool:
        return not await nobody_sleeps(database, few)

    await until(it_sleeps)
    conn._transport.abort()  # as the kernel closes it for a process that is killed: nothing is said
    with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError)):
        await task
    await until(lambda: nobody_sleeps(database, few))


async def test_a_failed_transaction_leaves_a_usable_connection(few: Tenant) -> None:
    for _ in range(6):
        with pytest.raises(asyncpg.DivisionByZeroError):
            async with few.connection() as conn, conn.transaction():
                await conn.fetchval("select 1 / 0")
    async with few.connection() as conn:
        assert not conn.is_in_transaction()
    assert (few._open, len(few._free)) == (1, 1)


async def test_a_transaction_left_open_does_not_come_back(few: Tenant) -> None:
    async with few.connection() as conn:
        await conn.execute("begin")
    async with few.connection() as conn:
        assert not conn.is_in_transaction()
    assert few._open == 1


async def test_after_the_server_ended_idle_connections_the_next_request_works(few: Tenant, database) -> None:
    async with client_of(few) as http:
        for _ in range(3):
            assert (await http.get(f"{BALANCE}/bucket")).status_code == 200
            await cut_off(database, few)
        assert (await http.get(f"{BALANCE}/bucket")).status_code == 200
    assert few._open <= 2


async def test_connections_that_break_at_work_are_replaced(few: Tenant, database: Database) -> None:
    async def slow() -> None:
        async with few.connection() as conn:
            await conn.fetchval("select pg_sleep(3600)")

    tasks = [asyncio.create_task(slow()) for _ in range(5)]

    async def all_are_broken() -> bool:
        async with database.owner() as conn:
            await conn.execute(END, few._connect["user"])
        return all(task.done() for task in tasks)

    await until(all_are_broken)
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(answer, asyncpg.PostgresError | asyncpg.InterfaceError | OSError) for answer in answers)
    async with few.connection() as conn:
        assert await conn.fetchval("select 1") == 1
    assert few._open <= 2


async def test_a_server_that_is_not_there_frees_the_place_it_was_asked_for(few: Tenant) -> None:
    away = Tenant(few.name, few._connect | {"port": 1, "timeout": 2}, 1)
    for _ in range(3):
        with pytest.raises(OSError):
            async with away.connection():
                pass
    assert away._open == 0
