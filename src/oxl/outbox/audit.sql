-- The statements of the audit.

-- name: note
insert into audit (id, at, caller, operation, resource_id, outcome, trace)
select id, $1, caller, operation, resource_id, outcome, trace
from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
    as e (id, caller, operation, resource_id, outcome, trace)

-- define: audit_record
create function audit_record()
returns table (id text, xid xid8, at timestamptz, caller text, operation text, resource_id text, outcome text, trace text)
language sql stable as 'select id, xid, at, caller, operation, resource_id, outcome, trace from audit'

-- define: audit_rebase
create function audit_rebase(sealed text[]) returns void
language sql as $$ update audit set xid = case when id = any (sealed) then '2'::xid8 else '3'::xid8 end $$

-- define: audit_forget
-- For the owner alone: the tenant's role may not.
create function audit_forget(ids text[]) returns void
language sql as $$ delete from audit where id = any (ids) $$

-- define: audit_has
create function audit_has(operation_ text, resource text) returns bool
language sql stable as $$ select exists (select from audit where operation = operation_ and resource_id = resource) $$
