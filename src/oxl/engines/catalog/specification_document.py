"""A document of usage specifications: its declared fields, and its preparation into what `specification.read` uses."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from oxl.engines.catalog.document import Field, Listing, Page, Record, flag, identifier, one_of, unit_code, whole, words
from oxl.engines.catalog.specification import VALUE_TYPES, Characteristic, Roles, Specification, a_whole_number
from oxl.values import BadValue, bounded_decimal, unit_of

_CHARACTERISTIC = Record(
    {
        "name": Field(identifier),
        "description": Field(words, ""),
        "valueType": Field(one_of(*VALUE_TYPES)),
        "required": Field(flag, False),
        "minimum": Field(bounded_decimal, None),
        "units": Field(Listing(unit_code, least=1), ()),
        "default": Field(str, None),
    }
)
_NEEDED = ("number", "start", "quantity", "quantityUnit")
_ROLE_FIELDS = ("number", "destination", "start", "quantity", "quantityUnit", "visited", "reservation", "version")
SPECIFICATIONS = Record(
    {
        "specifications": Field(
            Listing(
                Record(
                    {
                        "id": Field(identifier),
                        "name": Field(words),
                        "description": Field(words, ""),
                        "service": Field(identifier),
                        "version": Field(words),
                        "countryCode": Field(lambda text: str(whole(1, 999)(text)), ""),
                        "characteristics": Field(Listing(_CHARACTERISTIC, least=1)),
                        "roles": Field(
                            Record(
                                {r: Field(identifier) if r in _NEEDED else Field(identifier, "") for r in _ROLE_FIELDS}
                            )
                        ),
                    }
                ),
                least=1,
            )
        )
    }
)
_ROLE_TYPES = {
    "number": ("string",),
    "destination": ("string",),
    "start": ("date-time",),
    "quantity": ("integer", "number"),
    "quantityUnit": ("string",),
    "visited": ("string",),
    "reservation": ("string",),
    "version": ("integer",),
}
_FROM_TEXT: dict[str, Callable[[str], Any]] = {
    "string": str,
    "integer": lambda text: a_whole_number(bounded_decimal(text)),
    "number": bounded_decimal,
}


def prepare(page: Page, where: str, values: dict[str, Any]) -> Specification | None:
    """The specification that one item of the document describes; None when it has problems, which the page tells."""
    before = len(page.problems)
    characteristics: dict[str, Characteristic] = {}
    roles = values["roles"]
    for index, each in enumerate(values["characteristics"]):
        inner = f"{where}.characteristics[{index}]"
        if each["name"] in characteristics:
            page.wrong(f"{inner}.name", f"{each['name']} is already declared")
        characteristics[each["name"]] = _characteristic(page, inner, each, each["name"] == roles["quantity"])
    fixed_unit = _fixed_unit(page, f"{where}.roles", roles, characteristics)
    for role, types in _ROLE_TYPES.items():
        _check_role(page, f"{where}.roles.{role}", roles[role], characteristics, types)
    if len(page.problems) > before:
        return None
    codes = (fixed_unit,) if fixed_unit else characteristics[roles["quantityUnit"]].units
    if len({unit_of(code).ledger for code in codes}) > 1:
        page.wrong(f"{where}.roles.quantityUnit", f"its units measure different things: {', '.join(codes)}")
        return None
    return Specification(
        id=values["id"],
        name=values["name"],
        description=values["description"],
        service=values["service"],
        version=values["version"],
        country_code=values["countryCode"],
        characteristics=characteristics,
        roles=Roles(
            number=roles["number"],
            destination=roles["destination"],
            start=roles["start"],
            quantity=roles["quantity"],
            quantity_unit="" if fixed_unit else roles["quantityUnit"],
            visited=roles["visited"],
            reservation=roles["reservation"],
            version=roles["version"],
        ),
        unit=unit_of(codes[0]).ledger,
        unit_codes={code: unit_of(code).atoms for code in codes},
        fixed_unit=fixed_unit,
        required=tuple(each.name for each in characteristics.values() if each.required),
        defaults={each.name: each.default for each in characteristics.values() if each.default is not None},
        digest=hashlib.sha256(msgspec.json.encode(values, order="sorted")).digest(),
    )


def _fixed_unit(page: Page, where: str, roles: dict[str, str], known: dict[str, Characteristic]) -> str:
    """The unit that all records count in, where the quantity's unit is not a characteristic of the record."""
    if roles["quantityUnit"] in known:
        if not known[roles["quantityUnit"]].units:
            page.wrong(f"{where}.quantityUnit", f"{roles['quantityUnit']} declares no units")
        return ""
    try:
        unit_of(roles["quantityUnit"])
    except BadValue:
        page.wrong(f"{where}.quantityUnit", f"{roles['quantityUnit']} is neither a characteristic nor a unit")
    return roles["quantityUnit"]


def _check_role(page: Page, where: str, name: str, known: dict[str, Characteristic], types: tuple[str, ...]) -> None:
    role = where.rpartition(".")[2]
    if not name or (role == "quantityUnit" and name not in known):
        return
    if name not in known:
        page.wrong(where, f"no such characteristic: {name}")
    elif known[name].value_type not in types:
        page.wrong(where, f"{name} must be of type {' or '.join(types)}, not {known[name].value_type}")
    elif role in _NEEDED and not known[name].required and known[name].default is None:
        page.wrong(where, f"{name} must be required or have a default")


def _characteristic(page: Page, where: str, values: dict[str, Any], counts: bool) -> Characteristic:
    value_type, units, minimum = values["valueType"], tuple(values["units"]), values["minimum"]
    numeric = value_type in ("integer", "number")
    if minimum is not None and not numeric:
        page.wrong(f"{where}.minimum", f"a {value_type} has no minimum")
    if units and value_type != "string":
        page.wrong(f"{where}.units", "only a string can be a unit")
    if minimum is None and counts and numeric:
        minimum = Decimal(0)
    convert = _converter(value_type, minimum if numeric else None, values["required"], units)
    default = values["default"]
    if default is not None:
        try:
            default = convert(_FROM_TEXT[value_type](default))
        except KeyError:
            page.wrong(f"{where}.default", f"a {value_type} has no default")
        except BadValue as error:
            page.wrong(f"{where}.default", str(error))
    return Characteristic(
        values["name"], value_type, values["required"], minimum, units, default, convert, values["description"]
    )


def _converter(value_type: str, minimum: Decimal | None, required: bool, units: tuple[str, ...]) -> Any:
    """The function that takes a value of a record by the declaration of its characteristic."""
    take = VALUE_TYPES[value_type]

    def at_least(value: Any) -> Any:
        taken = take(value)
        if taken < minimum:
            raise BadValue(f"must be at least {minimum}, not {value}")
        return taken

    def not_empty(value: Any) -> str:
        taken = take(value)
        if not taken.strip():
            raise BadValue("must not be empty")
        return taken

    def known_unit(value: Any) -> str:
        taken = take(value)
        if taken not in units:
            raise BadValue(f"unknown unit {taken[:40]!r}; known are {', '.join(units)}")
        return taken

    if minimum is not None:
        return at_least
    if units:
        return known_unit
    return not_empty if value_type == "string" and required else take
