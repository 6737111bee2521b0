"""Usage files as bodies of TMF635 records: NDJSON lines as they are, CSV rows by a mapping that an operator writes.

Reading is bounded: a line longer than MAX_LINE is reported and passed over, never held whole.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec
import yaml

from oxl.values import BadValue, bounded_decimal

MAX_LINE = 1_048_576  # bytes


class Line(NamedTuple):
    """One record of a file: its place, its body as JSON text or dict, and its text for the report."""

    number: int
    body: bytes | dict[str, Any]
    text: str


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


def read_lines(file: BinaryIO, mapping: Mapping | None) -> Iterator[Line]:
    """The records of an open file: CSV where there is a mapping, else NDJSON. Blank lines are no records."""
    return _csv(file, mapping) if mapping else _ndjson(file)


def _ndjson(file: BinaryIO) -> Iterator[Line]:
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            yield Line(number, b"", line[:200].decode("utf-8", "replace"))
            while line and not line.endswith(b"\n"):
                line = file.readline(MAX_LINE)
        elif line.strip():
            yield Line(number, line, line.decode("utf-8", "replace").rstrip("\n"))


def _csv(file: BinaryIO, mapping: Mapping) -> Iterator[Line]:
    texts = (line.decode("utf-8-sig" if n == 0 else "utf-8", "replace") for n, line in enumerate(_bounded(file)))
    rows = csv.DictReader(texts, delimiter=mapping.delimiter)
    for row in rows:
        text = mapping.delimiter.join(str(value) for value in row.values())
        yield Line(rows.line_num, _body(row, mapping), text)


def _bounded(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(MAX_LINE):
        yield line


def _body(row: dict[str, Any], mapping: Mapping) -> dict[str, Any]:
    if None in row or None in row.values():
        return {"usageSpecification": {}, "usageCharacteristic": "the row has not as many columns as the header"}
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


def _value(row: dict[str, Any], taken: str | Column) -> Any:
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
