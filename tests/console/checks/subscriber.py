"""Finding a subscriber; gauges that move; every action and what it says when it cannot be done."""

from __future__ import annotations

import re
import time

import httpx
from playwright.async_api import expect

from tests.conftest import OPERATOR, USAGE, usage_body
from tests.console.ground import KATE

__all__ = [
    "test_a_bill_is_made_now",
    "test_a_gauge_moves_as_usage_arrives",
    "test_a_recommendation_is_ordered",
    "test_a_subscriber_is_found",
    "test_balances_are_moved_and_refusals_are_sentences",
]


def line(served: str, **filters: str) -> dict:
    found = httpx.get(f"{served}{OPERATOR}/subscriber", params=filters | {"limit": 40}).json()
    return found[0]


def of_kind(served: str, kind: str) -> list[dict]:
    found = httpx.get(f"{served}{OPERATOR}/subscriber", params={"limit": 40, "status": "active"}).json()
    return [each for each in found if each["billingAccount"]["kind"] == kind]


def used(served: str, subscriber: dict) -> int:
    """How many usage records somebody has."""
    answer = httpx.get(f"{served}{USAGE}", params={"product.id": subscriber["id"], "limit": 1})
    return int(answer.headers["X-Total-Count"])


async def test_a_subscriber_is_found(opened, served) -> None:
    kate = line(served, **{"logicalResource.value": KATE})
    async with opened() as tab:
        await tab.open("/subscriber", "Subscriber")
        page = tab.page
        await expect(page.get_by_role("link", name=kate["name"])).to_be_visible()
        await tab.check()
        for asked in (f"+{KATE}", kate["name"].lower(), kate["billingAccount"]["externalId"], kate["id"]):
            await tab.open("/subscriber", "Subscriber")
            await page.get_by_label("Number, name, or account").fill(asked)
            await page.keyboard.press("Enter")
            link = page.get_by_role("link", name=kate["name"])
            heading = page.get_by_role("heading", level=1, name=kate["name"])
            await expect(heading.or_(link).first).to_be_visible()
        await tab.open("/subscriber?q=nobody%20at%20all", "Subscriber")
        await expect(page.get_by_text("Nobody found")).to_be_visible()
        await tab.check()


async def test_a_gauge_moves_as_usage_arrives(opened, served) -> None:
    kate = line(served, **{"logicalResource.value": KATE})
    async with opened() as tab:
        await tab.open(f"/subscriber/{kate['id']}", kate["name"])
        page = tab.page
        await expect(page.get_by_text("Live", exact=True)).to_be_visible()
        left = page.locator(".gauge").filter(has=page.get_by_role("heading", name="messages")).locator(".left")
        before = await left.inner_text()
        await expect(page.locator(".timeline li").first).to_be_visible()
        await tab.check()
        start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        body = usage_body("sms", KATE, start=start, destinationPhoneNumber="+493012345678")
        assert httpx.post(f"{served}{USAGE}", json=body).status_code == 201
        await expect(left).not_to_have_text(before)
        reports = [url.rpartition("/")[2] for url in tab.asked if "/usageConsumptionReport/" in url]
        assert set(reports) == {"stream"}, reports  # the server said so: nobody had asked again
        await page.get_by_role("button", name="Balance", exact=True).click()
        await expect(page.locator(".timeline li").first).to_contain_text(re.compile("completed|failed"))


async def test_balances_are_moved_and_refusals_are_sentences(opened, served) -> None:
    kate = line(served, **{"logicalResource.value": KATE})
    async with opened() as tab:
        await tab.open(f"/subscriber/{kate['id']}", kate["name"])
        page, dialog = tab.page, tab.page.get_by_role("dialog")
        balance = page.locator(".gauge").filter(has_text="Main balance")
        for button, amount in (("Top up", "12.5"), ("Adjust", "-1.25"), ("Reserve", "2")):
            before = await balance.locator(".left").inner_text()
            await page.get_by_role("button", name=button).click()
            await expect(dialog.get_by_label("Amount in EUR")).to_be_focused()
            await dialog.get_by_label("Amount in EUR").fill(amount)
            await page.keyboard.press("Enter")
            await expect(dialog).to_have_count(0)
            await expect(balance.locator(".left")).not_to_have_text(before)
            await expect(page.get_by_role("button", name=button)).to_be_focused()
        await expect(balance).to_contain_text("reserved")
        await page.get_by_role("button", name="Adjust").click()
        await dialog.get_by_role("button", name="Adjust").click()
        await expect(dialog.get_by_role("alert")).to_have_text("Amount in EUR is required.")
        await dialog.get_by_label("Amount in EUR").fill("-50000")
        await dialog.get_by_role("button", name="Adjust").click()
        await expect(dialog.get_by_role("alert")).to_contain_text("The bucket holds less than that.")
        await tab.check()
        await page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)


async def test_a_recommendation_is_ordered(opened, served) -> None:
    kate = line(served, **{"logicalResource.value": KATE})
    async with opened() as tab:
        await tab.open(f"/subscriber/{kate['id']}", kate["name"])
        page = tab.page
        await page.get_by_role("button", name="Recommend", exact=True).click()
        await expect(page.locator(".offer").first).to_contain_text("score")
        await tab.check()
        offer = page.get_by_role("button", name=re.compile("^Order (Data|Call|Voice|Travel Pack Europe)")).first
        await offer.click()
        await page.get_by_role("dialog").get_by_role("button", name="Order", exact=True).click()
        done = page.get_by_text(re.compile("is ordered and active"))
        refused = page.get_by_role("dialog").get_by_role("alert")  # it costs more than the balance holds
        await expect(done.or_(refused).first).to_be_visible()


async def test_a_bill_is_made_now(opened, served) -> None:
    payer = max(of_kind(served, "postpaid"), key=lambda each: used(served, each))
    async with opened() as tab:
        await tab.open(f"/subscriber/{payer['id']}", payer["name"])
        page = tab.page
        entries = page.locator(".timeline li")
        await expect(entries.first).to_be_visible()
        many = await entries.count()
        await page.get_by_role("button", name="Show more").click()
        await expect(entries.nth(many)).to_be_visible()
        await page.get_by_role("button", name="Bill now").click()
        await page.get_by_role("dialog").get_by_role("button", name="Bill now").click()
        await expect(page.get_by_text(re.compile("The bill is made|There is nothing to bill"))).to_be_visible()
        await page.get_by_role("button", name="Bills", exact=True).click()
        await expect(page.locator(".timeline li").first).to_contain_text("Bill")
        await tab.check()
