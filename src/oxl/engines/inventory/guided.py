"""The answer to "whose use was it?", apart from the inventory's verbs so that pure sums can be made with it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class Guided(NamedTuple):
    """To whom a use belongs; `plan_id` is None when no plan was in force."""

    product_id: str
    account_id: str
    device_id: str
    account_kind: str
    currency: str
    status: str
    plan_id: str | None
    open_window: int
    since: datetime  # when the product was taken
