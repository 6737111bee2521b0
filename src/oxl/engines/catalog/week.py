"""The tariff week: which time window of a component reigns at each minute of a local week.

Part of compiling a price plan. Windows are painted over the 10,080 minutes of a week once, when the catalog is loaded;
rating then finds the window of an instant, and where it ends, by one bisection.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from oxl.engines.catalog.document import Page
from oxl.values import BadValue

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = 24 * 60
WEEK = 7 * DAY


class Week(NamedTuple):
    """The minutes of the local week at which another window begins, ascending from 0, and which one that is."""

    edges: tuple[int, ...]
    windows: tuple[int, ...]


WHOLE_WEEK = Week((0,), (0,))


def time_of_day(text: str) -> int:
    """Minutes since local midnight of a written HH:MM; 24:00 is the end of the day."""
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00", text):
        raise BadValue(f"must be a time of day such as 08:00, not {text[:40]!r}")
    return int(text[:2]) * 60 + int(text[3:])


def week_of(page: Page, where: str, windows: list[dict[str, Any]]) -> Week | None:
    """The week of a component's windows, the first written that fits taking each minute; None when there is a problem.

    A window that ends at or before its beginning runs past midnight and belongs to the day on which it begins. A window
    with neither days nor times is the default: it takes what the others leave.
    """
    painted: list[int | None] = [None] * WEEK
    sound = True
    for index, window in sorted(enumerate(windows), key=lambda each: is_default(each[1])):
        begin, end = window["from"] or 0, DAY if window["to"] is None else window["to"]
        if begin in (end, DAY):
            page.wrong(f"{where}[{index}].from", "the window has no length; leave out from and to for the whole day")
            sound = False
            continue
        taken = 0
        for day in window["days"] or DAYS:
            first = DAYS.index(day) * DAY + begin
            for minute in range(first, first + (end - begin if end > begin else end - begin + DAY)):
                if painted[minute % WEEK] is None:
                    painted[minute % WEEK] = index
                    taken += 1
        if not taken:
            page.wrong(f"{where}[{index}]", "is never reached: the windows before it take all of its time")
            sound = False
    if sound and None in painted:
        page.wrong(where, f"no window covers {_clock(painted.index(None))}; add one without days and times as default")
        sound = False
    if not sound:
        return None
    edges = [minute for minute in range(WEEK) if minute == 0 or painted[minute] != painted[minute - 1]]
    return Week(tuple(edges), tuple(painted[minute] or 0 for minute in edges))


def is_default(window: dict[str, Any]) -> bool:
    """Whether a written window is the default of its component."""
    return window["days"] is None and window["from"] is None and window["to"] is None


def window_name(window: dict[str, Any]) -> str:
    """How a window is called in an explanation, such as `mon,tue 08:00-18:00`."""
    if is_default(window):
        return "default"
    begin, end = window["from"] or 0, DAY if window["to"] is None else window["to"]
    times = "" if window["from"] is None and window["to"] is None else f"{_hours(begin)}-{_hours(end)}"
    return f"{','.join(window['days'] or ['daily'])} {times}".strip()


def _hours(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _clock(minute: int) -> str:
    return f"{DAYS[minute // DAY]} {_hours(minute % DAY)}"
