"""A reservation as usage sees it, apart from the ledger's verbs so that pure sums can be made with it."""

from __future__ import annotations

from typing import NamedTuple


class Reserved(NamedTuple):
    """A reservation whose bucket is locked; amounts in atoms of that bucket."""

    id: str
    bucket_id: str
    account_id: str
    unit: str
    status: str
    amount: int
    used: int
