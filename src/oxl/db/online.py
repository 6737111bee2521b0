"""Migrations that change a table beside the work of others: statements that PostgreSQL runs one by one. Pure."""

from __future__ import annotations

import re


def is_online(sql: str) -> bool:
    """Whether a migration's statements are to run one by one, outside a transaction."""
    return bool(re.search(r"^(create|drop)\b.* concurrently\b", sql, re.MULTILINE))


def statements(sql: str) -> list[str]:
    """The statements of an online migration."""
    bare = re.sub(r"--[^\n]*", "", sql)
    return [each.strip() for each in bare.split(";") if each.strip()]


def in_one_go(sql: str) -> str:
    """A migration as it is where nobody else is in the tenant."""
    return sql.replace(" concurrently", "") if is_online(sql) else sql
