"""schema.sql, which people read, describes exactly what the migrations, which databases run, have made."""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib.resources import files
from typing import Any

import asyncpg
import pytest

from oxl.db.database import Database
from oxl.db.migrate import in_one_go, migrations

# What a schema holds, each as (place, definition); its own name is taken out, so that two schemas can be compared.
LOOKS = {
    "columns": """
        select c.relname || '.' || a.attname,
               concat_ws(' ', a.attnum::text, format_type(a.atttypid, a.atttypmod), 'collate', l.collname,
                         case when a.attnotnull then 'not null' end, pg_get_expr(d.adbin, d.adrelid),
                         nullif(a.attgenerated, ''), nullif(a.attidentity, ''))
        from pg_attribute a
        join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p') and not c.relispartition
        left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
        left join pg_collation l on l.oid = a.attcollation
        where c.relnamespace = $1::regnamespace and a.attnum > 0 and not a.attisdropped""",
    "tables": """
        select c.relname, concat_ws(' ', c.relkind, c.reloptions::text, pg_get_partkeydef(c.oid), c.relpersistence)
        from pg_class c
        where c.relnamespace = $1::regnamespace and c.relkind in ('r', 'p', 'v', 'S') and not c.relispartition""",
    "constraints": """
        select coalesce(c.relname, t.typname) || ' ' || k.conname, pg_get_constraintdef(k.oid)
        from pg_constraint k
        left join pg_class c on c.oid = k.conrelid
        left join pg_type t on t.oid = k.contypid
        where k.connamespace = $1::regnamespace and coalesce(not c.relispartition, true)
              and k.contype <> 'n'""",  # the columns say it; two of these may want one name, and the first has it
    "indexes": """
        select c.relname, pg_get_indexdef(c.oid)
        from pg_class c join pg_index i on i.indexrelid = c.oid join pg_class t on t.oid = i.indrelid
        where c.relnamespace = $1::regnamespace and not t.relispartition""",
    "domains": """
        select t.typname, format_type(t.typbasetype, t.typtypmod) from pg_type t
        where t.typnamespace = $1::regnamespace and t.typtype in ('d', 'e')""",
    "triggers": """
        select c.relname || ' ' || g.tgname, pg_get_triggerdef(g.oid)
        from pg_trigger g join pg_class c on c.oid = g.tgrelid
        where c.relnamespace = $1::regnamespace and not g.tgisinternal""",
}


async def looked_at(conn: asyncpg.Connection, schema: str) -> dict[str, dict[str, str]]:
    """All that a schema holds, by kind and place."""
    found = {}
    for kind, look in LOOKS.items():
        rows = await conn.fetch(look, schema)
        found[kind] = {row[0]: row[1].replace(f"{schema}.", "") for row in rows}
    return found


@pytest.fixture(scope="module")
async def two_schemas(database: Database) -> AsyncIterator[dict[str, dict[str, dict[str, str]]]]:
    """What a schema made from schema.sql holds, and one made by every migration."""
    texts = {
        "as_read": files("oxl.db").joinpath("schema.sql").read_text("utf-8"),
        "as_migrated": "\n".join(in_one_go(sql) for _, sql in migrations()),
    }
    found = {}
    async with database.owner() as conn:
        for schema, sql in texts.items():
            await conn.execute(f"create schema {schema}; set search_path = {schema}")
            await conn.execute(sql)
            found[schema] = await looked_at(conn, schema)
        yield found
        await conn.execute("drop schema as_read cascade; drop schema as_migrated cascade")


@pytest.mark.parametrize("kind", list(LOOKS))
def test_the_schema_file_and_the_migrations_make_the_same(two_schemas: Any, kind: str) -> None:
    assert two_schemas["as_read"][kind] == two_schemas["as_migrated"][kind]


def test_the_comparison_sees_the_tables_it_is_about(two_schemas: Any) -> None:
    seen = two_schemas["as_read"]
    assert {"bucket", "transfer", "usage", "outbox", "idempotency"} <= set(seen["tables"])
    assert seen["columns"]["transfer.amount"].endswith("bigint collate not null")
    assert "CHECK ((amount > 0))" in seen["constraints"].values()
    assert "system_account" in seen["domains"]
    assert "bucket_grant" in seen["indexes"]


async def test_the_comparison_sees_the_smallest_change(database: Database, two_schemas: Any) -> None:
    changes = [
        ("columns", "alter table bucket alter column priority set default 99"),
        ("columns", "alter table party alter column name drop not null"),
        ("tables", "alter table bucket set (fillfactor = 81)"),
        ("constraints", "alter table transfer drop constraint transfer_amount_check"),
        ("indexes", "drop index bucket_account"),
    ]
    for kind, change in changes:
        async with database.owner() as conn:
            turn = conn.transaction()
            await turn.start()
            await conn.execute(f"set local search_path = as_read; {change}")
            assert (await looked_at(conn, "as_read"))[kind] != two_schemas["as_read"][kind], change
            await turn.rollback()


def test_migrations_are_numbered_without_a_gap() -> None:
    numbers = [number for number, _ in migrations()]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_a_tenant_in_use_holds_what_the_schema_file_says(database: Database, two_schemas: Any) -> None:
    async with database.owner() as conn:
        held = await looked_at(conn, "oxl_default")
    for kind in ("columns", "constraints", "indexes", "domains"):
        assert held[kind] == two_schemas["as_read"][kind]
