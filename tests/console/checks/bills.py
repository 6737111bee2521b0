"""Bills: found, read beside their PDF, explained down to the usage; runs with their control sums."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import httpx
from playwright.async_api import expect

from oxl.engines.billing.policy import Policy
from tests.conftest import BILLS

__all__ = ["test_a_bill_is_explained_beside_its_document", "test_a_trial_run_is_made_and_adds_up"]
HOME = ZoneInfo(Policy().time_zone)  # in which days begin, wherever the browser is


async def test_a_bill_is_explained_beside_its_document(opened, served) -> None:
    async with opened() as tab:
        await tab.open("/bills", "Bills")
        page = tab.page
        rows = page.locator("tbody tr")
        await expect(rows.first).to_be_visible()
        await tab.check()
        await page.get_by_label("State").select_option("settled")
        await page.get_by_role("button", name="Find").click()
        await expect(page.get_by_text("No such bills")).to_be_visible()
        await tab.open("/bills", "Bills")
        await rows.first.get_by_role("link").click()
        await expect(page.get_by_role("heading", level=1, name=re.compile("^Bill "))).to_be_visible()
        made = httpx.get(f"{served}{BILLS}/customerBill/{page.url.rpartition('/')[2]}").json()
        due = datetime.fromisoformat(made["paymentDueDate"]).astimezone(HOME)
        await expect(page.get_by_role("region", name="Bill", exact=True)).to_contain_text(
            f"{due:%b} {due.day}, {due:%Y}"
        )
        await expect(page.get_by_role("link", name="Save the PDF")).to_have_attribute("download", re.compile(r"\.pdf$"))
        await expect(page.get_by_text(re.compile("rounding .* from before ="))).to_be_visible()
        await tab.check()
        await page.get_by_role("region", name="Lines").get_by_role("button").first.click()
        await expect(page.get_by_role("dialog")).to_contain_text(re.compile("days|records"))
        await tab.check()


async def test_a_trial_run_is_made_and_adds_up(opened) -> None:
    async with opened() as tab:
        await tab.open("/bills/runs", "Bills")
        page = tab.page
        await expect(page.locator("tbody tr").first).to_be_visible()
        await page.get_by_role("button", name="Start a run").click()
        await page.get_by_role("dialog").get_by_role("button", name="Start", exact=True).click()
        newest = page.locator("tbody tr").first
        await expect(newest).to_contain_text("Trial")
        await expect(newest).to_contain_text("Succeeded")
        await expect(newest).to_contain_text("All control sums hold.")
        await tab.check()
