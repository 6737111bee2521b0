"""The reference pages are complete: every error code, reason and setting of the code is there, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from rules import Tree, dotted, files, repository, walked

from oxl.kernel.problem import STATUS
from oxl.settings import BESIDE, Settings, table

ERRORS, SETTINGS = "docs/reference/errors.md", "docs/reference/settings.md"
_PLACE = {"Problem": 1, "Refused": 1, "invalid": 2, "_bad": 1, "suspense": 0}  # where each takes its code
_DEFAULT = {"invalid": "invalidValue", "_bad": "invalidBody"}
_STATUSES = {"Problem": 0, "Refused": 0}
# Where a code is no literal: it comes from one of these tables, or is handed on.
_TABLES = ("_NOT_STORED", "_REASONS")
_HANDED_ON = {
    "src/oxl/engines/ledger/ledger.py",
    "src/oxl/engines/ledger/reserve.py",
    "src/oxl/engines/ledger/transfer.py",
    "src/oxl/engines/ledger/undo.py",
}
_HANDED_ON |= {
    "src/oxl/engines/ledger/voucher.py",
    "src/oxl/engines/ledger/recurring.py",
    "src/oxl/engines/recommendation/accept.py",
    "src/oxl/kernel/problem.py",
    "src/oxl/verbs.py",
}
_HANDED_ON |= {"src/oxl/kernel/handle.py", "src/oxl/kernel/shapes.py", "src/oxl/query/body.py"}


def _calls(tree: Tree) -> Iterator[tuple[str, str, ast.Call]]:
    for path, text in files(tree, "src"):
        if path.startswith("src/oxl/engines/catalog/document"):
            continue  # its Problem is a fault in a catalog file
        for node in walked(text):
            if isinstance(node, ast.Call) and (name := dotted(node.func)) in _PLACE:
                yield path, name, node


def codes(tree: Tree, *names: str) -> Iterator[tuple[str, str, object]]:
    """(path, code, status or kind of refusal) of every code that the code gives; the status where it is a literal."""
    for path, name, call in _calls(tree):
        if name not in names:
            continue
        given = call.args[_PLACE[name]] if len(call.args) > _PLACE[name] else None
        given = next((word.value for word in call.keywords if word.arg == "code"), given)
        first = call.args[0] if call.args else None
        kind = first.value if name in _STATUSES and isinstance(first, ast.Constant) else None
        if given is None and name in _DEFAULT:
            yield path, _DEFAULT[name], 400
        elif isinstance(given, ast.Constant):
            yield path, str(given.value), STATUS.get(str(kind), kind)
        elif not isinstance(given, ast.JoinedStr) and path not in _HANDED_ON:
            pytest.fail(f"{path}:{call.lineno}: a code that is no literal; say in {__name__} where it comes from")


def tables(tree: Tree) -> Iterator[str]:
    """The codes that the ledger's tables hold."""
    for _, text in files(tree, *_HANDED_ON):
        for node in walked(text):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0] if _assigns(node) else None
            if target is not None and dotted(target) in _TABLES and isinstance(node.value, ast.Dict):
                yield from (key.value for key in node.value.keys if isinstance(key, ast.Constant))


def _assigns(node: ast.AST) -> bool:
    return isinstance(node, ast.Assign)


def rows(page: str, heading: str) -> dict[str, list[str]]:
    """The rows of the tables under the headings that hold a word, by their first cell."""
    sections = [part for part in re.split(r"^## ", page, flags=re.MULTILINE) if heading in part.partition("\n")[0]]
    lines = [line for part in sections for line in part.splitlines() if line.startswith("| `")]
    return {cells[0].strip(" `"): [cell.strip(" `") for cell in cells] for cells in (li[1:].split("|") for li in lines)}


def test_every_error_code_is_explained_and_exists() -> None:
    tree = repository()
    used = {code for _, code, _ in codes(tree, "Problem", "Refused", "invalid", "_bad")} | set(tables(tree))
    assert set(rows(tree[ERRORS], "Codes")) == used


def test_every_error_code_is_told_with_its_status() -> None:
    tree = repository()
    told = {code: row[1] for code, row in rows(tree[ERRORS], "Codes").items()}
    for path, code, status in codes(tree, "Problem", "Refused", "invalid", "_bad"):
        assert status is None or told[code] == str(status), f"{path}: {code} is a {status}"


def test_every_reason_of_suspense_is_explained_and_exists() -> None:
    tree = repository()
    used = {reason for _, reason, _ in codes(tree, "suspense")} | {"productSuspended", "productTerminated"}
    assert set(rows(tree[ERRORS], "suspense")) == used


def test_the_table_of_settings_is_the_one_that_the_code_makes() -> None:
    assert repository()[SETTINGS].endswith(f"\n{table()}"), "oxl settings --table makes it"


def test_every_variable_that_is_read_is_in_the_table() -> None:
    asked = re.compile(r"(?:environ\.get\(\s*|envvar=)\"(\w+)\"")
    read = {name for _, text in files(repository(), "src") for name in asked.findall(text)}
    known = {f"OXL_{name.upper()}" for name in Settings.__struct_fields__} | set(BESIDE)
    assert {name for name in read if name.startswith("OXL_") or name == "PGBIN"} <= known
    assert set(BESIDE) - read == {"OXL_PG_…"}


def test_a_code_or_reason_that_is_not_explained_is_noticed() -> None:
    late = {"src/oxl/late.py": "raise Problem(418, 'teapot', 'x')\nsuspense('late')\nraise invalid('a', 'b', 'odd')\n"}
    assert {code for _, code, _ in codes(late, "Problem", "invalid")} == {"teapot", "odd"}
    assert {code for _, code, _ in codes(late, "suspense")} == {"late"}
    assert not {"teapot", "odd", "late"} & (set(rows(repository()[ERRORS], "")))
