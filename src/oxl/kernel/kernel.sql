-- The kernel's own statements: idempotency keys, and locks of single resources.

-- name: claim_keys
-- A key that another transaction is using is waited for; what is not returned was used before.
insert into idempotency (operation, key, body_hash, created_at)
select $1, key, body_hash, $2 from unnest($3::text[], $4::bytea[]) as k (key, body_hash) order by key
on conflict do nothing
returning key

-- name: used_keys
select key, body_hash, resource_id, refused, status, headers, body
from idempotency where operation = $1 and key = any ($2)

-- name: keep_answers
update idempotency
set resource_id = a.resource_id, refused = a.refused::jsonb, status = a.status, headers = a.headers::jsonb, body = a.body
from unnest($2::text[], $3::text[], $4::text[], $5::smallint[], $6::text[], $7::text[])
    as a (key, resource_id, refused, status, headers, body)
where operation = $1 and idempotency.key = a.key

-- name: free_keys
delete from idempotency where operation = $1 and key = any ($2)

-- name: forget_keys
delete from idempotency where status is not null and created_at < $1

-- name: stand
-- What is told of an earlier transaction a synchronous standby must have too; one that was given up while it waited is
-- seen before that. With something written, this transaction's own commit waits behind it.
select pg_logical_emit_message(true, 'oxl', ''::text)

-- name: lock_resources
-- Until the end of the transaction, in one order, so that two groups cannot wait for each other.
select pg_advisory_xact_lock(place)
from (select distinct hashtextextended(concat_ws('/', current_schema, $1::text, id), 0) as place
      from unnest($2::text[]) as r (id) order by place) p

-- define: forget_answers
-- Of those that fit a pattern of LIKE the words; that they were given stays, so that nothing is done twice.
create function forget_answers(patterns text[]) returns void
language sql volatile as $$
    update idempotency set body = '{}', refused = null where status is not null and body like any (patterns)
$$
