"""A file that workers take parts of comes to what one process comes to, report and all, whoever of them is killed."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from random import Random
from signal import SIGKILL
from typing import Any

import pytest
from tests.conftest import NOON
from tests.engines.books import fetch, sound
from tests.engines.test_usage_apart import _lines, _numbers
from tests.engines.test_usage_groups import records, state
from tests.gates import Gate, killed
from tests.scenarios import bystander
from tests.scenarios.month import figures, make_files, provision
from tests.waiting import until

from oxl.apis.product_usage import reading, spreading
from oxl.apis.product_usage.jobs import Report, import_file
from oxl.apis.product_usage.spreading import Taking, _Order, spread_file, take_due
from oxl.db.database import Database, Tenant
from oxl.engines.usage import restore

WRITTEN = "select line, outcome, reason, text from usage_import_line order by line"
PARTS = "select * from usage_import_part order by number"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks and parts are small, and few parts lie ready."""
    monkeypatch.setattr(reading, "_LINES", 30)
    monkeypatch.setattr(spreading, "BULK", 6)
    monkeypatch.setattr(spreading, "_AHEAD", 20)


def _file(path: Path, lines: list[dict[str, Any]], own_keys: bool) -> Path:
    """Random records, some of which are none; with keys of their own, or some that come twice in any lane."""
    bodies = records(5, _numbers(lines))
    if own_keys:
        bodies = [body | {"externalIdentifier": [{"id": f"own-{n}"}]} for n, body in enumerate(bodies)]
    texts = [json.dumps(body) for body in bodies]
    texts[7:7] = ["{", '{"usageType": "voice"}']
    path.write_text("\n".join(texts) + "\n")
    return path


async def _report(tenant: Tenant) -> list[Any]:
    """The reports that are kept."""
    rows = await fetch(tenant, "select file, finished_at is not null as finished, counts from usage_import order by id")
    return [(row["file"], row["finished"], json.loads(row["counts"])) for row in rows]


async def _imported(tenant: Tenant, path: Path, own_keys: bool, way: Any) -> tuple[Any, ...]:
    """All that an import comes to."""
    lines = await _lines(tenant)
    size = _file(path, lines, own_keys).stat().st_size
    heard: list[tuple[int, int]] = []
    report = await way(tenant, path, None, lambda at, so_far: heard.append((at, so_far.records)))
    assert report.records == 302
    assert heard == sorted(heard)
    assert heard[-1] == (size, 302)
    kept = await fetch(tenant, WRITTEN)
    assert len(kept) == report.outcome["duplicate"] + report.outcome["rejected"] > 2
    await sound(tenant)
    for table in ("usage_import_part", "usage_import_lane"):
        assert await fetch(tenant, f"select * from {table}") == []
    return report, await _report(tenant), kept, await state(tenant, lines)


@pytest.fixture(scope="module")
async def plain(make_tenant, tmp_path_factory) -> dict[bool, tuple[Any, ...]]:
    """What a plain import of the file comes to, with keys of their own and with keys that come twice."""
    path = tmp_path_factory.mktemp("plain") / "usage.ndjson"
    return {own_keys: await _imported(await make_tenant(), path, own_keys, import_file) for own_keys in (True, False)}


@pytest.mark.parametrize(("workers", "own_keys"), [(0, True), (2, True), (2, False)])
async def test_a_spread_import_comes_to_what_a_plain_one_comes_to(
    make_tenant, tmp_path: Path, small, plain, workers: int, own_keys: bool
) -> None:
    tenant, stop = await make_tenant(), asyncio.Event()
    running = [asyncio.create_task(Taking(tenant).run(stop)) for _ in range(workers)]
    try:
        found = await _imported(tenant, tmp_path / "usage.ndjson", own_keys, spread_file)
    finally:
        stop.set()
        await asyncio.gather(*running)
    for each, expected in zip(found, plain[own_keys], strict=True):
        assert each == expected


async def test_what_is_tied_to_what_comes_before_it_waits_for_that() -> None:
    order = _Order()
    keys = [bytes([n]) for n in range(9)]
    assert order.lanes([[0], [], [1]], {keys[0]: 0, keys[1]: 2}, None) == [(1, 0, 0), (2, 2, 0)]
    assert order.lanes([[0], [1]], {keys[0]: 0, keys[2]: 1}, 1) == [(3, 0, 0), (4, 1, 0)], (
        "in the lanes where they were"
    )
    assert order.lanes([[0], [1]], {keys[1]: 1, keys[3]: 0}, 1) == [(5, 0, 4), (6, 1, 4)], "a key of another lane"
    assert order.lanes([[0, 1]], {}, 1) == [(7, 0, 6)], "alone, behind all"
    assert order.lanes([[0], [1]], {}, 1) == [(8, 0, 7), (9, 1, 7)], "and all behind it"
    assert order.lanes([[0], [1]], {keys[1]: 0, keys[4]: 1}, None) == [(10, 0, 7), (11, 1, 7)], "done, and so forgotten"


async def test_a_record_that_breaks_its_group_is_refused_alone(make_tenant, tmp_path, small, monkeypatch) -> None:
    tenant = await make_tenant()
    path = _file(tmp_path / "usage.ndjson", await _lines(tenant), True)

    async def breaking(work: Any, items: Any) -> Any:
        if any('"own-50"' in each.body for each in items):
            raise LookupError("nobody has thought of it")
        return await restore.restore(work, items)

    monkeypatch.setattr(spreading, "restore", breaking)
    report = await spread_file(tenant, path)
    assert report.records == 302
    assert report.reason["rejected: record"] == 1
    (kept,) = [row for row in await fetch(tenant, WRITTEN) if row["reason"].startswith("internalError")]
    assert kept["line"] == 53
    assert "own-50" in kept["text"]
    assert "nobody has thought of it" in kept["reason"]


async def test_what_lies_ready_is_bounded_and_done_without_its_reader(
    make_tenant, tmp_path, small, plain, monkeypatch
) -> None:
    tenant = await make_tenant()
    lines = await _lines(tenant)
    path = _file(tmp_path / "usage.ndjson", lines, True)
    with monkeypatch.context() as patch:
        patch.setattr(spreading, "_BESIDE", 0)  # it only reads
        reader = asyncio.create_task(spread_file(tenant, path))
        await until(lambda: _lie(tenant, 20))
        reader.cancel()
        with suppress(asyncio.CancelledError):
            await reader
    assert 20 <= len(await fetch(tenant, PARTS)) < 20 + 16
    while await take_due(tenant):
        pass
    assert await fetch(tenant, PARTS) == []
    ((_, finished, counts),) = await _report(tenant)
    assert not finished
    assert 0 < sum(counts["outcome"].values()) < 302
    assert (await import_file(tenant, path)).outcome["duplicate"] > 0
    assert await state(tenant, lines) == plain[True][3]
    await sound(tenant)


async def _lie(tenant: Tenant, parts: int) -> bool:
    return len(await fetch(tenant, PARTS)) >= parts


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> tuple[Path, Path]:
    return make_files(tmp_path_factory.mktemp("month"), NOON, 40, 6_000)


@pytest.fixture(scope="module")
async def calm(make_tenant, files) -> tuple[Tenant, Report]:
    tenant = await make_tenant()
    await provision(tenant, files[0])
    return tenant, await import_file(tenant, files[1])


async def _is_laid(tenant: Tenant) -> bool:
    return bool(await fetch(tenant, "select id from usage_import where laid"))


async def _killed(
    database: Database, make_tenant: Any, files: Any, calm: tuple[Tenant, Report], kills: int, seed: int
) -> None:
    """Kill workers at their parts, two at a time; each part takes a transaction at least."""
    tenant = await make_tenant()
    await provision(tenant, files[0])
    choose, gate = Random(seed), Gate(database, tenant, "usage")
    await gate.build()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spreading, "_BESIDE", 0)  # the reader takes no part until the workers are dead
        importing = asyncio.create_task(spread_file(tenant, files[1]))
        await until(lambda: _is_laid(tenant))
        left = len(await fetch(tenant, PARTS)) - 2
        assert left > 0
        for n in range(kills):
            after = choose.randint(0, left // (kills - n))
            await gate.close(after)
            struck, other = (bystander.start(tenant, "take", files[1]) for _ in range(2))
            left -= after + await killed(gate, struck, choose, left - after)
            other.kill()
            ends = await asyncio.gather(*(asyncio.to_thread(each.wait) for each in (struck, other)))
            assert ends == [-SIGKILL, -SIGKILL]
        await gate.take_away()
    assert await importing == calm[1]
    ended, undisturbed = await figures(tenant), await figures(calm[0])
    for name in undisturbed:
        assert ended[name] == undisturbed[name], name
    assert (await _report(tenant))[0][1:] == (await _report(calm[0]))[0][1:]


async def test_workers_that_are_killed_at_their_parts_change_nothing(database, make_tenant, files, calm) -> None:
    await _killed(database, make_tenant, files, calm, 1, 41)


@pytest.mark.torture
async def test_workers_that_are_killed_at_their_parts_many_times(database, make_tenant, files, calm) -> None:
    for seed in range(5):
        await _killed(database, make_tenant, files, calm, 4, seed)
