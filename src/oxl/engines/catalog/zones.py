"""Zone tables: which zone a dialled number or a visited network lies in, by its longest known prefix.

Loaded with the catalog from CSV rows `zone,prefix`; asked for every record that is rated, so a table is one dict per
prefix length, tried from the longest.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

from oxl.engines.catalog.document import Page

HOME = "home"  # the zone of a record without a destination, and of the operator's own networks in a visited table
_ZONE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_PREFIX = re.compile(r"[0-9]{1,15}|\*")


class Zone(NamedTuple):
    """Where a record took place, and how many digits said so."""

    name: str
    prefix_length: int


UNKNOWN = Zone("", 0)  # no row of the table fits; only a component that asks for no zone can price it
AT_HOME = Zone(HOME, 0)


class ZoneTable(msgspec.Struct, frozen=True):
    """A table of prefixes; `by_length` goes from the longest prefixes to the shortest, `*` being those of no digit."""

    id: str
    by_length: tuple[tuple[int, dict[str, Zone]], ...]
    zones: frozenset[str]


def zone_of_digits(table: ZoneTable, digits: str) -> Zone:
    """The zone of the longest prefix of `digits` that the table knows; UNKNOWN when it knows none."""
    for length, zones in table.by_length:
        zone = zones.get(digits[:length])
        if zone is not None:
            return zone
    return UNKNOWN


def read_zone_table(table_id: str, file: str, text: str) -> tuple[Page, ZoneTable | None]:
    """A zone table from CSV text whose first row is `zone,prefix`; `#` begins a remark."""
    page = Page(file)
    found: dict[str, Zone] = {}
    header, *rows = text.splitlines() or [""]
    if header.strip() != "zone,prefix":
        page.wrong("", f"the first row must be zone,prefix, not {header[:40]!r}")
        return page, None
    for line, written in enumerate(rows, 2):
        row = [cell.strip() for cell in written.split(",")]
        if row == [""] or row[0].startswith("#"):
            continue
        page.lines["zone"] = page.lines["prefix"] = page.lines[""] = line
        if len(row) != 2:
            page.wrong("", f"a row has two columns, zone and prefix, not {len(row)}")
            continue
        zone, prefix = row
        if not _ZONE_NAME.fullmatch(zone):
            page.wrong("zone", f"{zone!r} is not a name of small letters, digits and '-'")
        if not _PREFIX.fullmatch(prefix):
            page.wrong("prefix", f"{prefix!r} is neither up to 15 digits nor *")
        elif prefix in found:
            page.wrong("prefix", f"{prefix} already lies in {found[prefix].name}")
        else:
            found[prefix] = Zone(zone, 0 if prefix == "*" else len(prefix))
    if not found and not page.problems:
        page.wrong("", "the table has no rows")
    return page, (None if page.problems else _table(table_id, found))


def _table(table_id: str, found: dict[str, Zone]) -> ZoneTable:
    by_length: dict[int, dict[str, Zone]] = {}
    for prefix, zone in found.items():
        by_length.setdefault(zone.prefix_length, {})["" if prefix == "*" else prefix] = zone
    ordered = tuple(sorted(by_length.items(), reverse=True))
    return ZoneTable(table_id, ordered, frozenset(zone.name for zone in found.values()))
