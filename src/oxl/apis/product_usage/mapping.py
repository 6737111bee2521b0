"""CSV rows of a switch as bodies of TMF635 records, by a mapping that an operator writes."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import yaml

from oxl.values import BadValue, bounded_decimal


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A characteristic taken from a column; `type` is string, integer or number."""

    column: str
    type: str = "string"


class Identifier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose identifier a column holds, so that a record is known again."""

    owner: str
    column: str


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """How CSV rows become records: one usage specification, or one by the values of a column."""

    characteristics: dict[str, str | Column]
    usage_specification: str = ""
    specification_column: str = ""
    specifications: dict[str, str] = {}
    external_identifier: Identifier | None = None
    delimiter: str = ","


def read_mapping(path: Path) -> Mapping:
    """The mapping in a YAML file; ValueError says what is wrong with it."""
    try:
        mapping = msgspec.convert(yaml.safe_load(path.read_text("utf-8")), Mapping)
    except (msgspec.ValidationError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: {error}") from None
    if bool(mapping.usage_specification) == bool(mapping.specification_column):
        raise ValueError(f"{path}: give either usageSpecification or specificationColumn")
    return mapping


def body_of(row: dict[str, str], mapping: Mapping) -> dict[str, Any]:
    """The body of a row, its cells by the names of their columns."""
    column = mapping.specification_column
    specification = mapping.specifications.get(row.get(column, ""), row.get(column, "")) if column else ""
    characteristics = [
        {"name": name, "value": _value(row, taken)}
        for name, taken in mapping.characteristics.items()
        if row.get(taken if isinstance(taken, str) else taken.column)
    ]
    body: dict[str, Any] = {
        "@type": "ProductUsage",
        "usageSpecification": {"id": mapping.usage_specification or specification},
        "usageCharacteristic": characteristics,
    }
    identifier = mapping.external_identifier
    if identifier and row.get(identifier.column):
        body["externalIdentifier"] = [{"owner": identifier.owner, "id": row[identifier.column]}]
    return body


def _value(row: dict[str, str], taken: str | Column) -> Any:
    if isinstance(taken, str):
        return row[taken]
    text = row[taken.column].strip()
    if taken.type == "string":
        return text
    try:
        number = bounded_decimal(text)
    except BadValue:
        return text  # the specification refuses it, and names the characteristic
    return int(number) if number == number.to_integral_value() else Decimal(number)
