"""Usage files as bodies of TMF635 records: the formats of the export, and CSV rows by a mapping of an operator's.

Reading is bounded whatever a file holds: a line longer than MAX_LINE is told and passed over, never held whole; a file
that unpacks to far more than it is ends where that shows. What cannot be read is told at its line, and reading goes on.
"""

from __future__ import annotations

import csv
import re
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from gzip import GzipFile
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec

from oxl.apis.product_usage.formats import DOCUMENT
from oxl.apis.product_usage.mapping import Mapping, body_of

MAX_LINE = 1_048_576  # bytes
_MOST_TIMES, _AT_LEAST = 200, 64 << 20  # unpacked bytes for each of the file's, and how many are always allowed
_LEAST_LINE = 100  # bytes that a line counts for, so that a billion of nothing end early too
_UNFIT = re.compile("[\x00\ud800-\udfff]")
_BOM = b"\xef\xbb\xbf"
_RAWS = msgspec.json.Decoder(list[msgspec.Raw])
csv.field_size_limit(MAX_LINE)


class Line(NamedTuple):
    """One record of a file: its place, its body as JSON text or dict, the line as it stands; or why it is none."""

    number: int
    body: bytes | dict[str, Any]
    raw: bytes
    fault: str = ""


class Source(NamedTuple):
    """An open file: its records, and how many of its bytes have been read."""

    lines: Iterator[Line]
    at: Callable[[], int]


class _TooMuchError(ValueError):
    """A file that unpacks to more than anybody would have packed."""


@contextmanager
def opened(path: Path, mapping: Mapping | None = None) -> Iterator[Source]:
    """A file by the endings of its name (.ndjson, .json, .csv, .parquet; .gz), its records read as they are asked for.

    Other endings are NDJSON, or CSV where there is a mapping.
    """
    name = path.name.lower()
    with path.open("rb") as file:
        if name.endswith(".parquet"):
            with _parquet(path) as unpacked:
                size = path.stat().st_size
                yield Source(_told(_ndjson(_Counted(unpacked, lambda: size))), lambda: size)
            return
        packed = name.endswith(".gz")
        plain: Any = _Counted(GzipFile(fileobj=file), file.tell) if packed else file
        ending = Path(name.removesuffix(".gz")).suffix
        lines = _csv(plain, mapping) if mapping or ending == ".csv" else _READERS.get(ending, _ndjson)(plain)
        yield Source(_told(lines), file.tell)


class _Counted:
    """An unpacked file that is watched: what it gives against what was read of the packed one."""

    def __init__(self, file: Any, read: Callable[[], int]) -> None:
        self._file = file
        self._read = read
        self._given = 0

    def readline(self, most: int) -> bytes:
        line = self._file.readline(most)
        self._given += max(len(line), _LEAST_LINE)
        if self._given > _AT_LEAST + _MOST_TIMES * self._read():
            raise _TooMuchError(f"it unpacks to more than {_MOST_TIMES} times its size")
        return line


@contextmanager
def _parquet(path: Path) -> Iterator[BinaryIO]:
    """The documents of a Parquet file as lines. They are unpacked by a process whose memory is bounded."""
    words = [sys.executable, "-m", "oxl.apis.product_usage.parquet", str(path)]
    closed = subprocess.DEVNULL
    with subprocess.Popen(words, stdin=closed, stdout=subprocess.PIPE, stderr=closed) as child:  # noqa: S603 – our own
        try:
            yield _Child(child)  # pyright: ignore[reportReturnType]
        finally:
            child.kill()


class _Child:
    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child

    def readline(self, most: int) -> bytes:
        line = self._child.stdout.readline(most) if self._child.stdout else b""
        if not line and self._child.wait() != 0:
            raise _TooMuchError(f"it is no Parquet file with a column {DOCUMENT!r} that can be read")
        return line


def _told(lines: Iterator[Line]) -> Iterator[Line]:
    """The lines; where the file itself cannot be read on, a last one that says so."""
    number = 0
    try:
        for line in lines:
            number = line.number
            yield line
    except (EOFError, OSError, zlib.error, _TooMuchError) as error:
        why = str(error) if isinstance(error, _TooMuchError) else f"it cannot be unpacked: {error}"
        yield Line(number + 1, b"", b"", f"invalidFile: file: {why}; what follows was not read")


def _bounded(file: Any) -> Iterator[tuple[int, bytes, str]]:
    """Each line with its number; of one that is too long only the beginning, and what is wrong with it."""
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        if number == 1:
            line = line.removeprefix(_BOM)
        if len(line) <= MAX_LINE:
            yield number, line, ""
            continue
        start = line[:200]
        while line and not line.endswith(b"\n"):
            line = file.readline(MAX_LINE)
        yield number, start, f"invalidBody: line: is longer than {MAX_LINE} bytes"


def _ndjson(file: Any) -> Iterator[Line]:
    for number, line, fault in _bounded(file):
        if line.strip():
            yield Line(number, line, line, fault)


def _array(file: Any) -> Iterator[Line]:
    """A JSON array with an element on each line, as exports write it; or a short one on a single line."""
    number, begun, ended = 0, False, False
    for place, line, fault in _bounded(file):
        text = line.strip()
        if text.startswith(b"[") and not begun:
            begun, text = True, text[1:].lstrip()
        if text.endswith(b"]"):
            ended, text = True, text[:-1].rstrip()
        text = text.removesuffix(b",")
        if not text and not fault:
            continue
        for each in [text] if fault or not (begun and ended) else _elements(text):
            number = max(number + 1, place)
            yield Line(number, each, each, fault)
    if not ended:
        yield Line(number + 1, b"", b"", "invalidFile: file: the array has no end; the file may have been cut")


def _elements(text: bytes) -> list[bytes]:
    try:
        return [bytes(each) for each in _RAWS.decode(b"[" + text + b"]")]
    except msgspec.DecodeError:
        return [text]


def _csv(file: Any, mapping: Mapping | None) -> Iterator[Line]:
    """The rows of a CSV file, each on a line of its own: a quote that is not closed there makes that row alone bad."""
    header: list[str] | None = None
    delimiter = mapping.delimiter if mapping else ","
    for number, line, fault in _bounded(file):
        text = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
        if not text.strip():
            continue
        row: list[str] = []
        if not fault and _UNFIT.search(text):
            fault = "invalidBody: line: is not UTF-8, or holds a character that cannot be stored"
        elif not fault:
            try:
                row = next(csv.reader([text], delimiter=delimiter, strict=True))
            except csv.Error as error:
                fault = f"invalidBody: line: is no row of CSV: {error}"
        if header is None:
            header = row
            if fault or (mapping is None and DOCUMENT not in header):
                why = f"there is no column {DOCUMENT!r} in its header, and no mapping was given"
                yield Line(number, b"", line, fault or f"invalidFile: file: {why}")
                return
            continue
        if not fault and len(row) != len(header):
            fault = f"invalidBody: line: has {len(row)} columns; the header has {len(header)}"
        body: bytes | dict[str, Any] = b""
        if not fault:
            cells = dict(zip(header, row, strict=True))
            body = body_of(cells, mapping) if mapping else cells[DOCUMENT].encode()
        yield Line(number, body, line, fault)


_READERS = {".json": _array}
