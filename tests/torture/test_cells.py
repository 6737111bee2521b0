"""Two databases on one machine, and a tenant that moves between them while clients are at work: nothing is lost."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest
from tests.torture import oracle
from tests.torture.installation import installation, seed_of
from tests.torture.postgres import Postgres, postgres

from oxl.app import AFTER_RESTORE, SQL_CODE
from oxl.cli.tenants import proved
from oxl.db import cells
from oxl.db.database import UnknownTenantError
from oxl.db.migrate import create_tenant, drop_tenant


@pytest.fixture(scope="module")
async def pair() -> AsyncIterator[tuple[Postgres, Postgres]]:
    """Two databases."""
    async with postgres() as first, postgres() as second:
        yield first, second


async def moved(pair: tuple[Postgres, Postgres], moves: int, say: pytest.CaptureFixture[str]) -> None:
    seed, (first, second) = seed_of(), pair
    both = [await each.open() for each in pair]
    await drop_tenant(both[1], "default")  # as migrate made it: the tenant is to live at one place
    try:
        async with installation(seed, server=first, cells=second.url()) as under:
            async with under.under_load():
                for n in range(moves):
                    await under.until_answered(12)
                    source, target = both[n % 2], both[1 - n % 2]
                    proofs = await cells.move(
                        source, target, "default", SQL_CODE, proved, lambda _: None, AFTER_RESTORE
                    )
                    assert proofs["transfer"].rows > 0
                await under.until_answered(12)
            at = both[moves % 2]
            under.tenant = await at.tenant("default")
            left = both[1 - moves % 2]
            with pytest.raises(UnknownTenantError):
                await left.tenant("default")
            found = await under.faults(again=50)
            with say.disabled():
                print(f"\n{moves} moves under load, {oracle.summary(under.clients)}; wrong: {len(found)}")
            assert not found, f"SEED={seed}: {found[:10]}\n{under.workers.said()}"
    finally:
        for each in both:
            await each.close()


async def test_a_tenant_moves_under_load_and_nothing_is_lost(pair, capsys) -> None:
    await moved(pair, 3, capsys)  # an odd number: it does not end where it began


@pytest.mark.torture
async def test_a_tenant_moves_fifty_times_under_load(pair, capsys) -> None:
    await moved(pair, int(os.environ.get("MOVES", "50")), capsys)


async def test_what_does_not_prove_itself_stays_where_it_is(pair: tuple[Postgres, Postgres]) -> None:
    source, target = [await each.open() for each in pair]
    await create_tenant(source, "doubtful", SQL_CODE)
    asked: list[int] = []

    async def differs(_: object) -> int:
        asked.append(1)
        return len(asked)

    with pytest.raises(cells.CannotMoveError, match="differs"):
        await cells.move(source, target, "doubtful", SQL_CODE, differs, lambda _: None, AFTER_RESTORE)
    assert not await cells.holds(target, "doubtful")
    await (await source.tenant("doubtful")).refresh_clock()
    for each in (source, target):
        await each.close()
