"""Every seeded fault is found and named by the rule that is about it; what is right is not blamed for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import faults_of_reads
import faults_of_writes
import pytest
from faults import CONCERNED, FAULTS, Fault

from oxl.certify.rules import ALL
from oxl.certify.running import Report

assert faults_of_reads, "its faults are registered as it is read"
assert faults_of_writes, "its faults are registered as it is read"
_AT_ONCE = 6
_WITHOUT_A_FAULT = {"patch.schema", "patch.garbage", "hub.location", "hub.read", "event.change", "read.status"}


@pytest.fixture(scope="module")
async def reports(judge: Callable[..., Any]) -> dict[str, Report]:
    """What the suite finds in a double with each fault; most of the time is waiting, so several run at once."""
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(fault: Fault) -> tuple[str, Report]:
        async with free:
            return fault.says, await judge(fault.api, fault.spoil, fault.arrange, CONCERNED[fault.api])

    return dict(await asyncio.gather(*map(one, FAULTS)))


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.says.replace(" ", "-") for fault in FAULTS])
def test_a_seeded_fault_is_found_and_named(reports: dict[str, Report], fault: Fault) -> None:
    report = reports[fault.says]
    failed = {result.rule.name for result in report.results if result.outcome == "failed"}
    assert set(fault.found_by) <= failed, [(r.rule.name, r.outcome, r.faults) for r in report.results if r.faults]
    assert not report.passed


def test_a_fault_does_not_spoil_all_else(reports: dict[str, Report]) -> None:
    for says, report in reports.items():
        failed = {result.rule.name for result in report.results if result.outcome == "failed"}
        passed = {result.rule.name for result in report.results if result.outcome == "passed"}
        assert len(failed) <= 16, says
        assert len(passed) > len(failed), says


def test_at_least_forty_faults_are_seeded_and_all_rules_but_few_are_proved() -> None:
    assert len(FAULTS) >= 40
    assert len({fault.says for fault in FAULTS}) == len(FAULTS)
    found_by = {name for fault in FAULTS for name in fault.found_by}
    assert {rule.name for rule in ALL} - found_by == _WITHOUT_A_FAULT
