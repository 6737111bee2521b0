-- Reservations: the open half of a use. Their buckets are locked before any of these changes one.

-- define: ledger_reservation
-- Every reservation that has not been deleted, as it is at an instant: one that is over has ended, whoever has noticed.
create function ledger_reservation(now_ timestamptz)
returns table (
    id text, bucket_id text, account_id text, unit text, display_unit text, display_atoms bigint, usage_type text,
    amount bigint, used bigint, status text, reason text, requested_at timestamptz, confirmed_at timestamptz,
    expires_at timestamptz, body jsonb
)
language sql stable as $$
    select r.id, r.bucket_id, r.account_id, r.unit, b.display_unit, b.display_atoms, b.usage_type, r.amount, r.used,
           case when r.status = 'created' and r.expires_at <= now_ then 'cancelled' else r.status end,
           case when r.status = 'created' and r.expires_at <= now_ then 'expired' else r.reason end,
           r.requested_at, r.confirmed_at, r.expires_at, r.body
    from reservation r join bucket b on b.id = r.bucket_id
    where r.deleted_at is null
$$

-- define: ledger_overdue
-- What reservations of a bucket hold that are over, and which nobody has let go of yet.
create function ledger_overdue(bucket_ text, now_ timestamptz) returns bigint
language sql stable as $$
    select coalesce(sum(amount), 0)::bigint from reservation
    where bucket_id = bucket_ and status = 'created' and expires_at <= now_
$$

-- name: keep
insert into reservation (id, bucket_id, account_id, device_id, unit, amount, status, reason, expires_at, requested_at,
                         body)
select id, bucket_id, account_id, device_id, unit, amount, status, reason, expires_at, $1, body::jsonb
from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::text[],
            $10::timestamptz[], $11::text[])
    as r (id, bucket_id, account_id, device_id, unit, amount, status, reason, expires_at, body)

-- name: places
select distinct bucket_id from reservation where id = any ($1)

-- name: read
select id, bucket_id, account_id, device_id, unit, amount, used, status, reason, expires_at, requested_at, confirmed_at,
       ended_at, is_told, deleted_at, body::text
from reservation where id = any ($1)

-- name: change
update reservation r
set amount = d.amount, used = d.used, status = d.status, expires_at = d.expires_at, confirmed_at = d.confirmed_at,
    ended_at = d.ended_at, reason = d.reason, is_told = d.is_told, deleted_at = d.deleted_at, body = d.body::jsonb
from unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::timestamptz[],
            $8::text[], $9::bool[], $10::timestamptz[], $11::text[])
    as d (id, amount, used, status, expires_at, confirmed_at, ended_at, reason, is_told, deleted_at, body)
where r.id = d.id

-- name: due
select bucket_id from reservation where status = 'created' and expires_at <= $1 order by expires_at limit $2

-- name: tell
update reservation set is_told = true
where id in (select id from reservation where not is_told order by id limit $1 for update skip locked)
returning id
