"""The formats of export files: lines of JSON, as the database sends them, become a file of one of them.

A writer takes blocks of whole lines and holds no more than one of them. CSV and Parquet have the attributes that people
look at as columns, and the whole document beside them, so that nothing is lost on the way back.
"""

from __future__ import annotations

import csv
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from gzip import GzipFile
from io import StringIO
from typing import Any, BinaryIO, NamedTuple, Protocol

import msgspec
from arro3.core import Array, DataType, Field, RecordBatch, RecordBatchReader, Schema
from arro3.io import write_parquet

DOCUMENT = "document"  # the column that holds the whole of it
COLUMNS = (
    "id", "status", "statusReason", "usageType", "usageSpecification.id", "product.id", "creationDate", "lastUpdate",
    "price", "currency",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run


class Writer(Protocol):
    """A file of one format while it is written; `close` ends it, but leaves the file open."""

    def write(self, block: bytes) -> None:
        """Add whole lines, each a document."""

    def close(self) -> None:
        """Nothing more will come."""


class Format(NamedTuple):
    """A format by its media type, the ending of its files, and what writes it."""

    media: str
    suffix: str
    writer: Callable[[BinaryIO], Writer]


class _Lines:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, block: bytes) -> None:
        self._file.write(block)

    def close(self) -> None:
        """Lines need no end."""


class _Array:
    """A JSON array, each document on a line of its own."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._before = b"[\n"

    def write(self, block: bytes) -> None:
        self._file.write(self._before + block[:-1].replace(b"\n", b",\n"))
        self._before = b",\n"

    def close(self) -> None:
        self._file.write(b"[]\n" if self._before == b"[\n" else b"\n]\n")


class _Money(msgspec.Struct):
    unit: str = ""
    value: Any = 0


class _Price(msgspec.Struct):
    taxIncludedAmount: _Money | None = None  # noqa: N815 – the standard's name


class _Line(msgspec.Struct):
    price: _Price | None = None


class _Ref(msgspec.Struct):
    id: str = ""


class _Seen(msgspec.Struct):
    """What the columns show of a document."""

    id: str
    status: str = ""
    statusReason: str = ""  # noqa: N815 – the standard's name
    usageType: str = ""  # noqa: N815
    usageSpecification: _Ref = msgspec.field(default_factory=_Ref)  # noqa: N815
    product: _Ref = msgspec.field(default_factory=_Ref)
    creationDate: str = ""  # noqa: N815
    lastUpdate: str = ""  # noqa: N815
    usageProductPrice: list[_Line] = []  # noqa: N815


_SEEN = msgspec.json.Decoder(_Seen, float_hook=Decimal)


def columns_of(line: bytes) -> tuple[str, ...]:
    """The columns of one document, in the order of COLUMNS; the price is what all its lines cost with tax."""
    seen = _SEEN.decode(line)
    paid = [each.price.taxIncludedAmount for each in seen.usageProductPrice if each.price]
    money = [each for each in paid if each]
    price = str(sum(Decimal(str(each.value)) for each in money)) if money else ""
    return (
        seen.id, seen.status, seen.statusReason, seen.usageType, seen.usageSpecification.id, seen.product.id,
        seen.creationDate, seen.lastUpdate, price, money[0].unit if money else "",
    )  # fmt: skip


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


class _Csv:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._add([(*COLUMNS, DOCUMENT)])

    def _add(self, rows: Sequence[Sequence[str]]) -> None:
        text = StringIO()
        csv.writer(text).writerows(rows)
        self._file.write(text.getvalue().encode())

    def write(self, block: bytes) -> None:
        lines = block.splitlines()
        self._add([(*map(_harmless, columns_of(line)), line.decode()) for line in lines])

    def close(self) -> None:
        """Rows need no end."""


_SCHEMA = Schema([Field(name, DataType.utf8()) for name in (*COLUMNS, DOCUMENT)])
_ROWS = 20_000  # in a row group


class _Parquet:
    """The library pulls batches out of an iterator, so it runs in a thread of its own and is fed through a queue."""

    def __init__(self, file: BinaryIO) -> None:
        self._blocks: queue.Queue[bytes | None] = queue.Queue(2)
        self._failed: list[Exception] = []
        self._thread = threading.Thread(target=self._run, args=(file,), daemon=True)
        self._thread.start()

    def _run(self, file: BinaryIO) -> None:
        try:
            reader = RecordBatchReader.from_batches(_SCHEMA, self._batches())
            write_parquet(reader, file, compression="zstd(3)", max_row_group_size=_ROWS)
        except Exception as error:  # noqa: BLE001 – told to whoever feeds it
            self._failed.append(error)
            while self._blocks.get() is not None:
                pass

    def _batches(self) -> Iterator[RecordBatch]:
        while (block := self._blocks.get()) is not None:
            lines = block.splitlines()
            columns = [*zip(*map(columns_of, lines), strict=True), [line.decode() for line in lines]]
            arrays = [Array(list(column), DataType.utf8()) for column in columns]
            yield RecordBatch.from_arrays(arrays, schema=_SCHEMA)

    def write(self, block: bytes) -> None:
        if self._failed:
            raise OSError(f"the Parquet file could not be written: {self._failed[0]}")
        self._blocks.put(block)

    def close(self) -> None:
        self._blocks.put(None)
        self._thread.join()
        if self._failed:
            raise OSError(f"the Parquet file could not be written: {self._failed[0]}")


class _Gzip:
    """Another format, compressed; without a date in it, so that the same records make the same file."""

    def __init__(self, file: BinaryIO, inner: Callable[[BinaryIO], Writer]) -> None:
        self._zip = GzipFile("", "wb", 6, file, mtime=0)
        self._inner = inner(self._zip)  # pyright: ignore[reportArgumentType]

    def write(self, block: bytes) -> None:
        self._inner.write(block)

    def close(self) -> None:
        self._inner.close()
        self._zip.close()


_PLAIN = (
    Format("application/json", ".json", _Array),
    Format("application/x-ndjson", ".ndjson", _Lines),
    Format("text/csv", ".csv", _Csv),
)


def _zipped(media: str, plain: Format) -> Format:
    return Format(media, f"{plain.suffix}.gz", lambda file: _Gzip(file, plain.writer))


FORMATS = {
    each.media: each
    for each in (
        *_PLAIN,
        *(_zipped(f"{each.media}+gzip", each) for each in _PLAIN),
        _zipped("application/gzip", _PLAIN[1]),
        Format("application/vnd.apache.parquet", ".parquet", _Parquet),
    )
}


def format_of(media: str) -> Format | None:
    """The format of a media type, whatever its parameters; JSON where none is named."""
    return FORMATS.get(media.partition(";")[0].strip().lower() or "application/json")
