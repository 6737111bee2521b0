"""The catalog, and the contracts in Swagger UI."""

from __future__ import annotations

import re

from playwright.async_api import expect

__all__ = [
    "test_a_contract_is_tried_and_taken_along",
    "test_files_are_checked",
    "test_offerings_plans_and_a_simulation",
]


async def test_offerings_plans_and_a_simulation(opened) -> None:
    async with opened() as tab:
        await tab.open("/catalog", "Catalog")
        page = tab.page
        await expect(page.locator("tbody tr").first).to_be_visible()
        await tab.check()
        await page.get_by_role("link", name="prepaid-m", exact=True).click()
        await expect(page.get_by_role("heading", name="Aurora Prepaid M")).to_be_visible()
        await tab.check()
        await page.get_by_role("link", name="Simulate a usage").click()
        await expect(page.get_by_label("Plan")).to_have_value("prepaid-m.1")
        await page.get_by_label("Kind of usage").select_option("voice")
        await page.get_by_label("Duration", exact=True).fill("90")
        await page.get_by_role("button", name="Simulate").click()
        await expect(page.locator(".steps")).to_contain_text("Component")
        await tab.check()
        await page.get_by_label("Duration", exact=True).fill("-1")
        await page.get_by_role("button", name="Simulate").click()
        await expect(page.get_by_role("alert")).to_be_visible()


async def test_files_are_checked(opened) -> None:
    async with opened() as tab:
        await tab.open("/catalog/check", "Catalog")
        page = tab.page
        await page.get_by_label("Its text").fill("plans: 1")
        await page.get_by_role("button", name="Check", exact=True).click()
        await expect(page.get_by_role("heading", name=re.compile("faults"))).to_be_visible()
        await expect(page.locator("tbody tr").first).to_contain_text("plans/new-plan.yaml:1")
        await tab.check()
        file = {"name": "tax.yaml", "mimeType": "text/yaml", "buffer": b""}
        await page.get_by_label("Its text").fill("")
        await page.get_by_label("Files").set_input_files([file])
        await page.get_by_role("button", name="Check", exact=True).click()
        await expect(
            page.get_by_role("heading", name=re.compile("faults")).or_(page.get_by_text("Everything is good"))
        ).to_be_visible()


async def test_a_contract_is_tried_and_taken_along(opened) -> None:
    async with opened() as tab:
        await tab.open("/api", "API")
        page = tab.page
        await tab.check(leaving_out="#swagger")  # whose own page is another project's
        await page.locator("#contract").select_option("/tmf-api/prepayBalanceManagement/v4")
        bucket = page.locator("#operations-bucket-listBucket")
        await expect(bucket).to_be_visible()
        await bucket.get_by_role("button").first.click()
        await bucket.get_by_role("button", name="Try it out").click()
        await bucket.get_by_role("button", name="Execute").click()
        told = page.get_by_label("The last request")
        await expect(told).to_contain_text("curl -X GET")
        await expect(bucket.get_by_text("200").first).to_be_visible()
        for language in ("curl", "Python"):
            await page.get_by_role("button", name=f"Copy as {language}").click()
            copied = page.get_by_text(f"Copied as {language}.").or_(page.get_by_text("does not allow copying"))
            await expect(copied.first).to_be_visible()
