"""What breaks a house rule today and is known: (path, what) by rule. Strike a line out when it is mended."""

from __future__ import annotations

DEBTS: dict[str, tuple[tuple[str, str], ...]] = {
    "migrations_are_numbered_without_gap_or_double": (
        ("src/oxl/db/migrations/0008_recommendation.sql", "is number 7 in order; expected 0007_name.sql, and once"),
    ),
}
