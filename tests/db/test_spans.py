"""Nothing in a tenant's schema leads out of it, so that tenants can live in several databases, or on several nodes."""

from __future__ import annotations

import re

from oxl.db.database import Database, Tenant

# What an object of the schema depends on, where that is in another schema than its own or PostgreSQL's.
_OUTSIDE = """
    select c.oid::regclass::text || ' refers to ' || r.confrelid::regclass::text as what
    from pg_constraint r join pg_class c on c.oid = r.conrelid join pg_class f on f.oid = r.confrelid
    where c.relnamespace = $1::regnamespace and f.relnamespace <> c.relnamespace
    union all
    select format('%s depends on %s', v.oid::regclass, t.oid::regclass)
    from pg_rewrite w join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
    join pg_class v on v.oid = w.ev_class join pg_class t on t.oid = d.refobjid and d.refclassid = 'pg_class'::regclass
    where v.relnamespace = $1::regnamespace and t.relnamespace <> v.relnamespace and t.relnamespace::regnamespace::text
        not in ('pg_catalog', 'information_schema')
    union all
    select 'sequence ' || oid::regclass::text from pg_class where relnamespace = $1::regnamespace and relkind = 'S'
    union all
    select 'trigger ' || tgname from pg_trigger g join pg_class c on c.oid = g.tgrelid
    where c.relnamespace = $1::regnamespace and not g.tgisinternal
"""
_BODIES = "select proname, prosrc from pg_proc where pronamespace = $1::regnamespace"
_QUALIFIED = re.compile(r"\boxl(_\w+)?\s*\.", re.IGNORECASE)


async def spans(database: Database, schema: str) -> list[str]:
    """What leads out of a schema."""
    async with database.owner() as conn:
        found = [row["what"] for row in await conn.fetch(_OUTSIDE, schema)]
        bodies = await conn.fetch(_BODIES, schema)
    return found + [f"{row['proname']} names a schema" for row in bodies if _QUALIFIED.search(row["prosrc"])]


async def test_nothing_in_a_schema_leads_out_of_it(tenant: Tenant, database: Database) -> None:
    assert await spans(database, f"oxl_{tenant.name}") == []


async def test_what_would_lead_out_is_found(make_tenant, database: Database) -> None:
    tenant = await make_tenant()
    schema = f"oxl_{tenant.name}"
    async with database.owner() as conn:
        await conn.execute(f"""
            set search_path = {schema};
            create table out (name text references oxl.tenant);
            create view outward as select name from oxl.tenant;
            create sequence counted;
            create function outside() returns bigint language sql as $$ select count(*) from oxl.tenant $$;
        """)
    told = await spans(database, schema)
    assert len(told) == 4, told
