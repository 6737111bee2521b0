"""`python -m bench [name …]`: run the named scripts, or all of them."""

from __future__ import annotations

import asyncio
import importlib
import sys

SCRIPTS = (
    "charging", "charglt", "usage", "posts", "exports", "lists", "billing", "recommendation", "consumption", "overload",
    "console", "spread",
)  # fmt: skip


def main(names: list[str]) -> None:
    """Run each script's `main`; an unknown name says which there are."""
    for name in names or SCRIPTS:
        if name not in SCRIPTS:
            raise SystemExit(f"no bench {name!r}; there are {', '.join(SCRIPTS)}")
        print(f"\n== {name} ==", flush=True)
        asyncio.run(importlib.import_module(f"bench.{name}").main())


if __name__ == "__main__":
    main(sys.argv[1:])
