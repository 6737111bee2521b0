"""Whose papers they are: the company, the product and its release, and the server that was asked."""

from __future__ import annotations

import platform
import re
import unicodedata
from datetime import datetime
from typing import NamedTuple

from oxl.certify.running import SUITE, Report
from oxl.certify.standard import Place


class About(NamedTuple):
    """What stands in the head of every paper."""

    company: str
    product: str
    release: str
    target: str
    now: datetime
    environment: str = ""

    def head(self, report: Report) -> list[tuple[str, str]]:
        """The head of the results of an API, as rows."""
        place = report.standard.place
        return [
            ("Company", self.company),
            ("Product and release", f"{self.product} {self.release}".strip()),
            ("API", f"{place.number} {place.title}"),
            ("API version", place.version),
            ("Suite version", SUITE),
            ("Date", f"{report.began:%Y-%m-%d %H:%M:%S} UTC"),
            ("Target", f"{report.target}{place.base}"),
            ("Environment", self.environment or environment()),
        ]

    def file(self, place: Place, rest: str) -> str:
        """The name of a paper of an API: COMPANY-TMF635RW-v5.0.0-HTMLResults.html."""
        plain = unicodedata.normalize("NFKD", self.company).encode("ascii", "ignore").decode()
        company = re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_").upper() or "COMPANY"
        return f"{company}-{place.number}RW-v{place.version}-{rest}"


def environment() -> str:
    """Where the suite ran."""
    return f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
