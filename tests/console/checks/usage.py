"""Usage: filters, explanations, suspense tried again, files in and out."""

from __future__ import annotations

import json
import re
from uuid import uuid4

import httpx
from playwright.async_api import expect

from tests.conftest import USAGE, usage_body
from tests.console.ground import KATE

__all__ = [
    "test_a_file_is_imported_with_its_outcome",
    "test_an_export_is_made_and_downloaded",
    "test_suspense_is_tried_again",
    "test_usage_is_found_and_explained",
]
DROPPED = """text => {
    const dropped = new DataTransfer();
    dropped.items.add(new File([text], "some.ndjson"));
    return dropped;
}"""
ABROAD = "2026-01-01T00:00:00Z"  # long before the demo's month


async def test_usage_is_found_and_explained(opened, served) -> None:
    async with opened() as tab:
        await tab.open("/usage", "Usage")
        page = tab.page
        rows = page.locator("tbody tr")
        await expect(rows.first).to_be_visible()
        await tab.check()
        await page.get_by_label("Status").select_option("rated")
        await page.get_by_label("Kind").select_option("voice")
        await page.get_by_label("More, as in the API").fill("sort=-creationDate")
        await page.get_by_role("button", name="Find").click()
        await expect(page).to_have_url(re.compile("status=rated"))
        await expect(rows.first).to_contain_text("Rated")
        await page.get_by_role("link", name="Older").click()
        await expect(page.get_by_role("link", name="Newer")).to_be_visible()
        await rows.first.get_by_role("link").click()
        await page.get_by_role("button", name="Explain the rating").click()
        steps = page.get_by_role("dialog").locator(".steps")
        await expect(steps).to_contain_text("Component")
        await expect(steps).to_contain_text("Total")
        await tab.check()
        await page.get_by_role("button", name="Close").click()
        await tab.open("/usage?more=sort%3Dnothing")
        await expect(page.get_by_role("alert")).to_contain_text("cannot be sorted by 'nothing'")


async def test_suspense_is_tried_again(opened, served) -> None:
    unknown = usage_body("sms", "4915559999999", destinationPhoneNumber="+493012345678")
    name = {"@type": "ExternalIdentifier", "id": str(uuid4()), "externalIdentifierType": "record", "owner": "switch"}
    failed = httpx.post(f"{served}{USAGE}", json=unknown | {"externalIdentifier": [name]}).json()
    assert failed["status"] == "failed"
    async with opened() as tab:
        await tab.open("/usage?status=failed", "Usage")
        page = tab.page
        await expect(page.locator("tbody tr").first).to_contain_text("in suspense")
        await page.get_by_role("button", name="Try all again").click()
        await expect(page.get_by_role("status").filter(has_text="Tried again")).to_be_visible()
        await tab.open(f"/usage/{failed['id']}")
        await page.get_by_role("button", name="Try again").click()
        await expect(page.locator("#toasts")).to_contain_text("Still in suspense")
        await tab.check()


async def test_a_file_is_imported_with_its_outcome(opened, served) -> None:
    good = usage_body("sms", KATE, start=ABROAD, destinationPhoneNumber="+493012345678")
    lines = [json.dumps(good), "{", json.dumps(good | {"usageSpecification": {"id": "none"}})]
    async with opened() as tab:
        await tab.open("/usage/import", "Usage")
        page = tab.page
        file = {"name": "some.ndjson", "mimeType": "application/x-ndjson", "buffer": "\n".join(lines).encode()}
        await page.get_by_label("Drop a file").set_input_files([file])
        await expect(page.get_by_role("status").filter(has_text="3 records")).to_contain_text("1 rejected")
        await expect(page.locator("tbody tr")).not_to_have_count(0)
        await tab.check()
        dropped = await page.evaluate_handle(DROPPED, file["buffer"].decode())
        await page.dispatch_event(".drop", "dragover", {"dataTransfer": dropped})
        await expect(page.locator(".drop.over")).to_be_visible()
        await page.dispatch_event(".drop", "drop", {"dataTransfer": dropped})
        again = page.get_by_role("status").filter(has_text="3 records")
        await expect(again).to_contain_text("2 duplicate")  # which were taken, rated or not
        await expect(page.locator(".drop.over")).to_have_count(0)


async def test_an_export_is_made_and_downloaded(opened) -> None:
    async with opened() as tab:
        await tab.open("/usage/exports", "Usage")
        page = tab.page
        await page.get_by_role("button", name="New export").click()
        await page.get_by_role("dialog").get_by_label("Filter, as in the API").fill("usageType=voice")
        await page.get_by_role("dialog").get_by_role("button", name="Export").click()
        job = page.locator("tbody tr").first
        await expect(job).to_contain_text("usageType=voice")
        await expect(job).to_contain_text("Succeeded")
        async with page.expect_download() as told:
            await job.get_by_role("button", name="Download").click()
        assert (await told.value).suggested_filename.endswith(".ndjson")
        await tab.check()
