"""How often a process looks for objects that only refer to each other; every process of OXL says so as it starts.

Python looks after every 700 new objects, and now and then through all that there are. OXL makes few cycles, and holds
thousands of records while it writes them: looking through these again and again took a sixth of an import's time.
"""

from __future__ import annotations

import gc

_NEW = 50_000  # objects


def collect_seldom() -> None:
    """Look for cycles seldom from now on, and no more among what is there already: that stays."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW, 20, 100)
