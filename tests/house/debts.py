"""What breaks a house rule today and is known: (path, what) by rule. Strike a line out when it is mended."""

from __future__ import annotations

DEBTS: dict[str, tuple[tuple[str, str], ...]] = {
    "migrations_are_numbered_without_gap_or_double": (
        ("src/oxl/db/migrations/0006_exports.sql", "is number 4 in order; expected 0004_name.sql, and once"),
        ("src/oxl/db/migrations/0008_recommendation.sql", "is number 5 in order; expected 0005_name.sql, and once"),
    ),
}
