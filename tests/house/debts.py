"""What breaks a house rule today and is known: (path, what) by rule. Strike a line out when it is mended."""

from __future__ import annotations

DEBTS: dict[str, tuple[tuple[str, str], ...]] = {}
