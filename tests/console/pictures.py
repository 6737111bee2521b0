"""Pictures of every page for the README: `python -m tests.console.pictures [folder]` starts a demo and writes them."""

from __future__ import annotations

import asyncio
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from playwright.async_api import Browser, Page, expect

from tests.conftest import BILLS, OPERATOR, USAGE
from tests.console.browser import chromium, tab
from tests.console.ground import KATE, serving
from tests.waiting import until

MOST = 200_000  # bytes of a picture
FOLDER = Path(__file__).parents[2] / "docs" / "pictures"


def first(url: str, path: str, **filters: str) -> str:
    """The id of the first of a list."""
    return httpx.get(f"{url}{path}", params=filters | {"limit": "1"}).json()[0]["id"]


async def recommended(page: Page) -> None:
    """Ask for recommendations, as one would to show them."""
    await page.get_by_role("button", name="Recommend", exact=True).click()
    await expect(page.locator(".offer").first).to_be_visible()


async def papered(page: Page) -> None:
    """Wait until the browser has drawn the PDF: in the middle of it there is paper then."""
    paper = page.locator("iframe")
    await paper.scroll_into_view_if_needed()

    async def is_drawn() -> bool:
        with Image.open(BytesIO(await paper.screenshot())) as seen:
            return sum(seen.convert("RGB").getpixel((seen.width // 2, seen.height // 2))) > 3 * 200

    await until(is_drawn)


async def simulated(page: Page) -> None:
    """Simulate a usage."""
    await page.get_by_role("button", name="Simulate").click()
    await expect(page.locator(".steps")).to_be_visible()


def pages(url: str) -> dict[str, tuple[str, str, Any]]:
    """By picture: the place, what is there when the page is whole, and what is done first."""
    kate = first(url, f"{OPERATOR}/subscriber", **{"logicalResource.value": KATE})
    usage = first(url, USAGE, status="rated", usageType="voice")
    return {
        "overview": ("/", ".chart-card rect.s0", None),
        "subscriber": (f"/subscriber/{kate}", ".gauge", recommended),
        "usage": ("/usage?status=failed", "tbody tr", None),
        "usage-record": (f"/usage/{usage}", "tbody tr", None),
        "bills": ("/bills", "tbody tr", None),
        "bill": (f"/bills/{first(url, f'{BILLS}/customerBill')}", "iframe", papered),
        "catalog": ("/catalog/plans", ".facts", None),
        "runs": ("/bills/runs", "tbody tr", None),
        "simulation": ("/catalog/simulate?plan=prepaid-m.1", "form", simulated),
        "events": ("/events", "tbody tr", None),
        "api": ("/api", "#swagger .opblock", None),
        "sandbox": ("/sandbox", ".figure", None),
    }


async def draw(browser: Browser, url: str, folder: Path) -> None:
    """A picture of every page on a desktop, and of two on a phone in the dark."""
    for size, suffix in (("desktop", ""), ("phone", "-phone")):
        for name, (place, sign, act) in pages(url).items():
            if suffix and name not in ("overview", "subscriber"):
                continue
            async with tab(browser, url, size) as made:
                await made.open(place)
                await expect(made.page.locator(sign).first).to_be_visible()
                if act:
                    await act(made.page)
                    await made.page.evaluate("scrollTo(0, 0)")
                file = folder / f"{name}{suffix}.png"
                await made.page.screenshot(path=file, animations="disabled")
                assert file.stat().st_size < MOST, file


async def main(folder: Path) -> None:
    """Start a server with a demo, and draw."""
    folder.mkdir(parents=True, exist_ok=True)
    with serving(200, 12_000) as demo:
        async with chromium() as browser:
            await draw(browser, demo.url, folder)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER))
