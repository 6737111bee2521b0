"""A process that unpacks a Parquet file into lines of JSON; its memory is bounded, whatever the file says of itself."""

from __future__ import annotations

import resource
import sys

from arro3.io import read_parquet

from oxl.apis.product_usage.formats import DOCUMENT

_MEMORY = 3 << 30  # bytes of address space
_ROWS = 256  # at a time


def main(path: str) -> None:
    """Write the documents of the file to standard output, one a line."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    for batch in read_parquet(path, batch_size=_ROWS):
        lines = [str(each).replace("\n", " ") for each in batch[DOCUMENT].to_pylist()]
        sys.stdout.buffer.write("".join(f"{line}\n" for line in lines).encode())
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1])
