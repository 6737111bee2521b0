"""The operator's rules on time for usage records: how late one may come, and how far ahead a switch's clock may be.

The optional document `rating.yaml` of a catalog; without it the defaults hold.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from oxl.engines.catalog.document import Field, Page, Record, whole


class Rules(msgspec.Struct, frozen=True):
    """What is late (charged, and marked so), what is too late and too early (kept in suspense)."""

    late_after: timedelta = timedelta(days=35)
    too_late_after: timedelta = timedelta(days=60)
    ahead: timedelta = timedelta(minutes=15)  # clocks of switches differ a little


RULES = Record(
    {
        "lateAfterDays": Field(whole(0, 3660), 35),
        "tooLateAfterDays": Field(whole(1, 3660), 60),
        "aheadMinutes": Field(whole(0, 1440), 15),
    }
)


def rules_of(page: Page, values: dict[str, Any]) -> Rules:
    """The rules that the document describes; what is wrong with them is on the page."""
    if values["lateAfterDays"] > values["tooLateAfterDays"]:
        page.wrong("lateAfterDays", "nothing is late only after it is too late")
    return Rules(
        timedelta(days=values["lateAfterDays"]),
        timedelta(days=values["tooLateAfterDays"]),
        timedelta(minutes=values["aheadMinutes"]),
    )
