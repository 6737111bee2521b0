-- Tenants that are there to be tried out: their clock, the faults that their integrators ask for, and what was done.

-- name: is_marked
select is_sandbox from tenant_clock

-- name: mark
insert into tenant_clock (is_sandbox) values ($1) on conflict (one) do update set is_sandbox = excluded.is_sandbox

-- name: shift
-- By this server's clock, which decides: the machine that asks may be out.
insert into tenant_clock (shift) values ($1::timestamptz - clock_timestamp())
on conflict (one) do update set shift = excluded.shift, frozen = null

-- name: set_faults
insert into tenant_clock (faults) values ($1::jsonb) on conflict (one) do update set faults = excluded.faults

-- name: keep
insert into sandbox_action (id, kind, state, at, body) values ($1, $2, $3, $4, $5::jsonb)

-- name: unfinished
-- The oldest action that is not done.
select id, body from sandbox_action where state in ('acknowledged', 'inProgress') order by id limit 1

-- name: tell
update sandbox_action set state = $2, note = $3 where id = $1

-- name: tables
-- What a reset empties: everything but what the tenant itself is.
select string_agg(format('%I.%I', current_schema, c.relname), ', ' order by c.relname)
from pg_class c
where c.relnamespace = current_schema::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
  and c.relname not in ('schema_version', 'code_version', 'tenant_clock', 'sandbox_action', 'catalog_revision', 'api_key',
                        'recommendation_policy', 'recommendation_model', 'consumption_language', 'audit', 'audit_link')

-- name: empty
truncate {tables}

-- name: reset_clock
update tenant_clock set shift = '0', frozen = null, faults = '{}'

-- define: sandbox_state
create function sandbox_state() returns table (shift interval, frozen timestamptz, is_sandbox bool, faults jsonb)
language sql stable as $$
    select coalesce(c.shift, '0'), c.frozen, coalesce(c.is_sandbox, false), coalesce(c.faults, '{}')
    from (select) one left join tenant_clock c on true
$$

-- define: sandbox_done
create function sandbox_done() returns table (id text, kind text, state text, at timestamptz, body jsonb, note text)
language sql stable as 'select id, kind, state, at, body, note from sandbox_action'
