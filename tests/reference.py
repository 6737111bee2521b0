"""Writes what is generated and kept in the repository: `python -m tests.reference` after a declaration has changed."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

from oxl.apis import APIS
from oxl.contract.openapi import contract
from oxl.contract.reference import api_page, events_page, file_of
from oxl.contract.typed import modules
from tests.docs.cli_page import cli_page
from tests.docs.tables import tables_page

ROOT = Path(__file__).parents[1]
CLIENT = ROOT / "src" / "oxl" / "client" / "apis"
REFERENCE = ROOT / "docs" / "reference"


@cache
def client_modules() -> dict[Path, str]:
    """The client's modules; of former versions there are none, whoever writes anew takes the newer."""
    newest = [api for api in APIS if not api.name.endswith("_v4")]
    return {CLIENT / f"{name}.py": text for name, text in modules(newest).items()}


@cache
def reference_pages() -> dict[Path, str]:
    """The pages of the reference that follow from declarations, the schema and the commands."""
    schema = (ROOT / "src" / "oxl" / "db" / "schema.sql").read_text("utf-8")
    found = {REFERENCE / "api" / file_of(api): api_page(api, contract(api, "")) for api in APIS}
    others = {"events-of-apis.md": events_page(APIS), "tables.md": tables_page(schema), "cli.md": cli_page()}
    return found | {REFERENCE / name: text for name, text in others.items()}


if __name__ == "__main__":
    for path, text in (client_modules() | reference_pages()).items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    subprocess.run([sys.executable, "-m", "ruff", "format", "-q", str(CLIENT)], check=True)
