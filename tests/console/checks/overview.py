"""The shell and the overview."""

from __future__ import annotations

import httpx
from playwright.async_api import Route, expect

from tests.console.ground import KATE

__all__ = [
    "test_a_key_is_asked_for_where_one_is_needed",
    "test_the_frame_is_used_with_the_keyboard",
    "test_the_overview_shows_the_loop_and_moves",
    "test_the_page_is_kept_and_packed",
]
TOPUP = "/tmf-api/prepayBalanceManagement/v4"


async def test_the_overview_shows_the_loop_and_moves(opened, served) -> None:
    async with opened() as tab:
        await tab.open("/", "Overview")
        page = tab.page
        charts = page.locator(".chart-card")
        await expect(charts).to_have_count(5)
        usage = charts.filter(has=page.get_by_role("heading", name="Usage records"))
        await expect(usage.locator("svg rect.s0").first).to_be_visible()
        await expect(usage.locator("tbody tr")).to_have_count(30)
        await expect(page.get_by_role("listitem").filter(has_text="Worker")).to_contain_text("last seen")
        await expect(page.get_by_role("link", name="Look at them").first).to_be_visible()
        await tab.check()
        topups = charts.filter(has=page.get_by_role("heading", name="Top-ups")).locator(".number").first
        before = await topups.inner_text()
        bucket = httpx.get(f"{served}{TOPUP}/bucket?usageType=monetary&limit=1").json()[0]["id"]
        credit = {"amount": {"amount": 3, "units": "EUR"}, "bucket": {"id": bucket}}
        assert httpx.post(f"{served}{TOPUP}/topupBalance", json=credit).status_code == 201
        await expect(topups).not_to_have_text(before)
        await page.get_by_role("button", name="24 hours").click()
        await expect(usage.locator("tbody tr")).to_have_count(24)
        await page.get_by_role("button", name="30 days").click()
        await expect(usage.locator("tbody tr")).to_have_count(30)


async def test_the_frame_is_used_with_the_keyboard(opened) -> None:
    async with opened() as tab:
        await tab.open("/", "Overview")
        page = tab.page
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator("main")).to_be_focused()
        link = page.get_by_role("link", name="Subscriber", exact=True)
        await link.focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1, name="Subscriber")).to_be_visible()
        await expect(page.locator("main")).to_be_focused()
        await expect(link).to_have_attribute("aria-current", "page")
        theme = page.get_by_role("button", name="Theme: auto")
        await theme.click()
        await expect(page.locator("html")).to_have_attribute("data-theme", "light")
        await page.get_by_role("button", name="Theme: light").click()
        await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        await tab.check()
        await page.reload()
        await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        await tab.open("/nowhere", "There is no such page")


async def test_a_key_is_asked_for_where_one_is_needed(opened, served) -> None:
    """As a server answers that requires keys: who comes without one gets a 401."""

    async def gate(route: Route) -> None:
        if route.request.headers.get("authorization") == "Bearer oxl.right":
            return await route.continue_()
        error = {"@type": "Error", "code": "notAuthenticated", "message": "send an API key", "status": "401"}
        return await route.fulfill(status=401, json=error)

    async with opened() as tab:
        page = tab.page
        await page.route("**/oxl/v1/**", gate)
        await tab.open("/", "Who are you?")
        await expect(page.get_by_label("Key or token")).to_be_focused()
        await tab.check()
        await page.keyboard.type("oxl.wrong")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_have_text("The key or token was not accepted.")
        await page.get_by_label("Key or token").fill("oxl.right")
        await page.get_by_role("button", name="Open the console").click()
        await expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
        await expect(page.locator(".chart-card")).to_have_count(5)
        await page.get_by_role("button", name="Forget key").click()
        await expect(page.get_by_role("heading", level=1, name="Who are you?")).to_be_visible()


async def test_the_page_is_kept_and_packed(served) -> None:
    async with httpx.AsyncClient(base_url=served) as http:
        page = await http.get("/", headers={"accept": "text/html"})
        assert (page.status_code, page.headers["content-encoding"]) == (200, "gzip")
        assert KATE not in page.text
        again = await http.get("/", headers={"accept": "text/html", "if-none-match": page.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert (await http.get("/")).json()[0]["id"] == "TMF635"
