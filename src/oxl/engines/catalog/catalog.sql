-- The catalog's statements.

-- define: catalog_item_of
create function catalog_item_of(kind_ text) returns table (id text, version int, valid_from timestamptz, doc jsonb)
language sql stable as 'select id, version, valid_from, doc from catalog_item where kind = kind_'

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
