"""Years of usage files priced by a plan, a file a part: on the processors of this machine, or of a cluster (Dask).

A part is a pure function of the catalog's texts and its file, so whoever is lost at work is replaced by any other, and
the result is the same to the byte wherever it was made. Nothing is stored and no database is asked.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from oxl.apis.product_usage.files import opened
from oxl.engines.catalog.catalog import Catalog, load_texts
from oxl.engines.usage.simulate import Row, Sums, sums_of, total

Do = Callable[[bytes], bytes]
Executor = Callable[[Do, Sequence[bytes]], Iterable[bytes]]  # what is done with each task, in their order
_TRIES = 3  # of a part whose worker was lost


class Task(msgspec.Struct, frozen=True):
    """One file, and by what it is to be priced: everything that a worker needs but OXL itself and the file."""

    texts: dict[str, str]
    plan_id: str
    version: int | None
    path: str


class Simulation(msgspec.Struct, frozen=True, rename="camel"):
    """The result: what the files come to, a digest of every single price, and what could not be priced."""

    plan: str
    currency: str
    files: int
    rows: list[Row]
    refused: dict[str, int]
    digest: str


_TASK, _SUMS, _PACK = msgspec.msgpack.Decoder(Task), msgspec.msgpack.Decoder(Sums), msgspec.msgpack.Encoder()
_READ = msgspec.json.Decoder(float_hook=Decimal)


def simulate(
    texts: dict[str, str], plan_id: str, version: int | None, files: Sequence[Path], executor: Executor
) -> Simulation:
    """What usage files come to by a plan of the catalog in these texts; LookupError where it has no such plan."""
    catalog = load_texts(texts)
    versions = [each for each in catalog.plans.get(plan_id, ()) if version in (None, each.version)]
    if not versions:
        raise LookupError(f"the catalog has no plan {plan_id!r}" + (f" of version {version}" if version else ""))
    tasks = [_PACK.encode(Task(texts, plan_id, version, str(file.resolve()))) for file in files]
    parts = [_SUMS.decode(each) for each in executor(part, tasks)]
    rows, refused, digest = total(catalog, plan_id, parts)
    name = plan_id if version is None else f"{plan_id}.{version}"
    return Simulation(name, versions[-1].currency, len(files), rows, refused, digest)


def part(packed: bytes) -> bytes:
    """What one file comes to; a task and its sums as MessagePack, so that they go anywhere."""
    task = _TASK.decode(packed)
    catalog = _catalog(msgspec.json.encode(task.texts, order="sorted"))
    with opened(Path(task.path)) as source:
        documents = (_document(line.body, line.fault) for line in source.lines)
        return _PACK.encode(sums_of(catalog, task.plan_id, task.version, documents))


def _document(body: Any, fault: str) -> Any:
    """A document, or why there is none."""
    if fault or not isinstance(body, bytes):
        return fault or "no document"
    try:
        return _READ.decode(body)
    except msgspec.DecodeError as error:
        return str(error)


@lru_cache(maxsize=2)
def _catalog(texts: bytes) -> Catalog:
    return load_texts(msgspec.json.decode(texts, type=dict[str, str]))


def here(do: Do, tasks: Sequence[bytes]) -> Iterator[bytes]:
    """The processors of this machine."""
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(do, tasks)


def executor_of(address: str) -> Executor:
    """The executor that an address names: none for this machine, else a Dask scheduler's, as tcp://host:8786.

    Its workers have OXL installed, and see the files at the same paths. ValueError says what is wrong.
    """
    if not address:
        return here
    try:
        from distributed import Client  # an extra: only who uses it needs it
    except ImportError:
        raise ValueError("a cluster needs pip install 'oxl[dask]'") from None

    def there(do: Do, tasks: Sequence[bytes]) -> Iterable[bytes]:
        try:
            client: Any = Client(address, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ValueError(f"no Dask scheduler answers at {address}: {error}") from None
        with client:
            return client.gather(client.map(do, tasks, pure=False, retries=_TRIES))

    return there
