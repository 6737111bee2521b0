"""Events as they come, subscriptions, deliveries, dead letters."""

from __future__ import annotations

import re

import httpx
from playwright.async_api import expect

from tests.conftest import BALANCE

__all__ = ["test_events_are_seen_as_they_come", "test_who_is_told_is_looked_after"]
NOBODY = "http://127.0.0.1:9/told"  # nothing listens at the discard port


async def test_events_are_seen_as_they_come(opened, served) -> None:
    async with opened() as tab:
        await tab.open("/events", "Events")
        page = tab.page
        rows = page.locator("tbody tr")
        await expect(rows.first).to_be_visible()
        await tab.check()
        await page.get_by_label("Type contains").fill("topup")
        bucket = httpx.get(f"{served}{BALANCE}/bucket?usageType=monetary&limit=1").json()[0]["id"]
        credit = {"amount": {"amount": 1, "units": "EUR"}, "bucket": {"id": bucket}}
        made = httpx.post(f"{served}{BALANCE}/topupBalance", json=credit).json()["id"]
        await expect(rows.first).to_contain_text(made)
        await rows.first.get_by_role("button", name="TopupBalanceCreateEvent").click()
        await expect(page.get_by_role("dialog")).to_contain_text(made)
        await tab.check()
        await page.get_by_role("button", name="Close").click()
        await page.get_by_role("button", name="Pause").click()
        await expect(page.get_by_role("button", name="Go on")).to_have_attribute("aria-pressed", "true")


async def test_who_is_told_is_looked_after(opened, served) -> None:
    async with opened() as tab:
        await tab.open("/events/listeners", "Events")
        page, dialog = tab.page, tab.page.get_by_role("dialog")
        await page.get_by_role("button", name="Subscribe").click()
        await dialog.get_by_label("Events of").select_option("prepay_balance")
        await dialog.get_by_label("Callback").fill("no address")
        await dialog.get_by_role("button", name="Subscribe").click()
        await expect(dialog.get_by_role("alert")).to_be_visible()
        await dialog.get_by_label("Callback").fill(NOBODY)
        await dialog.get_by_role("button", name="Subscribe").click()
        row = page.locator("tbody tr").filter(has=page.get_by_role("button", name="End")).first
        await expect(row).to_contain_text(NOBODY)
        await tab.check()
        await row.get_by_role("button", name="Replay").click()
        await dialog.get_by_role("button", name="Replay").click()
        await expect(page.get_by_text("It is told again from then on.")).to_be_visible()
        await tab.open("/events/deliveries", "Events")
        await expect(page.locator("tbody tr").first).to_contain_text("Failed")
        await tab.check()
        await tab.open("/events/dead", "Events")
        await expect(page.get_by_text("No dead letters")).to_be_visible()
        await tab.check()
        await tab.open("/events/listeners", "Events")
        await row.get_by_role("button", name="End").click()
        await dialog.get_by_role("button", name="End it").click()
        await expect(page.locator("tbody tr").first).to_contain_text(re.compile("deleted|ended", re.IGNORECASE))
