"""What breaks a house rule today and is known: (path, what) by rule. Strike a line out when it is mended."""

from __future__ import annotations

DEBTS: dict[str, tuple[tuple[str, str], ...]] = {
    "the_kernel_has_at_most_2800_lines": (("src/oxl/kernel/select.py", "the kernel is too long"),),
}
