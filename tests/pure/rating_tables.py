"""Reads the plain-text tables and the tariffs that the tests of rating share."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from oxl.engines.catalog.document import read_document
from oxl.engines.catalog.plan import Plan, UsageComponent
from oxl.engines.catalog.plan_document import PLAN, compile_plan
from oxl.engines.catalog.zones import read_zone_table
from oxl.values import parse_instant

TABLES = Path(__file__).parent / "tables"
VISITED = "zone,prefix\nhome,262\nroaming-eu,208\nroaming-eu,2080\nroaming-world,*\n"
DESTINATIONS = "zone,prefix\nemergency,112\nnational,49\nfreephone,49800\neu,33\neu,352\nworld,1\ncaribbean,1809\n"


def plan_from(text: str, tables: dict[str, str] | None = None) -> Plan:
    """A plan from the text of its document."""
    page, values = read_document("plan.yaml", text, PLAN)
    zones = {name: read_zone_table(name, f"{name}.csv", rows)[1] for name, rows in (tables or {}).items()}
    plan = compile_plan(page, values, {name: table for name, table in zones.items() if table}) if values else None
    assert plan is not None, "\n".join(map(str, page.problems))
    return plan


TARIFFS = plan_from((TABLES / "tariffs.yaml").read_text(), {"visited": VISITED})
COMPONENTS: dict[str, UsageComponent] = {component.id: component for component in TARIFFS.usage}


def rows(table: str) -> list[list[str]]:
    """The words of each line of a table; # begins a remark."""
    lines = (TABLES / table).read_text().splitlines()
    return [words for line in lines if (words := line.partition("#")[0].split())]


def start_of(text: str) -> datetime:
    """The instant of a local time in the tariffs' zone, or of a UTC time that ends in Z."""
    if text.endswith("Z"):
        return parse_instant(text)
    return datetime.fromisoformat(text).replace(tzinfo=TARIFFS.timezone).astimezone(UTC)
