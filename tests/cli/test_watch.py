"""The gauges of `oxl watch`: how full each bucket is."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import pytest
from rich.console import Console

from oxl.cli import watch


def bucket(**counters: float) -> dict[str, Any]:
    told = [{"counterType": name, "level": "global", "value": {"amount": Decimal(str(amount))}}
            for name, amount in counters.items()]  # fmt: skip
    users = [{"counterType": "used", "level": "detailed by user", "value": {"amount": 99}}]
    return {"name": "10 GB data", "remainingValueName": "6.4 GB", "bucketCounter": [*told, *users]}


@pytest.mark.parametrize(
    ("counters", "left", "whole"),
    [
        ({"used": 3.6, "remaining": 6.4, "reserved": 0}, "6.4", "10"),
        ({"used": 3, "remaining": 6, "reserved": 1}, "6", "10"),
        ({"used": 10, "remaining": 0}, "0", "10"),
        ({"used": 12, "remaining": -2}, "0", "12"),
        ({}, "0", "1"),
    ],
)
def test_what_is_left_of_what_there_was(counters: dict[str, float], left: str, whole: str) -> None:
    assert watch.share(bucket(**counters)) == (Decimal(left), Decimal(whole))


def test_each_bucket_is_shown_with_its_name_and_what_is_left() -> None:
    console = Console(width=100, file=io.StringIO())
    console.print(watch._gauges({"name": "Kate", "bucket": [bucket(used=1, remaining=1)]}))
    told = console.file.getvalue()  # type: ignore[attr-defined]
    for words in ("Kate", "10 GB data", "6.4 GB", "━"):
        assert words in told
