"""The sandbox: faults that come and go, and a clock that goes on. It is the last of all: time has moved then."""

from __future__ import annotations

import httpx
from playwright.async_api import expect

from tests.conftest import BALANCE, OPERATOR
from tests.waiting import until_now

__all__ = ["test_things_fail_on_purpose_and_the_month_ends"]


def until_answered(served: str, statuses: set[int]) -> None:
    """Wait until the standard's APIs answer so: every process knows of faults soon."""
    until_now(lambda: httpx.get(f"{served}{BALANCE}/bucket?limit=1").status_code in statuses)


async def test_things_fail_on_purpose_and_the_month_ends(opened, served) -> None:
    async with opened() as tab:
        await tab.open("/sandbox", "Sandbox")
        page = tab.page
        await expect(page.get_by_role("heading", name="Clock")).to_be_visible()
        await page.get_by_label("Requests that fail, 0 to 1").fill("2")
        await page.get_by_role("button", name="Set faults").click()
        await expect(page.get_by_role("alert")).to_contain_text("Is a share")
        await page.get_by_label("Requests that fail, 0 to 1").fill("1")
        await page.get_by_role("button", name="Set faults").click()
        await expect(page.locator("tbody tr").first).to_contain_text("errorShare 1")
        await tab.check()
        until_answered(served, {503})
        assert httpx.get(f"{served}{OPERATOR}/subscriber?limit=1").status_code in (200, 206)
        await page.get_by_role("button", name="No faults").click()
        until_answered(served, {200, 206})
        before = httpx.get(f"{served}{OPERATOR}/sandbox/sandbox").json()["ahead"]
        await page.get_by_role("button", name="End the month now").click()
        await expect(page.locator("#toasts")).to_contain_text("The month has ended.")
        assert httpx.get(f"{served}{OPERATOR}/sandbox/sandbox").json()["ahead"] > before
        await page.get_by_role("button", name="Move to").click()
        await page.get_by_role("dialog").get_by_label("To").fill("2001-01-01T00:00")
        await page.get_by_role("dialog").get_by_role("button", name="Move").click()
        await expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("only goes on")
        await tab.check()
        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="Reset to the demo").click()
        await page.get_by_role("dialog").get_by_label("Subscribers").fill("20")
        await page.get_by_role("dialog").get_by_label("Usage records").fill("300")
        await page.get_by_role("dialog").get_by_role("button", name="Erase and load").click()
        await expect(page.locator("tbody tr").first).to_contain_text("the demo operator is there")
        assert httpx.get(f"{served}{OPERATOR}/sandbox/sandbox").json()["ahead"] == 0
        assert len(httpx.get(f"{served}{OPERATOR}/subscriber?limit=100").json()) == 20
