"""The reading of a usage file for its import: lines become records, in chunks, while those before them are written.

The first chunk is read by a thread. Where there is more, a process of its own (this module, run) reads on from there:
checking a line costs as much as rating it, and in one process Python computes one of the two at a time. It is asked for
a chunk over its standard input, is told by what specifications to read where they are others than before, and answers
in MessagePack. It reads one chunk ahead, and ends with its input, or as soon as nobody takes its answer.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import traceback
from collections.abc import AsyncGenerator, Iterator
from collections.abc import Mapping as Map
from contextlib import suppress
from itertools import islice
from pathlib import Path
from struct import Struct
from typing import Any, NamedTuple

import msgspec

from oxl.apis.product_usage.actions import origin_of
from oxl.apis.product_usage.api import PRODUCT_USAGE
from oxl.apis.product_usage.files import Line, Source, opened
from oxl.apis.product_usage.mapping import Mapping
from oxl.db.database import Tenant
from oxl.engines.catalog.catalog import Catalog, load_specifications, specification_texts
from oxl.engines.catalog.registry import catalog_of, texts_of
from oxl.engines.catalog.specification import Specification
from oxl.engines.usage.case import Record, record_of
from oxl.engines.usage.imports import KEPT_TEXT, RefusedLine
from oxl.engines.usage.record import read_ahead
from oxl.kernel import validate
from oxl.kernel.background import BULK, once
from oxl.kernel.declare import operation_of
from oxl.kernel.problem import Problem
from oxl.operations.collecting import collect_seldom
from oxl.verbs import Work

CREATE = operation_of(PRODUCT_USAGE, "productUsage")
_LINES, _BYTES = 8 * BULK, 16 << 20  # of a file that are in a chunk at most
_BY_THREAD = 1  # chunks: as long as it takes to read and write them the process needs to start, a second
_LARGE = _BYTES  # a file has more than one chunk then, however long its lines are: its process starts at once
_RAW = 4 * KEPT_TEXT  # bytes of a line, from which a report shows what it keeps
_PIPE = 1 << 20  # bytes: each time that a pipe is empty, whoever reads waits for the one lock of Python again
_BODY = msgspec.json.Encoder(decimal_format="number")
_LENGTH = Struct("<Q")


class LostReaderError(ValueError):
    """The process that reads a file has ended without a word."""


class Place(NamedTuple):
    """Where a record comes from: its line, how that begins, and the status that it says it came to, if any."""

    number: int
    raw: bytes
    told: str


class Chunk(msgspec.Struct, tag=True):
    """The next lines of a file: the records and where each comes from, and the lines that make none."""

    records: list[Record] = []
    places: list[Place] = []
    refused: list[RefusedLine] = []
    at: int = 0  # bytes of the file that were read so far
    last: bool = False


class _Ask(msgspec.Struct):
    """For how many lines at most the process is asked, after how many that are passed over; by which specifications,
    None: those told before.
    """

    most: int
    skip: int
    texts: dict[str, str] | None


class _Failure(msgspec.Struct, tag=True):
    """What ended the process: an error of the system by its number, any other by its text alone."""

    text: str
    number: int | None = None


_PACK = msgspec.msgpack.Encoder()
_ASK, _ANSWER = msgspec.msgpack.Decoder(_Ask), msgspec.msgpack.Decoder(Chunk | _Failure)
_RULES = msgspec.json.Decoder(Mapping | None)


async def chunks_of(tenant: Tenant, path: Path, mapping: Mapping | None = None) -> AsyncGenerator[Chunk]:
    """A file in chunks, the last of them marked; close it to let the file go.

    OSError when the file cannot be read, LostReaderError when the process that reads it is gone.
    """
    process = _Process(path, mapping) if await asyncio.to_thread(_is_large, path) else None
    try:
        chunk, read = Chunk(), 0
        with opened(path, mapping) as source:
            for n in range(1, _BY_THREAD + 1):
                catalog = await once(tenant, catalog_of)
                chunk = await asyncio.to_thread(read_on, source, catalog.specifications, _LINES)
                read += len(chunk.places) + len(chunk.refused)
                if n < _BY_THREAD or chunk.last:
                    yield chunk
                if chunk.last:
                    return
        process = process or _Process(path, mapping)
        known = await _asked(tenant, process, None, read)
        yield chunk
        while not chunk.last:
            chunk = await asyncio.to_thread(process.answer)
            if not chunk.last:
                known = await _asked(tenant, process, known)
            yield chunk
    finally:
        if process:
            process.end()


def _is_large(path: Path) -> bool:
    return path.stat().st_size >= _LARGE


async def _asked(tenant: Tenant, process: _Process, known: Catalog | None, skip: int = 0) -> Catalog:
    """Ask for the next chunk, read by the catalog as it stands now; that one."""

    async def found(work: Work) -> tuple[Catalog, dict[str, str] | None]:
        catalog = await catalog_of(work)
        return catalog, None if catalog is known else specification_texts(await texts_of(work))

    catalog, texts = await once(tenant, found)
    await asyncio.to_thread(process.ask, _Ask(_LINES, skip, texts))
    return catalog


def read_on(source: Source, specifications: Map[str, Specification], most: int) -> Chunk:
    """The next chunk of a file, of so many lines at most."""
    chunk, held = Chunk([], [], []), 0
    for line in source.lines:
        try:
            record, told = _record(line, specifications)
        except Problem as problem:
            reason = line.fault or f"{problem.code}: {problem}"
            chunk.refused.append(RefusedLine(line.number, "rejected", reason, shown(line.raw[:_RAW])))
        else:
            chunk.records.append(record)
            chunk.places.append(Place(line.number, line.raw[:_RAW], told))
        held += len(line.raw)
        if held > _BYTES or len(chunk.places) + len(chunk.refused) == most:
            break
    else:
        chunk.last = True
    chunk.at = source.at()
    return chunk


def shown(raw: bytes) -> str:
    """A line as a report shows it."""
    return raw.decode("utf-8", "replace").rstrip("\r\n")


def _record(line: Line, specifications: Map[str, Specification]) -> tuple[Record, str]:
    """The record that a line makes, and the status that it says it came to; Problem when it makes none."""
    if line.fault:
        raise Problem(400, "invalidBody", line.fault)
    raw = line.body if isinstance(line.body, bytes) else _BODY.encode(line.body)
    body = validate.parse(raw)
    origin = origin_of(body)
    told = body.get("status") if origin else None
    checked = validate.check(CREATE.resource, body, None if origin else CREATE.api)
    return read_ahead(specifications, record_of(checked, origin)), told if isinstance(told, str) else ""


# ── the process, from where it is asked ──


class _Process:
    """A process that reads a file. It is asked and answers in turns, which may wait: they are for a thread."""

    def __init__(self, path: Path, mapping: Mapping | None) -> None:
        self._path = path
        told = [str(path), msgspec.json.encode(mapping).decode()]
        self._child = subprocess.Popen(  # noqa: S603 – our own module
            [sys.executable, "-P", "-m", "oxl.apis.product_usage.reading", *told],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, pipesize=_PIPE, process_group=0,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip

    def ask(self, ask: _Ask) -> None:
        """Ask for the next chunk."""
        with suppress(BrokenPipeError):  # `answer` will say so
            _send(self._child.stdin, _PACK.encode(ask))

    def answer(self) -> Chunk:
        """What was asked for; what the process failed with is raised here."""
        packed = _receive(self._child.stdout)
        if packed is None:
            code = self._child.wait()
            how = f"killed by signal {-code}" if code < 0 else f"status {code}"
            again = "import the file again: what is in already is told as duplicate"
            raise LostReaderError(f"{self._path}: the process that read it is gone ({how}); {again}")
        found = _ANSWER.decode(packed)
        if isinstance(found, Chunk):
            return found
        if found.number is not None:
            raise OSError(found.number, found.text, str(self._path))
        raise RuntimeError(found.text)

    def end(self) -> None:
        """No more is wanted of it."""
        self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            with suppress(BrokenPipeError):
                pipe.close()  # type: ignore[union-attr]


def _send(pipe: Any, packed: bytes) -> None:
    pipe.write(_LENGTH.pack(len(packed)) + packed)
    pipe.flush()


def _receive(pipe: Any) -> bytes | None:
    """What was sent, whole; None where its sender is gone."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    packed = pipe.read(length)
    return packed if len(packed) == length else None


# ── the process itself ──


def main(path: str, mapping: str) -> None:
    """Answer as long as it is asked; what cannot be gone on from is the last answer."""
    collect_seldom()
    with open(1, "wb", buffering=0, closefd=False) as out, suppress(BrokenPipeError):  # nobody is there any more
        try:
            for chunk in _answers(Path(path), _RULES.decode(mapping)):
                _send(out, _PACK.encode(chunk))
        except BrokenPipeError:
            raise
        except OSError as error:
            _send(out, _PACK.encode(_Failure(error.strerror or str(error), error.errno)))
        except Exception as error:  # noqa: BLE001 – told to who waits for an answer
            told = "".join(traceback.format_exception(error))
            _send(out, _PACK.encode(_Failure(f"reading failed: {told}")))


def _answers(path: Path, mapping: Mapping | None) -> Iterator[Chunk]:
    specifications: Map[str, Specification] = {}
    with opened(path, mapping) as source:
        while (packed := _receive(sys.stdin.buffer)) is not None:
            ask = _ASK.decode(packed)
            specifications = specifications if ask.texts is None else load_specifications(ask.texts)
            for _ in islice(source.lines, ask.skip):
                pass
            yield read_on(source, specifications, ask.most)


if __name__ == "__main__":
    main(*sys.argv[1:])
