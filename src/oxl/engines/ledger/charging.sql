-- Online charging: sessions, their requests, and the quotas that they hold as reservations. Sessions are locked in
-- order of id, then buckets.

-- define: ledger_charging_open
-- The sessions, those that are new begun, locked; with which of the requests they have answered before.
create function ledger_charging_open(now_ timestamptz, sessions text[], numbers bigint[], accounts text[], devices text[])
returns table (id text, account_id text, device_id text, last_number bigint, is_open bool, quotas text, known text)
language plpgsql as $$
#variable_conflict use_column
begin
    insert into charging_session (id, account_id, device_id, created_at)
    select distinct on (s.id) s.id, s.account, s.device, now_
    from unnest(sessions, accounts, devices) with ordinality as s (id, account, device, n)
    where s.account is not null
    order by s.id, s.n
    on conflict do nothing;
    perform 1 from charging_session where id = any (sessions) order by id for update;
    return query
        select s.id, s.account_id, s.device_id, s.last_number, s.is_open, s.quotas::text,
               (select jsonb_object_agg(r.number, jsonb_build_array(r.id, encode(r.body_hash, 'hex')))
                from charging_request r where r.session_id = s.id and r.number = any (numbers))::text
        from charging_session s where s.id = any (sessions);
end $$

-- define: ledger_charging_hold
-- The buckets that may pay or that hold something, locked, without what is over; and of the reservations those open.
create function ledger_charging_hold(now_ timestamptz, accounts text[], reservations text[])
returns table (id text, kind text, account_id text, product_id text, device_id text, unit text, display_unit text,
               display_atoms bigint, usage_type text, match text, priority smallint, status text,
               valid_from timestamptz, valid_to timestamptz, credit_limit bigint, credited bigint, used bigint,
               debited bigint, reserved bigint, version bigint, created_at timestamptz, open text)
language plpgsql as $$
#variable_conflict use_column
declare
    ids text[] := array(select b.id from bucket b where b.account_id = any (accounts)
                        and (b.valid_to is null or b.valid_to > now_ or b.reserved > 0));
begin
    perform 1 from bucket where id = any (ids) order by id for no key update;
    perform 1 from ledger_release_overdue(now_, ids);
    return query
        select b.id, b.kind, b.account_id, b.product_id, b.device_id, b.unit, b.display_unit, b.display_atoms,
               b.usage_type, b.match::text, b.priority, b.status, b.valid_from, b.valid_to, b.credit_limit,
               b.credited, b.used, b.debited, b.reserved, b.version, b.created_at,
               case when b.reserved > 0 then
                   (select jsonb_object_agg(r.id, jsonb_build_array(r.amount, r.device_id))
                    from reservation r
                    where r.bucket_id = b.id and r.id = any (reservations) and r.status = 'created')::text end
        from bucket b where b.id = any (ids);
end $$

-- define: ledger_charging_request
create function ledger_charging_request()
returns table (id text, session_id text, number bigint, account_id text, status text, created_at timestamptz,
               body jsonb, answer jsonb)
language sql stable as
    'select id, session_id, number, account_id, status, created_at, body, answer from charging_request'

-- name: open
select * from ledger_charging_open($1, $2, $3, $4, $5)

-- name: hold
select * from ledger_charging_hold($1, $2, $3)

-- name: keep
-- Requests with their answers, the sessions as they now are, and the reservations that came to be or ended.
with requested as (
    insert into charging_request (id, session_id, number, body_hash, account_id, status, created_at, body, answer)
    select id, session_id, number, body_hash, account_id, status, $1, body::jsonb, answer::jsonb
    from unnest($2::text[], $3::text[], $4::bigint[], $5::bytea[], $6::text[], $7::text[], $8::text[], $9::text[])
        as r (id, session_id, number, body_hash, account_id, status, body, answer)
), sessions as (
    update charging_session s set last_number = d.last_number, is_open = d.is_open, quotas = d.quotas::jsonb
    from unnest($10::text[], $11::bigint[], $12::bool[], $13::text[]) as d (id, last_number, is_open, quotas)
    where s.id = d.id
)
insert into reservation (id, bucket_id, account_id, device_id, unit, amount, used, status, reason, expires_at,
                         requested_at, confirmed_at, ended_at, body)
select id, bucket_id, account_id, device_id, unit, amount, used, status, reason, expires_at, requested_at, confirmed_at,
       ended_at, body::jsonb
from unnest($14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::bigint[], $20::bigint[],
            $21::text[], $22::text[], $23::timestamptz[], $24::timestamptz[], $25::timestamptz[], $26::timestamptz[],
            $27::text[])
    as r (id, bucket_id, account_id, device_id, unit, amount, used, status, reason, expires_at, requested_at,
          confirmed_at, ended_at, body)
on conflict (id) do update
set used = excluded.used, status = excluded.status, reason = excluded.reason, confirmed_at = excluded.confirmed_at,
    ended_at = excluded.ended_at

-- name: forget
-- Sessions that were begun for requests that turned out to be wrong.
delete from charging_session where id = any ($1)
