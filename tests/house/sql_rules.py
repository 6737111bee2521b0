"""House rules on SQL: where it stands, whose tables it names, and who may end a transaction."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from itertools import pairwise

from rules import Fault, Tree, dotted, files, nodes, rule, strings
from sql_text import BLOCK, calls, tables, words

_SQL = re.compile(
    r"\s*(select\b.+\bfrom\b|select\s+\w+\(|insert\s+into\b|update\s+\w+\s+set\b|delete\s+from\b|with\s+\w+\s+as\b"
    r"|(create|alter|drop)\s+(table|role|database|schema|index|function|view|type|extension)\b|truncate\s+\w+"
    r"|(grant|revoke)\s+\w+.*\bon\b|copy\s+\w+\s+(from|to)\b|set\s+(local|session|role)\b|listen\s+\w+$|notify\s+\w+)",
    re.IGNORECASE | re.DOTALL,
)
_ENDS = re.compile(r"\s*(begin|commit|rollback|end|start\s+transaction|savepoint\s+\w+)\s*;?\s*", re.IGNORECASE)
_MAY_COMMIT = (
    "kernel/handle.py",
    "kernel/background.py",
    "db/archive.py",
    "db/cells.py",
    "db/migrate.py",
    "db/upgrade.py",
)
_NOW = frozenset(
    "clock_timestamp statement_timestamp transaction_timestamp timeofday current_timestamp current_date current_time"
    " localtime localtimestamp".split()
)
_SCHEMA = "src/oxl/db/schema.sql"


@rule(
    {"src/oxl/engines/usage/late.py": "SQL = 'select id from usage where status = $1'"},
    {"src/oxl/apis/product_usage/late.py": "async def f(c, t):\n    await c.execute(f'insert into {t} values (1)')"},
)
def sql_stands_in_sql_files_and_is_composed_for_kernel_select(tree: Tree) -> Iterator[Fault]:
    """A statement in a .sql file can be read, explained and pasted into psql; one in a string cannot."""
    for path, line, text in strings(tree, "src"):
        if path not in ("src/oxl/kernel/select.py", "src/oxl/query/where.py") and _SQL.match(text):
            yield Fault(path, line, f"SQL in a string: {' '.join(text.split())[:30]}")


@rule(
    {"src/oxl/engines/usage/late.py": "async def f(work):\n    async with work.conn.transaction():\n        pass"},
    {"src/oxl/apis/operator/late.py": "async def f(conn):\n    await conn.execute('commit')"},
)
def only_handle_background_and_migrate_hold_a_transaction(tree: Tree) -> Iterator[Fault]:
    """Facts and the events that tell of them are true together: one commit, by whoever writes the outbox."""
    for path, node in nodes(tree, "src"):
        if isinstance(node, ast.Call) and dotted(node.func).endswith(".transaction") and not _may_commit(path):
            yield Fault(path, node.lineno, "holds a transaction")
    for path, line, text in strings(tree, "src"):
        if _ENDS.fullmatch(text) and text.strip() != "end" and not _may_commit(path):
            yield Fault(path, line, f"sends {text.strip()}")


def _may_commit(path: str) -> bool:
    return path.removeprefix("src/oxl/") in _MAY_COMMIT


# ── whose tables ──


def owners(tree: Tree) -> dict[str, str]:
    """The owner of each table, by the sections of schema.sql."""
    owner, found = "", {}
    for line in tree[_SCHEMA].splitlines():
        if section := re.match(r"-- engine: (\w+)", line):
            owner = section[1]
        elif table := re.match(r"create table (\w+)", line):
            found[table[1]] = owner
    return found


def _owner_of(path: str) -> str:
    """Whose statements a .sql file holds; apis/x for an API's views."""
    hall, _, rest = path.removeprefix("src/oxl/").partition("/")
    name = rest.split("/")[0]
    return {"engines": name, "apis": f"apis/{name}"}.get(hall, hall)


def _statements(tree: Tree) -> Iterator[tuple[str, str]]:
    for path, text in files(tree, "src", suffix=".sql"):
        if path != _SCHEMA and "/migrations/" not in path:
            yield path, text


@rule(
    {"src/oxl/engines/usage/late.sql": "-- name: late\nselect b.id from usage u, bucket b"},
    {"src/oxl/engines/ledger/late.sql": "-- name: late\nupdate usage set status = 'rated'"},
    {"src/oxl/apis/operator/late.sql": "-- define: late\ncreate function late() as 'select id from party'"},
)
def a_sql_file_names_only_the_tables_of_its_owner(tree: Tree) -> Iterator[Fault]:
    """An engine may change its tables when others only use the functions that it publishes with `-- define:`."""
    owner = owners(tree)
    for path, text in _statements(tree):
        for table, line in tables(text):
            mine = _owner_of(path)
            if table in owner and owner[table] != mine:
                yield Fault(path, line, f"{mine} names {table}, a table of {owner[table]}")


@rule({"src/oxl/kernel/select.py": "SQL = 'select id from usage'"})
def kernel_select_names_no_table_but_the_outbox(tree: Tree) -> Iterator[Fault]:
    """It reads what a declaration names; a table in it would be an API in the kernel. Events go to the outbox."""
    owner = owners(tree)
    for path, line, text in strings(tree, "src/oxl/kernel/select.py"):
        for table, _ in tables(text):
            if table in owner and table != "outbox":
                yield Fault(path, line, f"kernel names {table}, a table of {owner[table]}")


def _defined(tree: Tree) -> dict[str, str]:
    """The owner of each view or function."""
    return {
        name: _owner_of(path)
        for path, text in _statements(tree)
        for kind, name in re.findall(r"^-- (name|define): (\w+)", text, re.MULTILINE)
        if kind == "define"
    }


def _row(tree: Tree) -> list[str]:
    """The engines from left to right, as the import contract has them."""
    contracts = tomllib.loads(tree["pyproject.toml"])["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["id"] == "row")
    return [re.sub(r"[()]", "", layer) for layer in reversed(layers)]


# Whose parties own what, and what was done, is asked for by those who let in and who seal; operators see their clock.
_ASKED = {("identity", "inventory"), ("operations", "outbox"), ("apis/operator", "db")}


@rule(
    {"src/oxl/engines/ledger/late.sql": "-- name: late\nselect id from usage_record() where id = $1"},
    {"src/oxl/engines/catalog/late.sql": "-- name: late\nselect id from inventory_party()"},
    {"src/oxl/engines/usage/late.sql": "-- name: late\nselect instant_text($1)"},
    {"src/oxl/apis/product_usage/late.sql": "-- define: late\ncreate function late() as 'select ref(1, 2)'"},
)
def sql_functions_are_called_along_the_arrows_of_the_code(tree: Tree) -> Iterator[Fault]:
    """The import linter does not see a function that one engine's SQL calls in another's.

    A former version of an API is a face of the newer one and may call its functions.
    """
    defined, row = _defined(tree), _row(tree)
    place = {engine: n for n, layer in enumerate(row) for engine in layer.split(" | ")}
    for path, text in _statements(tree):
        mine = _owner_of(path)
        for name, line in calls(text):
            theirs = defined.get(name, mine)
            below = theirs in place and (mine.startswith("apis/") or place[theirs] < place.get(mine, -1))
            face = mine.endswith("_v4") and theirs == mine.removesuffix("_v4")
            below = below or face or (mine, theirs) in _ASKED
            shared = theirs in ("kernel", "outbox", "apis/standard.sql") and mine.startswith("apis/")
            if theirs != mine and not below and not shared:
                yield Fault(path, line, f"{mine} calls {name}, which is {theirs}'s")


# ── names ──


@rule(
    {"src/oxl/engines/usage/late.sql": "-- name: never_run\nselect 1"},
    {"src/oxl/engines/usage/late.py": "from oxl.db.queries import load\nq = load('oxl.outbox', 'outbox.sql')\nq.gone"},
)
def every_named_statement_is_run_and_every_one_run_is_named(tree: Tree) -> Iterator[Fault]:
    """A statement that nobody runs is not tested either; one that is not there fails only when it is reached."""
    named = {
        (path, name): text[: match.start()].count("\n") + 1
        for path, text in _statements(tree)
        for match in BLOCK.finditer(text)
        for kind, name in [match.groups()]
        if kind == "name"
    }
    run: set[tuple[str, str]] = set()
    for path, text in files(tree, "src"):
        loaded = dict(re.findall(r"^(\w+) = load\((.+)\)$", text, re.MULTILINE))
        for _, node in nodes({path: text}, "src"):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in loaded:
                package, file = re.findall(r"[\w.]+", loaded[node.value.id])
                statement = (f"src/{package.replace('.', '/')}/{file}", node.attr)
                run.add(statement)
                if statement not in named:
                    yield Fault(path, node.lineno, f"runs {node.attr}, which {file} does not hold")
    for (path, name), line in named.items():
        if (path, name) not in run:
            yield Fault(path, line, f"nobody runs {name}")


@rule({"src/oxl/apis/operator/late.sql": "-- define: never_read\ncreate function never_read() as 'select 1'"})
def every_view_and_function_is_read(tree: Tree) -> Iterator[Fault]:
    """What is published is kept working for others; where there are none it is a burden."""
    read = {name for _, text in _statements(tree) for name, _ in _uses(text)}
    read |= {text for _, _, text in strings(tree, "src/oxl/apis")}
    read |= {word for _, _, text in strings(tree, "src/oxl/kernel/select.py") for word in re.findall(r"\w+", text)}
    for path, text in _statements(tree):
        for match in BLOCK.finditer(text):
            if match[1] == "define" and match[2] not in read:
                yield Fault(path, text[: match.start()].count("\n") + 1, f"nobody reads {match[2]}")


def _uses(text: str) -> Iterator[tuple[str, int]]:
    found = words(text)
    for (before, _), (word, line) in pairwise(found):
        if before not in ("function", "view"):
            yield word, line


@rule(
    {"src/oxl/engines/usage/late.sql": "-- name: late\ndelete from usage where created_at < now()"},
    {"src/oxl/apis/operator/late.sql": "-- define: late\ncreate function late() as 'select current_date'"},
)
def sql_takes_now_as_a_parameter(tree: Tree) -> Iterator[Fault]:
    """A tenant has a clock of its own; the database's clock is nobody's."""
    for path, text in _statements(tree):
        if not path.startswith("src/oxl/db/"):  # the owner's own statements are about the installation
            called = set(calls(text))
            for word, line in words(text):
                if word in _NOW or (word == "now" and (word, line) in called):
                    yield Fault(path, line, f"asks the database for the time: {word}")


@rule(
    {"src/oxl/db/migrations/0001_again.sql": "select 1"},
    {"src/oxl/db/migrations/0099_far.sql": "select 1"},
    {"src/oxl/db/migrations/12_short.sql": "select 1"},
)
def migrations_are_numbered_without_gap_or_double(tree: Tree) -> Iterator[Fault]:
    """Two branches that both made the next number must meet here, not in somebody's database."""
    paths = sorted(path for path, _ in files(tree, "src/oxl/db/migrations", suffix=".sql"))
    numbers = [path.rpartition("/")[2][:4] for path in paths]
    for place, (path, number) in enumerate(zip(paths, numbers, strict=True), 1):
        named = re.fullmatch(r"\d{4}_[a-z0-9_]+\.sql", path.rpartition("/")[2])
        if not named or number != f"{place:04d}" or numbers.count(number) > 1:
            yield Fault(path, 1, f"is number {place} in order; expected {place:04d}_name.sql, and once")


_RELEASED = 12  # the last migration of the last release
_SIDE_BY_SIDE = 15  # from then on versions serve side by side, and nobody waits for an index
_TIGHTER = re.compile(
    r"\bdrop (table|column|view|constraint|index(?! concurrently))|\brename\b|\balter( column)? \w+ (set data )?type\b|"
    r"\bset not null\b|\badd (column )?(?!constraint\b|check\b)\w+ [^,;]*\bnot null\b(?![^,;]*\bdefault\b)"
    r"(?<!default )|\badd (constraint \w+ )?(check|foreign key|unique|primary key)(?![^,;]*\bnot valid\b)",
    re.IGNORECASE,
)
_INDEX = re.compile(r"\bcreate (?:unique )?index (?!concurrently)[^;]*?\bon (\w+)", re.IGNORECASE)


@rule(
    {"src/oxl/db/migrations/0099_late.sql": "alter table party drop column name;"},
    {"src/oxl/db/migrations/0099_late.sql": "alter table party add column age int not null;"},
    {"src/oxl/db/migrations/0099_late.sql": "alter table party add constraint c check (name <> '');"},
    {"src/oxl/db/migrations/0099_late.sql": "create index party_name on party (name);"},
    {"src/oxl/db/migrations/0099_late.sql": "create index concurrently a on party (name);\ndelete from party;"},
)
def a_migration_only_gains_and_waits_for_nobody(tree: Tree) -> Iterator[Fault]:
    """The version before serves on beside this one, and a table that is locked while an index is built serves nobody.

    What takes away says why in `-- contract:`, what locks in `-- locks:`, on the line above.
    """
    for path, text in files(tree, "src/oxl/db/migrations", suffix=".sql"):
        if int(path.rpartition("/")[2][:4]) <= _RELEASED:
            continue
        fresh = set(re.findall(r"create table (\w+)", text))
        online = [bool(re.match(r"(create|drop).* concurrently ", each.lower())) for each in _bare(text)]
        if any(online) and not all(online):
            yield Fault(path, 1, "mixes what runs beside others' work with what does not")
        indexes = _INDEX.finditer(text) if int(path.rpartition("/")[2][:4]) > _SIDE_BY_SIDE else ()
        for match in (*_TIGHTER.finditer(text), *indexes):
            if match.lastindex and match[1] in fresh:
                continue
            above = text[: match.start()].splitlines()
            near = "\n".join(above[-3:])
            if "--" in (above or [""])[-1] or "-- contract: " in near or "-- locks: " in near:
                continue
            yield Fault(path, len(above), " ".join(match[0].split())[:50])


def _bare(text: str) -> list[str]:
    return [each.strip() for each in re.sub(r"--[^\n]*", "", text).split(";") if each.strip()]


@rule({_SCHEMA: "-- engine: nobody\ncreate table stray (id text);"}, {_SCHEMA: "create table stray (id text);"})
def every_table_has_an_owner_that_exists(tree: Tree) -> Iterator[Fault]:
    """Without an owner nobody would be refused the table."""
    halls = {_owner_of(path) for path, _ in files(tree, "src")}
    for table, owner in owners(tree).items():
        if owner not in halls:
            yield Fault(_SCHEMA, 1, f"{table} belongs to {owner or 'nobody'}")
