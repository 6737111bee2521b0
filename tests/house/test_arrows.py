"""The import contracts hold, and each of them refuses what it says: a forbidden import breaks `make check`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from rules import ROOT

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]

# By contract: a module of OXL, and an import in it that must not be.
FORBIDDEN = (
    ("doors", "kernel/router.py", "import oxl.app"),
    ("doors", "apis/operator/actions.py", "from oxl import cli"),
    ("doors", "app.py", "from oxl.cli import main"),
    ("doors", "attic.py", ""),  # a part that nobody gave a place
    ("words", "values.py", "from oxl.settings import Settings"),
    ("words", "clock.py", "from oxl.db.database import Tenant"),
    ("words", "verbs.py", "from oxl.kernel.problem import Problem"),
    ("kernel", "kernel/router.py", "from oxl.apis import APIS"),
    ("kernel", "kernel/background.py", "from oxl.engines.ledger import grants"),
    ("kernel", "kernel/router.py", "from oxl.contract.pages import pages"),
    ("query", "query/patch.py", "from oxl.kernel.problem import Problem"),
    ("query", "query/where.py", "import asyncpg"),
    ("certify", "certify/running.py", "from oxl.apis import APIS"),
    ("certify", "certify/fitting.py", "from oxl.contract.answers import Contract"),
    ("console", "console/serving.py", "from oxl.settings import Settings"),
    ("client", "client/operations.py", "from oxl.values import parse_instant"),
    ("contract", "contract/openapi.py", "from oxl.apis import APIS"),
    ("engines", "engines/ledger/ledger.py", "from oxl.kernel.problem import Problem"),
    ("engines", "engines/usage/record.py", "from oxl.outbox.outbox import wake"),
    ("engines", "engines/usage/record.py", "from oxl.apis.standard import Ref"),
    ("engines", "engines/consumption/consumption.py", "import starlette.responses"),
    ("engines", "engines/catalog/registry.py", "import httpx"),
    ("row", "engines/ledger/ledger.py", "from oxl.engines.usage.record import record"),
    ("row", "engines/usage/decide.py", "from oxl.engines.consumption.consumption import ask"),
    ("row", "engines/inventory/inventory.py", "from oxl.engines.catalog.plan import Plan"),
    ("row", "engines/attic/__init__.py", ""),
    ("documents", "documents/pdf.py", "from oxl.db.database import Tenant"),
    ("apis", "apis/prepay_balance/actions.py", "from oxl.apis.product_usage.actions import create"),
    ("apis", "apis/standard.py", "from oxl.apis.operator.model import Subscriber"),
    ("sums", "engines/usage/rating.py", "from oxl.db.queries import load"),
    ("sums", "engines/usage/decide.py", "from oxl.engines.inventory.inventory import guide"),
    ("sums", "engines/ledger/burn.py", "import asyncpg"),
    ("sums", "demo/month.py", "from oxl.db.database import Database"),
    ("outbox", "outbox/outbox.py", "from oxl.kernel.declare import Api"),
    ("outbox", "outbox/outbox.py", "from oxl.apis import APIS"),
    ("kernel", "kernel/select.py", "from oxl.identity.gate import Gate"),
    ("operations", "operations/audit.py", "from oxl.engines.ledger import ledger"),
    ("identity", "identity/scopes.py", "from oxl.apis import APIS"),
    ("identity", "identity/gate.py", "from oxl.engines.inventory import inventory"),
    ("db", "db/migrate.py", "from oxl.engines.ledger import ledger"),
    ("db", "db/database.py", "from oxl.apis import APIS"),
    ("db", "db/queries.py", "import oxl.kernel.select"),
)


def lint(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the linter on the package under a folder, as `make check` does on ours."""
    code = "from importlinter.cli import lint_imports_command as run; run()"
    return subprocess.run(
        [sys.executable, "-c", code, "--no-logo", "--cache-dir", folder / "cache", *arguments],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(folder / "src"), "COLUMNS": "200"}, text=True,
        capture_output=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with its contracts, to be spoilt."""
    folder = tmp_path_factory.mktemp("arrows")
    shutil.copytree(ROOT / "src" / "oxl", folder / "src" / "oxl", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    cli = folder / "src" / "oxl" / "cli" / "__init__.py"  # the first arrows need one, whatever OXL has
    cli.parent.mkdir(exist_ok=True)
    cli.write_text('"""The command line."""\n\nfrom oxl.app import create\n')
    return folder


def test_all_contracts_hold(copied: Path) -> None:
    found = lint(copied)
    assert found.returncode == 0, found.stdout + found.stderr
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in found.stdout


def test_each_contract_is_put_to_the_proof() -> None:
    assert {contract["id"] for contract in CONTRACTS} == {name for name, _, _ in FORBIDDEN}


def test_each_contract_is_named_by_a_sentence() -> None:
    for contract in CONTRACTS:
        assert re.fullmatch(r"[A-Z].{20,}[^.]", contract["name"]), contract["name"]


@pytest.mark.parametrize(("contract", "path", "line"), FORBIDDEN, ids=lambda part: part.replace("/", ".") or "new")
def test_a_forbidden_import_is_refused(copied: Path, contract: str, path: str, line: str) -> None:
    spoilt = copied / "src" / "oxl" / path
    before = spoilt.read_text("utf-8") if spoilt.exists() else None
    try:
        spoilt.parent.mkdir(exist_ok=True)
        spoilt.write_text((before or '"""A new part."""\n') + f"\n{line}\n", "utf-8")
        found = lint(copied, "--contract", contract)
    finally:
        if before is not None:
            spoilt.write_text(before, "utf-8")
        else:
            spoilt.unlink()
            if spoilt.name == "__init__.py":
                shutil.rmtree(spoilt.parent)
    assert found.returncode == 1, found.stdout + found.stderr
    assert "Contracts: 0 kept, 1 broken." in found.stdout, found.stdout + found.stderr
