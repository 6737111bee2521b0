-- What an archive holds of a tenant. Only the owner runs these, inside the tenant's schema.

-- name: tables
-- Those that rows are put into, parents before those that refer to them.
with recursive referred as (
    select conrelid as child, confrelid as parent from pg_constraint
    where contype = 'f' and conparentid = 0 and connamespace = current_schema::regnamespace and conrelid <> confrelid
),
depth as (
    select c.oid, 0 as n from pg_class c
    where c.relnamespace = current_schema::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
    union
    select r.child, d.n + 1 from depth d join referred r on r.parent = d.oid where d.n < 50
)
select c.relname as name, max(d.n) as n from depth d join pg_class c on c.oid = d.oid
where c.relname not in ('code_version', 'schema_version')
group by c.relname order by 2, 1

-- name: columns
select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
where attrelid = $1::text::regclass and attnum > 0 and not attisdropped and attgenerated = ''

-- name: rows
select {columns} from {table}

-- name: plain
-- Rows are the same text on every server.
set local timezone = 'UTC'; set local datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres';
set local extra_float_digits = 1; set local bytea_output = 'hex'

-- name: proof
-- Rows and a sum over all of them that no order changes.
select count(*) as rows, coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text as sum from {table} t

-- name: newest
select max(version) from schema_version

-- name: is_empty
select not exists (select from {table})
