-- The catalog's statements.

-- define: catalog_item_of
create function catalog_item_of(kind_ text) returns table (id text, version int, valid_from timestamptz, doc jsonb)
language sql stable as 'select id, version, valid_from, doc from catalog_item where kind = kind_'

-- define: usage_specification_described
-- What is only described; where the catalog has one of that id, that one holds.
create function usage_specification_described() returns table (id text, body jsonb, updated_at timestamptz)
language sql stable as $$
    select s.id, s.body, s.updated_at from usage_specification s
    where not exists (select from catalog_item i where i.kind = 'usageSpecification' and i.id = s.id)
$$

-- name: revision
select revision from catalog_revision

-- name: files
select path, text from catalog_file order by path

-- name: raise_revision
insert into catalog_revision (revision) values (1)
on conflict (one) do update set revision = catalog_revision.revision + 1
returning revision

-- name: publishing_turn
-- Catalogs are published by one transaction at a time: each is checked as a whole.
select pg_advisory_xact_lock(hashtext(current_schema || '.catalog'))

-- name: drop_files
delete from catalog_file where path = any ($1)

-- name: keep_files
insert into catalog_file (path, text) select * from unnest($1::text[], $2::text[])
on conflict (path) do update set text = excluded.text where catalog_file.text <> excluded.text

-- name: clear_items
delete from catalog_item

-- name: keep_items
insert into catalog_item (kind, id, version, valid_from, doc)
select kind, id, version, valid_from, doc::jsonb
from unnest($1::text[], $2::text[], $3::int[], $4::timestamptz[], $5::text[]) as i (kind, id, version, valid_from, doc)

-- name: describe
insert into usage_specification (id, body, created_at, updated_at)
select id, body::jsonb, $1, $1 from unnest($2::text[], $3::text[]) as d (id, body)

-- name: describe_anew
update usage_specification s set body = d.body::jsonb, updated_at = $1
from unnest($2::text[], $3::text[]) as d (id, body)
where s.id = d.id and s.id in (select u.id from usage_specification_described() u)
returning s.id

-- name: forget_described
delete from usage_specification
where id = any ($1) and id in (select u.id from usage_specification_described() u)
returning id
