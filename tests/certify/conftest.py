"""Ground for the suite's tests: a server at a free port, and a run of the suite against it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from double import NOON, Double, Spoil, served
from tests.waiting import PATIENCE

from oxl.certify.asking import Client
from oxl.certify.listening import Listener
from oxl.certify.running import Report, Run, certify
from oxl.certify.standard import standard_of


@pytest.fixture(scope="session")
def judge() -> Callable[..., Any]:
    """A function that runs the suite against a double of an API, with a fault or without."""

    async def run(
        key: str, spoil: Spoil | None = None, arrange: Callable[[Double], None] | None = None, only: str = ""
    ) -> Report:
        standard = standard_of(key)
        double = Double(standard_of(key), spoil)
        standard.kinds = [kind for kind in standard.kinds if not only or kind.name in only.split()]
        if arrange:
            arrange(double)
        async with served(double) as url, Client(url, direct=True) as client, Listener() as listener:
            # What is right never makes it wait. What is wrong comes at once, or never.
            patience, grace = (5.0, 0.4) if spoil or arrange else (PATIENCE, 0.04)
            return await certify(Run(client, listener, {}, lambda: NOON, patience, grace), standard)

    return run
