"""A gate in front of what a table takes: who is to be killed at work is then at work, however fast the machine is.

It is a trigger on the table. The statements that insert into it are counted, and the first that is not let through yet
waits there, inside its transaction, until it is let through or its process is gone.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import Protocol

from oxl.db.database import Database, Tenant
from tests.waiting import until

_OPEN = 10**9
_MAKE = """
create table gate (let_through int not null);
insert into gate values ({open});
create sequence gate_came;
create function gate_wait() returns trigger language plpgsql security definer set search_path = {schema} as $$
declare place bigint := nextval('gate_came');
begin
    while place > (select let_through from gate) loop
        perform pg_sleep(0.005);
    end loop;
    return null;
end $$;
create trigger gate after insert on {table} for each statement execute function gate_wait();
"""
_TAKE_AWAY = "drop trigger gate on {table}; drop function gate_wait(); drop sequence gate_came; drop table gate"


async def killed(gate: Gate, process: Killable, random: Random, most: int) -> int:
    """Kill a process that works behind a closed gate: there, or somewhere on its way to where it would wait next.

    `most`: how many more it may be let through. How many it was.
    """
    await until(gate.is_waited_at)
    more = random.randint(0, min(most, 1))
    if more:
        await gate.let_through(more)
        await asyncio.sleep(random.uniform(0, 0.1))
    process.kill()
    return more


class Killable(Protocol):
    """A process."""

    def kill(self) -> None:
        """kill -9."""


class Gate:
    """The gate of a table of a tenant; it is open until it is closed."""

    def __init__(self, database: Database, tenant: Tenant, table: str) -> None:
        self._database = database
        self._role = tenant._connect["user"]  # and the name of its schema
        self._table = table

    async def _run(self, statement: str) -> int:
        async with self._database.owner() as conn:
            await conn.execute(f"set search_path = {self._role}")
            if statement.startswith("select"):
                return await conn.fetchval(statement)
            await conn.execute(statement)
            return 0

    async def build(self) -> None:
        await self._run(_MAKE.format(open=_OPEN, schema=self._role, table=self._table))

    async def close(self, after: int) -> None:
        """Let so many through from now on, and no more. Those who wait here and whose process is gone are let go."""
        await self.open()
        others = f"select count(*) from pg_stat_activity where usename = '{self._role}' and state <> 'idle'"
        await until(lambda: self._is_none(others))
        await self._run(f"alter sequence gate_came restart; update gate set let_through = {after}")

    async def let_through(self, more: int) -> None:
        await self._run(f"update gate set let_through = let_through + {more}")

    async def is_waited_at(self) -> bool:
        """Whether somebody waits here."""
        return bool(await self._run("select (is_called and last_value > let_through)::int from gate_came, gate"))

    async def open(self) -> None:
        await self._run(f"update gate set let_through = {_OPEN}")

    async def take_away(self) -> None:
        await self.open()
        await self._run(_TAKE_AWAY.format(table=self._table))

    async def _is_none(self, count: str) -> bool:
        return await self._run(count) == 0
