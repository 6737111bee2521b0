"""House rules on Python: sizes, names, words, and what only certain places may do."""

from __future__ import annotations

import ast
import re
import tokenize
import tomllib
from collections.abc import Iterator
from functools import cache
from io import StringIO

from rules import Fault, Tree, dotted, files, lines, nodes, parsed, rule

from oxl.apis import APIS

FILE, FUNCTION, KERNEL = 300, 70, 2800
_LONG = ("def late():\n" + "    x = 1\n" * 70, "x = 1\n" * 301, "x = 1\n" * 2900)
_BANNED = frozenset("Service Manager Helper Impl Base Utils Helpers Common Misc Util".split())
_HTTP = ("aiohttp", "ftplib", "http.client", "httpx", "niquests", "requests", "smtplib", "urllib.request", "urllib3")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINITIONS = (*_FUNCTIONS, ast.ClassDef)


# ── sizes ──


@rule({"src/oxl/engines/usage/late.py": _LONG[1]}, {"tests/pure/test_late.py": _LONG[1]})
def a_file_has_at_most_300_lines(tree: Tree) -> Iterator[Fault]:
    """A file is read whole. Facts that are looked up (model.py and what is generated of it, the schema and its
    migrations) are not counted.
    """
    for suffix in (".py", ".sql"):
        for path, text in files(tree, "src", "tests", "bench", suffix=suffix):
            facts = path.endswith(("/model.py", "db/schema.sql")) or "/migrations/" in path or "/client/apis/" in path
            if not facts and (count := text.count("\n")) > FILE:
                yield Fault(path, count, "too many lines")


@rule({"src/oxl/engines/usage/late.py": _LONG[0]})
def a_function_has_at_most_70_lines(tree: Tree) -> Iterator[Fault]:
    """A function is seen whole, on one screen."""
    for path, node in nodes(tree, "src", "tests", "bench"):
        if isinstance(node, _FUNCTIONS) and (node.end_lineno or 0) - node.lineno + 1 > FUNCTION:
            yield Fault(path, node.lineno, f"{node.name} is too long")


@rule({"src/oxl/kernel/late.py": _LONG[2]})
def the_kernel_has_at_most_2800_lines(tree: Tree) -> Iterator[Fault]:
    """A kernel that grows with every API has begun to know them."""
    sizes = {path: text.count("\n") for s in (".py", ".sql") for path, text in files(tree, "src/oxl/kernel", suffix=s)}
    if sum(sizes.values()) > KERNEL:
        yield Fault(max(sizes, key=lambda path: sizes[path]), 1, "the kernel is too long")


# ── names ──


@rule({"src/oxl/kernel/late.py": "x = 'productUsage'"}, {"src/oxl/kernel/late.py": "# for TMF635 only"})
def the_kernel_names_no_api(tree: Tree) -> Iterator[Fault]:
    """What is true of one API only is declared by it; a sixth API must not touch the kernel."""
    names = {api.name for api in APIS} | {api.number for api in APIS} | {api.base.split("/")[2] for api in APIS}
    for resource in (resource for api in APIS for resource in api.resources):
        names |= {resource.name, resource.view, *resource.events.values()}
    names -= {"operator", "product"}  # a filter has operators, sets have a product; what is made of the words is caught
    pattern = re.compile(rf"\b({'|'.join(map(re.escape, sorted(filter(None, names))))})\w*", re.IGNORECASE)
    for suffix in (".py", ".sql"):
        for path, text in files(tree, "src/oxl/kernel", suffix=suffix):
            for line, name in lines(text, pattern):
                yield Fault(path, line, f"names {name}")


@rule(
    {"src/oxl/engines/usage/late.py": '"""M."""\nclass RatingService:\n    """C."""'}, {"src/oxl/utils.py": '"""M."""'}
)
def nothing_has_a_name_that_says_nothing(tree: Tree) -> Iterator[Fault]:
    """A thing called Manager or utils has no place yet, and will gather others that have none."""
    for path, _ in files(tree, "src", "tests", "bench"):
        for part in re.split(r"[/._]", path):
            if part.capitalize() in _BANNED:
                yield Fault(path, 1, f"{part} says nothing")
    for path, node in nodes(tree, "src", "tests", "bench"):
        if path.endswith(("/model.py", "/standard.py")) or "/client/apis/" in path:
            continue  # the standard's own names
        if isinstance(node, ast.ClassDef) and _BANNED & set(re.findall(r"[A-Z][a-z]+", node.name)):
            yield Fault(path, node.lineno, f"{node.name} says nothing")


@rule(
    {"src/oxl/late.py": "X = 1"},
    {"src/oxl/late.py": '"""M."""\ndef late():\n    return 1'},
    {"src/oxl/late.py": '"""M."""\nclass Late:\n    """C."""\n    def late(self):\n        return 1'},
)
def everything_public_says_what_it_is_for(tree: Tree) -> Iterator[Fault]:
    """The first docstring of a module is its place in the flow; a public name is a promise to others."""
    for path, text in files(tree, "src"):
        module = parsed(text)
        if not ast.get_docstring(module):
            yield Fault(path, 1, "the module has no docstring")
        yield from _undocumented(path, module)


def _undocumented(path: str, scope: ast.Module | ast.ClassDef) -> Iterator[Fault]:
    for node in scope.body:
        if isinstance(node, _DEFINITIONS) and not node.name.startswith("_"):
            if not ast.get_docstring(node):
                yield Fault(path, node.lineno, f"{node.name} has no docstring")
            if isinstance(node, ast.ClassDef):
                yield from _undocumented(path, node)


# ── words ──


@rule(
    {"src/oxl/late.py": '"""M."""  # TODO: later'},
    {"tests/pure/test_late.py": "def test():\n    raise NotImplementedError"},
    {"src/oxl/late.py": '"""M."""\ntry:\n    x = 1\nexcept Exception:\n    pass'},
    {"src/oxl/late.py": '"""M."""\ntry:\n    x = 1\nexcept:\n    x = 2'},
)
def nothing_is_left_half_done(tree: Tree) -> Iterator[Fault]:
    """What is not done is an issue or an answer 501, not a comment; what fails is told, not swallowed."""
    for path, text in files(tree, "src", "tests", "bench"):
        yield from (Fault(path, line, word) for line, word in _postponed(text))
    for path, node in nodes(tree, "src", "tests", "bench"):
        if isinstance(node, ast.ExceptHandler):
            wide = node.type is None or dotted(node.type) in ("Exception", "BaseException")
            if node.type is None or (wide and all(isinstance(each, ast.Pass) for each in node.body)):
                yield Fault(path, node.lineno, "swallows every exception")


@cache
def _postponed(text: str) -> tuple[tuple[int, str], ...]:
    """(line, word) of what says that something is to be done later."""
    found = []
    for token in tokenize.generate_tokens(StringIO(text).readline):
        if token.type == tokenize.COMMENT and (word := re.search(r"\b(TODO|FIXME|XXX|HACK)\b", token.string)):
            found.append((token.start[0], word[0]))
        if token.type == tokenize.NAME and token.string == "NotImplementedError":
            found.append((token.start[0], token.string))
    return tuple(found)


@rule(
    {"tests/pure/test_late.py": "import pytest\n@pytest.mark.skip\ndef test():\n    pass"},
    {"tests/pure/test_late.py": "import pytest\ndef test():\n    pytest.skip()"},
    {"tests/pure/test_late.py": "import pytest\n@pytest.mark.skipif(True)\ndef test():\n    pass"},
)
def a_test_that_is_skipped_says_why(tree: Tree) -> Iterator[Fault]:
    """Nobody can judge whether a silent skip still holds."""
    for path, node in nodes(tree, "tests"):
        if isinstance(node, ast.Call):
            name, told = dotted(node.func), any(word.arg == "reason" for word in node.keywords)
            bare = name == "pytest.skip" and not node.args
            if not told and (bare or re.fullmatch(r"pytest\.mark\.(skip|skipif|xfail)", name)):
                yield Fault(path, node.lineno, f"{name} without a reason")
        elif isinstance(node, _DEFINITIONS):
            for mark in node.decorator_list:
                if dotted(mark) in ("pytest.mark.skip", "pytest.mark.xfail"):
                    yield Fault(path, node.lineno, f"{node.name} is skipped without a reason")


@rule({"src/oxl/late.py": '"""M."""\nX = eval("1")  # noqa: S307'}, {"pyproject.toml": '"src/oxl/late.py" = ["S307"]'})
def an_exception_from_a_safety_rule_says_why(tree: Tree) -> Iterator[Fault]:
    """Ruff's S rules are bandit's; whoever reads the line must be able to judge whether the reason still holds."""
    for path, text in files(tree, "src", "bench"):
        for line, _ in lines(text, re.compile(r"# noqa: [A-Z0-9, ]*\bS\d{3}(?! – )")):
            yield Fault(path, line, "noqa without a reason")
    told = tree["pyproject.toml"].splitlines()
    for n, text in enumerate(told):
        if re.match(r'"[^"]+" = \[.*"S\d', text) and "]  #" not in text and not told[n - 1].startswith("#"):
            yield Fault("pyproject.toml", n + 1, f"{text.split()[0]} is excepted without a reason")


# ── what only certain places may do ──


@rule(
    {"src/oxl/engines/usage/late.py": "def price(amount: int) -> float:\n    return amount"},
    {"src/oxl/engines/ledger/late.py": "RATE = 0.19"},
)
def money_and_quantities_never_pass_through_a_float(tree: Tree) -> Iterator[Fault]:
    """0.1 + 0.2 is not 0.3; a sum that is off by one atom breaks the proof of the ledger."""
    for path, node in nodes(tree, "src/oxl/engines", "src/oxl/values.py"):
        if (isinstance(node, ast.Name) and node.id == "float") or (
            isinstance(node, ast.Constant) and isinstance(node.value, float)
        ):
            yield Fault(path, node.lineno, "float")


@rule(
    {"src/oxl/engines/usage/late.py": "from datetime import UTC, datetime\nX = datetime.now(UTC)"},
    {"src/oxl/kernel/late.py": "import time\nX = time.time()"},
    {"src/oxl/kernel/late.py": "from time import time"},
)
def only_the_clock_reads_the_time(tree: Tree) -> Iterator[Fault]:
    """A tenant's clock can stand still or be shifted, which holds only if nobody looks past it."""
    for path, node in nodes(tree, "src"):
        if path == "src/oxl/clock.py":
            continue
        if isinstance(node, ast.ImportFrom) and node.module == "time" and {each.name for each in node.names} & {"time"}:
            yield Fault(path, node.lineno, "imports time.time")
        if isinstance(node, ast.Attribute) and re.search(
            r"(^|\.)((datetime|date)\.(now|utcnow|today)|time\.(time|time_ns|localtime|gmtime))$", dotted(node)
        ):
            yield Fault(path, node.lineno, f"reads {dotted(node)}")


_MEASURE = ("tests/waiting.py", "tests/db/holder.py", "tests/docs/", "tests/torture/")


@rule(
    {"tests/pure/test_late.py": "import time\nBEGAN = time.monotonic()"},
    {"tests/kernel/test_late.py": "import time\n\ndef test() -> None:\n    assert time.perf_counter() < 1"},
)
def tests_do_not_measure_the_machine(tree: Tree) -> Iterator[Fault]:
    """A test that is red on a slow machine says nothing of the code. What is waited for is waited for by
    `tests/waiting.py`; how quick something is belongs into `bench/`.
    """
    for path, node in nodes(tree, "tests"):
        if path.startswith(_MEASURE) or "pytest.mark.torture" in tree[path]:
            continue
        if isinstance(node, ast.Attribute) and re.search(
            r"(^|\.)time\.(monotonic|perf_counter|process_time)(_ns)?$", dotted(node)
        ):
            yield Fault(path, node.lineno, f"goes by {dotted(node)}")


_CALLS_OUT = (
    "src/oxl/outbox/delivery.py", "src/oxl/outbox/sending.py", "src/oxl/identity/jwks.py",
    "src/oxl/certify/asking.py", "src/oxl/certify/listening.py", "src/oxl/client/awaited.py",
    "src/oxl/client/blocking.py", "src/oxl/client/transport.py",
)  # fmt: skip


@rule({"src/oxl/engines/billing.py": "import httpx"}, {"src/oxl/kernel/late.py": "def f():\n    import urllib.request"})
def only_the_outbox_calls_out_over_http_and_jwks_for_keys(tree: Tree) -> Iterator[Fault]:
    """A callback's address is somebody else's choice: one place checks it, bounds it and tries it again. Where keys of
    tokens are is the operator's choice; the conformance suite and the client are clients
    by trade, of their own user's address.
    """
    for path, node in nodes(tree, "src"):
        if path in _CALLS_OUT:
            continue
        named = []
        if isinstance(node, ast.Import):
            named = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            named = [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
        for name in named:
            if name in _HTTP or name.startswith(tuple(f"{client}." for client in _HTTP)):
                yield Fault(path, getattr(node, "lineno", 1), f"imports {name}")


@rule({"src/oxl/engines/usage/late.py": '"""Neither pure nor with statements of its own."""'})
def an_engine_module_is_pure_or_runs_statements(tree: Tree) -> Iterator[Fault]:
    """A sum left off the contract's list of pure modules could take the database under it unseen."""
    contracts = tomllib.loads(tree["pyproject.toml"])["tool"]["importlinter"]["contracts"]
    pure = next(contract["source_modules"] for contract in contracts if contract["id"] == "sums")
    for path, text in files(tree, "src/oxl/engines"):
        module = path.removeprefix("src/").removesuffix(".py").replace("/", ".")
        if not path.endswith("__init__.py") and module not in pure and "from oxl.db.queries import load" not in text:
            yield Fault(path, 1, "is not on the list of the contract `sums`")
