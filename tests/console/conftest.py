"""Ground for the console's tests: one server and one browser for all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest
from playwright.async_api import Browser

from tests.console import ground
from tests.console.browser import SIZES, Tab, chromium, tab


@pytest.fixture(scope="module")
def demo() -> Iterator[ground.Demo]:
    """A server with forty subscribers."""
    with ground.serving(40, 1200, OXL_VALIDATE_RESPONSES="0") as made:
        yield made


@pytest.fixture(scope="module")
def served(demo: ground.Demo) -> str:
    """Its address."""
    return demo.url


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """The browser."""
    async with chromium() as opened:
        yield opened


@pytest.fixture(params=list(SIZES))
def opened(
    request: pytest.FixtureRequest, served: str, browser: Browser
) -> Callable[[], AbstractAsyncContextManager[Tab]]:
    """Opens a tab of a size."""
    return partial(tab, browser, served, request.param)
