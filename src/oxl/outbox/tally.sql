-- Events counted by hour. A worker adds what is new, once, in the order of the outbox.

-- name: take_turn
-- Until the end of the transaction; false while another worker counts.
select pg_try_advisory_xact_lock(hashtextextended(current_schema || ' tally', 0))

-- name: uncounted
-- Of each API ($1) the first events ($2) that have not been counted, below every transaction that is still at work.
select e.xid::text as xid, e.id, a.api, e.event_type, e.resource_id, e.at
from unnest($1::text[]) as a (api)
left join tally_position p on p.api = a.api
cross join lateral (
    select o.xid, o.id, o.event_type, o.resource_id, o.at from outbox o
    where o.api = a.api and (o.xid, o.id) > (coalesce(p.xid, '0'), coalesce(p.event_id, ''))
        and o.xid < pg_snapshot_xmin(pg_current_snapshot())
    order by o.xid, o.id
    limit $2
) e
order by a.api, e.xid, e.id

-- name: add
insert into tally (series, hour, label, unit, number, amount)
select series, date_trunc('hour', at), label, unit, sum(number)::bigint, sum(amount)::bigint
from unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
    as f (series, at, label, unit, number, amount)
group by 1, 2, 3, 4
order by 1, 2, 3, 4
on conflict (series, hour, label, unit) do update
    set number = tally.number + excluded.number, amount = tally.amount + excluded.amount

-- name: advance
insert into tally_position (api, xid, event_id, at)
select api, xid::xid8, event_id, $4 from unnest($1::text[], $2::text[], $3::text[]) as p (api, xid, event_id)
on conflict (api) do update set xid = excluded.xid, event_id = excluded.event_id, at = excluded.at

-- name: seen
-- Nothing was new; it has been looked.
update tally_position set at = $1 where at < $1::timestamptz - interval '5 seconds'

-- name: forget
-- After a restore, whose transactions have other numbers: everything is counted anew.
delete from tally;
delete from tally_position

-- define: outbox_tally
create function outbox_tally(names text[], since timestamptz)
returns table (series text, hour timestamptz, label text, unit text, number bigint, amount bigint)
language sql stable as $$
    select series, hour, label, unit, number, amount from tally where series = any (names) and hour >= since
$$

-- define: outbox_counted_at
-- When a worker last looked for something to count.
create function outbox_counted_at() returns timestamptz
language sql stable as 'select max(at) from tally_position'
