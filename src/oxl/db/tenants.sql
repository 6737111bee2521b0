-- What makes and finds tenants. Only the owner runs these. Names in {braces} are identifiers that migrate has checked.

-- name: shared
create schema if not exists oxl;
create table if not exists oxl.install (one bool primary key default true check (one), secret text not null);
create table if not exists oxl.tenant (
    name text primary key check (name ~ '^[a-z][a-z0-9_]{{0,39}}$'),
    schema text not null unique,
    role text not null unique,
    created_at timestamptz not null default now()
);
alter table oxl.tenant add column if not exists state text not null default 'here'
    check (state in ('here', 'leaving', 'gone', 'arriving'));  -- on its way from one database to another

-- name: lock
select pg_advisory_lock(hashtext('oxl.migrate'))

-- name: keep_secret
insert into oxl.install (secret) values ($1) on conflict do nothing

-- name: secret
select secret from oxl.install

-- name: find_tenant
select role, schema, secret, state from oxl.tenant, oxl.install where name = $1

-- name: served
select name from oxl.tenant where state = 'here' order by name

-- name: await_tenant
-- Before its schema is made, so that nobody takes the empty one for it.
insert into oxl.tenant (name, schema, role, state) values ($1, 'oxl_' || $1, 'oxl_' || $1, 'arriving')
on conflict do nothing

-- name: put_tenant
update oxl.tenant set state = $2 where name = $1

-- name: let_in
alter role {role} login

-- name: sessions
select count(*) from pg_stat_activity where usename = $1

-- name: tenants
select name, schema, role from oxl.tenant order by name

-- name: role_exists
select exists (select from pg_roles where rolname = $1)

-- name: make_role
create role {role} login password '{password}' nosuperuser nocreatedb nocreaterole

-- name: make_schema
create schema if not exists {schema}

-- name: keep_tenant
insert into oxl.tenant (name, schema, role) values ($1, $2, $3) on conflict do nothing

-- name: forget_tenant
delete from oxl.tenant where name = $1

-- name: let_nobody_in
alter role {role} nologin

-- name: end_sessions
select pg_terminate_backend(pid) from pg_stat_activity where usename = $1

-- name: drop_tenant
drop schema {schema} cascade;
drop owned by {role};
drop role {role}

-- name: enter
set local search_path = {schema}

-- name: migrated
select max(version) from schema_version

-- name: has_shared
select to_regclass('oxl.tenant') is not null

-- name: has_tables
select to_regclass('schema_version') is not null

-- name: keep_version
insert into schema_version (version) values ($1)

-- name: other_partition
create table if not exists {table}_other partition of {table} default

-- name: month_partition
create table if not exists {table}_{month} partition of {table} for values from ('{start}') to ('{end}')

-- name: month_partitions
-- Of months before the one that $2 names.
select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
where i.inhparent = $1::text::regclass and c.relname ~ '_\d{4}_\d{2}$' and c.relname < $2
order by c.relname

-- name: lock_partition
-- Nobody puts anything in while it is looked at.
lock table {table} in access exclusive mode

-- name: is_empty
select not exists (select from {table})

-- name: drop_partition
drop table {table}

-- name: code_hash
select hash from code_version

-- name: newest_code
select hash from {schema}.code_version

-- name: keep_code_hash
insert into code_version (hash) values ($1) on conflict (one) do update set hash = excluded.hash

-- name: drop_code
-- Views and functions in the tenant's own schema, where versions before code had schemas of its own have put them.
do $$
declare
    thing record;
begin
    for thing in select viewname from pg_views where schemaname = current_schema loop
        execute format('drop view if exists %I cascade', thing.viewname);
    end loop;
    for thing in select oid::regprocedure as signature from pg_proc where pronamespace = current_schema::regnamespace loop
        execute format('drop function %s cascade', thing.signature);
    end loop;
end $$

-- name: has_schema
select to_regnamespace($1) is not null

-- name: make_code
create schema "{code}";
set local search_path = "{code}", {schema}

-- name: show_code
grant usage on schema "{code}" to {role}

-- name: codes
-- The schemas that hold a tenant's views and functions, the newest first.
select nspname as name from pg_namespace where starts_with(nspname, $1 || '$') order by oid desc

-- name: drop_schema
drop schema "{code}" cascade

-- name: patience
-- Who waits for a table's lock makes all others wait who come after: not for long, then again.
set local lock_timeout = '{seconds}s'

-- name: enter_for_good
set search_path = {schema}

-- name: half_made
-- Indexes that a build beside others' work has left unfinished.
select c.relname as name from pg_index i join pg_class c on c.oid = i.indexrelid
where not i.indisvalid and c.relnamespace = current_schema::regnamespace and c.relkind = 'i'

-- name: drop_index
drop index concurrently "{name}"

-- name: grant
grant usage on schema {schema} to {role};
grant select, insert, update, delete on all tables in schema {schema} to {role};
revoke update, delete, truncate on {append_only} from {role};
do $$
declare
    part regclass;
begin  -- rows are reached through their table: a partition's own door would lead around what is revoked there
    for part in select inhrelid from pg_inherits join pg_class c on c.oid = inhrelid
                where c.relnamespace = '{schema}'::regnamespace and c.relkind = 'r' loop
        execute format('revoke all on %s from {role}', part);
    end loop;
end $$;

-- name: clock
-- A tenant of before faults has none.
select c.shift, c.frozen, coalesce(to_jsonb(c) ->> 'faults', '{}') as faults, clock_timestamp() as told
from (select) one left join tenant_clock c on true

-- name: set_clock
insert into tenant_clock (shift, frozen) values ($1, $2)
on conflict (one) do update set shift = excluded.shift, frozen = excluded.frozen
