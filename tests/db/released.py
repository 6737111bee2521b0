"""Keeps what a released version leaves behind, for the upgrade test: `python -m tests.db.released v0.1.0`.

It unpacks that version out of the repository, has its own commands fill a database of its own, and keeps its backup,
its migrations, and every statement, view and function that its processes would run: `released/` beside this file.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

PLACE = Path(__file__).parent / "released"
ROOT = Path(__file__).parents[2]
_COMMANDS = (
    ("seed", "conformance"),
    ("seed", "demo", "--subscribers", "8", "--records", "240"),
    ("key", "create", "till", "--role", "partner"),
    ("audit", "verify"),
)
# What the old version tells of itself, run by its own modules.
_TOLD = """
import json
from oxl.app import SQL_CODE
from oxl.db import queries
from oxl.db.migrate import migrations
from importlib.resources import files
from pathlib import Path

root = Path(str(files("oxl")))
named = {}
for path in sorted(root.rglob("*.sql")):
    if "migrations" not in path.parts and path.name not in ("schema.sql", "tenants.sql", "upgrade.sql", "archive.sql"):
        package = ".".join(("oxl", *path.relative_to(root).parts[:-1]))
        named[f"{package}/{path.name}"] = queries._blocks(package, path.name, "name")
code = [block for package, file in SQL_CODE for block in queries.definitions(package, file).values()]
print(json.dumps({"migrations": migrations(), "statements": named, "code": code}, indent=0))
"""


def main(ref: str) -> None:
    """Keep what the version `ref` leaves behind."""
    with tempfile.TemporaryDirectory(prefix="oxl-released-") as folder:
        os.chmod(folder, 0o711)  # noqa: S103 – the server runs as another user when we are root
        home, source = Path(folder), Path(folder) / "source"
        packed = subprocess.run(["git", "-C", ROOT, "archive", ref, "src"], capture_output=True, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            tar.extractall(source, filter="data")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OXL_")}
        environment = kept | {"PYTHONPATH": str(source / "src"), "OXL_DATA": str(home / "data"), "OXL_LINGER": "1"}

        def run(*words: str) -> str:
            found = subprocess.run(words, env=environment, cwd=home, capture_output=True, text=True, check=False)
            if found.returncode:
                raise SystemExit(f"{' '.join(words[:6])}: {found.stderr[-2000:]}")
            return found.stdout

        for words in _COMMANDS:
            run(sys.executable, "-m", "oxl.cli", *words)
        PLACE.mkdir(exist_ok=True)
        run(sys.executable, "-m", "oxl.cli", "backup", str(home / "all.tar.gz"))
        (PLACE / "rows.tar.gz").write_bytes((home / "all.tar.gz").read_bytes())
        told = json.loads(run(sys.executable, "-c", _TOLD)) | {"ref": ref}
        packed = gzip.compress(json.dumps(told, indent=0, sort_keys=True).encode(), mtime=0)
        (PLACE / "told.json.gz").write_bytes(packed)


def told() -> dict[str, Any]:
    """What the released version told of itself: migrations, statements by file and name, code."""
    return json.loads(gzip.decompress((PLACE / "told.json.gz").read_bytes()))


if __name__ == "__main__":
    main(*sys.argv[1:])
