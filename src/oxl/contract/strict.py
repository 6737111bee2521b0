"""Which APIs are served as strict as their documents: chosen by a setting when the application is put together."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from oxl.kernel.declare import Api


def strictly(apis: Sequence[Api], wanted: str) -> list[Api]:
    """The APIs, strict where their number or name is on the comma list, or it is `all`; ValueError for no API's."""
    names = set(filter(None, (name.strip() for name in wanted.split(","))))
    if unknown := names - {"all"} - {name for api in apis for name in (api.number, api.name)}:
        raise ValueError(f"setting strict: no API is called {', '.join(sorted(unknown))}")
    return [_strict(api) if api.strict or names & {"all", api.number, api.name} else api for api in apis]


def _strict(api: Api) -> Api:
    """The API as its document has it, without operations of our own."""
    resources = [
        msgspec.structs.replace(each, create=None) if "create" in each.own_operations else each
        for each in api.resources
        if not set(each.operations) <= each.own_operations
    ]
    return msgspec.structs.replace(api, strict=True, resources=tuple(resources))
