"""A browser and what is asked of it: Debian's Chromium, driven by Playwright, with a fresh profile and no way out."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright, expect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
SIZES = {"desktop": (1280, 900, "light", "UTC"), "phone": (390, 844, "dark", "Pacific/Auckland")}
NETWORK = ("http:", "https:", "ws:", "wss:")
LONG = 60_000  # milliseconds for which something is waited for; it comes in a fraction of that
_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --disable-dev-shm-usage"
)
expect.set_options(timeout=LONG)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser of its own."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS.split())
        yield browser
        await browser.close()


class Tab:
    """A page of the console, and everything that went wrong in it. `url` is the server's."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.faults: list[str] = []
        self.asked: list[str] = []
        page.set_default_timeout(LONG)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.faults.append(f"uncaught: {error}"))
        page.on("request", self._asked)

    def _said(self, message: Any) -> None:
        refused = re.search(r"status of (4\d\d|503)", message.text)  # an API's answer, which the page tells of
        if message.type in ("error", "warning") and not refused:
            self.faults.append(f"console: {message.text}")

    def _asked(self, request: Any) -> None:
        # Only what goes over a network can go elsewhere: chrome: and its like are the browser's own reader of PDFs.
        self.asked.append(request.url)
        if request.url.startswith(NETWORK) and not request.url.startswith(f"{self.url}/"):
            self.faults.append(f"asked elsewhere: {request.url}")

    async def open(self, hash_: str, heading: str = "") -> None:
        """Go to a page of the console, and wait for its heading."""
        await self.page.goto(f"{self.url}/#{hash_}")
        if heading:
            await expect(self.page.get_by_role("heading", level=1, name=heading)).to_be_visible()

    async def check(self, leaving_out: str = "") -> None:
        """Nothing is wrong, nothing is cut off, and nobody is shut out, but for what a selector leaves out."""
        found = await Axe().run(self.page, context={"exclude": [leaving_out]} if leaving_out else None)
        grave = [each for each in found.response["violations"] if each["impact"] in ("serious", "critical")]
        told = [(each["id"], [node["html"][:200] for node in each["nodes"][:4]]) for each in grave]
        assert told == [], f"{self.page.url}: {told}"
        wide, size = await self.page.evaluate("document.documentElement.scrollWidth"), self.page.viewport_size
        assert size, "a window has a size"
        assert wide <= size["width"], f"{self.page.url} is wider than the window: {wide}"
        assert not self.faults, f"{self.page.url}: {self.faults}"


@asynccontextmanager
async def tab(browser: Browser, url: str, size: str) -> AsyncIterator[Tab]:
    """A tab with a fresh profile, of a size; nothing may have gone wrong in it by its end."""
    width, height, scheme, zone = SIZES[size]
    context = await browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, timezone_id=zone, reduced_motion="reduce",
        accept_downloads=True, is_mobile=size == "phone", has_touch=size == "phone",
    )  # fmt: skip
    made = Tab(await context.new_page(), url)
    yield made
    await context.close()
    assert not made.faults, made.faults
