"""Reads of the declared resources for commands: the same views and filters as a GET."""

from __future__ import annotations

from typing import Any

import msgspec

from oxl.db.database import Tenant
from oxl.kernel import select
from oxl.kernel.declare import Api
from oxl.kernel.filter import conditions
from oxl.kernel.paging import Window, order_of
from oxl.query.grammar import Asked


async def ask(tenant: Tenant, api: Api, name: str, **filters: str) -> list[dict[str, Any]]:
    """The documents of a resource that meet the filters; `a__b` stands for the attribute a.b."""
    resource = next(each for each in api.resources if each.name == name)
    wanted = [(Asked(attribute.replace("__", "."), "eq", (value,)),) for attribute, value in filters.items()]
    async with tenant.connection() as conn:
        part = Window(order_of(resource, ()), None, False, 0, 1000)
        page = await select.page(conn, resource, tenant.clock.now(), conditions(resource, wanted, ""), part)
    return [msgspec.json.decode(doc) for _, doc in page.docs]
