"""Events as they come, subscriptions, deliveries, dead letters."""

from __future__ import annotations

import re

import httpx
from playwright.async_api import expect

from tests.conftest import BALANCE
from tests.kernel.receivers import receiving
from tests.waiting import until

__all__ = [
    "test_dead_letters_are_told_again",
    "test_events_are_seen_as_they_come",
    "test_who_is_told_is_looked_after",
]
DIE = """
insert into undelivered (subscription_id, event_id, xid, resource, resource_id, attempts, since, dead_at,
                         status, reason)
select $1, o.id, o.xid, o.resource, o.resource_id, 9, now(), now(), 500, 'HTTP 500'
from outbox o where o.api = 'prepay_balance' order by o.id limit 3 returning event_id
"""
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


async def test_dead_letters_are_told_again(opened, demo) -> None:
    """They take days to die, so the rows are made here; the worker that tells them again is the real one."""
    async with opened() as tab, receiving() as listener, httpx.AsyncClient(base_url=demo.url) as http:
        made = await http.post(f"{BALANCE}/hub", json={"callback": listener.url})
        async with demo.tenant() as tenant, tenant.connection() as conn:
            dead = await conn.fetch(DIE, made.json()["id"])
        await tab.open("/events/dead", "Events")
        page, letters = tab.page, tab.page.locator("tbody tr")
        await expect(letters).to_have_count(3)
        await expect(letters.first).to_contain_text("HTTP 500")
        await tab.check()
        await letters.first.get_by_role("button", name="Tell again").click()
        await expect(page.get_by_text("1 will be told again.")).to_be_visible()
        await expect(letters).to_have_count(2)
        await page.get_by_role("button", name="Tell all again").click()
        await expect(page.get_by_text("2 will be told again.")).to_be_visible()
        await expect(page.get_by_text("No dead letters")).to_be_visible()
        await until(lambda: {each["event_id"] for each in dead} <= set(listener.ids()))
        await tab.open("/events/deliveries", "Events")
        await page.get_by_label("Outcome").select_option("delivered")
        await expect(letters.first).to_contain_text("Delivered")
        await http.delete(f"{BALANCE}/hub/{made.json()['id']}")
