-- Checks of catalog files that nobody has published.

-- name: keep
insert into catalog_check (id, at, files, problems) values ($1, $2, $3, $4::jsonb)

-- define: catalog_checked
create function catalog_checked() returns table (id text, at timestamptz, files text[], problems jsonb)
language sql stable as 'select id, at, files, problems from catalog_check'
