-- The outbox's statements: events, who subscribes to them, and what became of each delivery. Events are written by the
-- kernel in the transaction of what they tell. A position in the outbox is (xid, event id).

-- define: outbox_wake
-- Whoever writes events calls it: one notification a transaction, at its commit, however many rows it wrote. It answers
-- which of some APIs anybody listens to.
create function outbox_wake(apis text[]) returns text[]
language sql as $$
    select pg_notify(current_schema || '_outbox', '');
    select array(select api from unnest(apis) as a (api)
                 where exists (select from subscription s where s.api = a.api and s.ended_at is null))
$$

-- name: channel
select current_schema || '_outbox'

-- name: read_after
-- Of each position ($1 API, $2 $3 position, $4 what is no news), the events after it that no running transaction can
-- still slip a row in front of, in commit-safe order.
select p.n, e.xid::text as xid, e.id, e.event_type, e.resource, e.resource_id, e.at, e.doc, e.changed, e.trace
from unnest($1::text[], $2::text[], $3::text[], $4::text[]) with ordinality as p (api, xid, event_id, born, n)
cross join lateral (
    select o.xid, o.id, o.event_type, o.resource, o.resource_id, o.at, o.doc, o.changed, o.trace
    from outbox o
    where o.api = p.api and (o.xid, o.id) > (p.xid::xid8, p.event_id) and o.xid < pg_snapshot_xmin(pg_current_snapshot())
        and not pg_visible_in_snapshot(o.xid, p.born::pg_snapshot)
    order by o.xid, o.id
    limit $5
) e
order by p.n, e.xid, e.id

-- name: first_since
-- The transaction of the first event from an id on, ids being in order of time.
select min(xid)::text from outbox where api = $1 and id >= $2

-- name: newest
-- A position that is before nothing that is there.
select pg_snapshot_xmin(pg_current_snapshot())::text

-- name: subscribe
-- Who is there already keeps its id.
insert into subscription (id, digest, api, callback, query, secret, lease_until, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $7)
on conflict (digest) where ended_at is null do update set callback = excluded.callback
returning id

-- name: keep_broker
-- A broker ($1) is subscribed to each API by the worker that reaches it, in place of another broker.
with others as (
    update subscription set ended_at = $5, ended_why = 'another broker'
    where ended_at is null and callback !~ '^https?:' and callback <> $1
)
insert into subscription (id, digest, api, callback, query, secret, lease_until, created_at)
select id, digest, api, $1, '', '', $5, $5 from unnest($2::text[], $3::bytea[], $4::text[]) as b (api, digest, id)
on conflict (digest) where ended_at is null do nothing

-- name: find_subscription
select id, callback, query from subscription where api = $1 and id = $2 and ended_at is null

-- name: unsubscribe
-- Workers that are at it hear of it.
with ended as (
    update subscription set ended_at = $3, ended_why = 'deleted' where api = $1 and id = $2 and ended_at is null returning id
)
select pg_notify(current_schema || '_outbox', id) from ended

-- name: new_secret
update subscription set secret = $2 where id = $1 and ended_at is null returning id

-- name: lease
-- To one worker ($1 now, $2 until, $3 how many): those who have something due, the longest unserved first. One whose
-- window ($4) is full of what waits is given nothing new. A broker is told by a worker that reaches it ($5).
with due as (
    select s.id
    from subscription s
    where s.ended_at is null and s.lease_until <= $1 and (s.callback ~ '^https?:' or s.callback = $5) and (s.open_until is null or s.open_until <= $1) and (
        exists (select from undelivered u where u.subscription_id = s.id and u.due_at <= $1)
        or exists (select from outbox o
                   where o.api = s.api and (o.xid, o.id) > (s.xid, s.event_id)
                       and o.xid < pg_snapshot_xmin(pg_current_snapshot()) and not pg_visible_in_snapshot(o.xid, s.born))
           and $4 > (select count(*) from undelivered u where u.subscription_id = s.id and u.dead_at is null))
    order by s.lease_until
    limit $3
    for update of s skip locked
)
update subscription s set lease_until = $2, fence = s.fence + 1
from due
where s.id = due.id
returning s.id, s.api, s.callback, s.query, s.secret, s.xid::text as xid, s.event_id, s.fence, s.failures,
    s.failing_since,
    (select count(*) from undelivered u where u.subscription_id = s.id and u.dead_at is null) >= $4 as is_full,
    case when s.xid < pg_snapshot_xmax(s.born) then s.born::text else '1:1:' end as born

-- name: read_waiting
-- What waits for another try, `due` being its resource's; with its document when that is due.
select u.subscription_id, u.xid::text as xid, u.event_id as id, u.resource, u.resource_id, u.attempts, u.since, u.due,
    e.event_type, e.at, case when u.due <= $2 then e.doc end as doc, e.changed, e.trace
from (
    select w.*, min(w.due_at) over (partition by w.subscription_id, w.resource, w.resource_id) as due
    from undelivered w
    where w.subscription_id = any ($1) and w.dead_at is null
) u
join outbox e on e.id = u.event_id
order by u.subscription_id, u.xid, u.event_id

-- name: settle
-- What became of a batch, in one statement; nothing when the lease has gone to another.
with held as (
    update subscription set
        xid = $3::text::xid8, event_id = $4, failures = $5, failing_since = $6, open_until = $7, lease_until = $9,
        ended_at = case when $8::text is null then ended_at else $9 end, ended_why = coalesce(ended_why, $8)
    where id = $1 and fence = $2
    returning id
), logged as (
    insert into delivery (id, subscription_id, event_id, event_type, resource, resource_id, at, attempt, outcome, status,
                          reason, took_ms)
    select l.id, held.id, l.event_id, l.event_type, l.resource, l.resource_id, l.at, l.attempt, l.outcome, l.status,
           l.reason, l.took_ms
    from held, jsonb_to_recordset($10::text::jsonb) as l (
        id text, event_id text, event_type text, resource text, resource_id text, at timestamptz, attempt int,
        outcome text, status int, reason text, took_ms int)
), delivered as (
    delete from undelivered u using held where u.subscription_id = held.id and u.event_id = any ($11::text[])
), kept as (
    insert into undelivered (subscription_id, event_id, xid, resource, resource_id, attempts, since, due_at, dead_at,
                             status, reason)
    select held.id, k.event_id, k.xid::xid8, k.resource, k.resource_id, k.attempts, k.since, k.due_at, k.dead_at,
           k.status, k.reason
    from held, jsonb_to_recordset($12::text::jsonb) as k (
        event_id text, xid text, resource text, resource_id text, attempts int, since timestamptz, due_at timestamptz,
        dead_at timestamptz, status int, reason text)
    on conflict (subscription_id, event_id) do update set
        attempts = excluded.attempts, since = excluded.since, due_at = excluded.due_at, dead_at = excluded.dead_at,
        status = excluded.status, reason = excluded.reason
)
select id from held

-- name: replay
-- Back (or on) to a position; a batch that is on its way settles nothing any more.
with moved as (
    update subscription set
        xid = $2::text::xid8, event_id = $3, born = '1:1:', fence = fence + 1, lease_until = $4, failures = 0,
        failing_since = null, open_until = null
    where id = $1 and ended_at is null
    returning id
)
select pg_notify(current_schema || '_outbox', id) from moved

-- name: resend
-- Dead letters (all of the subscription's where $2 is null) wait for another try as if new.
with again as (
    update undelivered u set dead_at = null, due_at = $3, since = $3, attempts = 0
    from subscription s
    where s.id = u.subscription_id and s.ended_at is null and u.dead_at is not null and s.id = $1
        and ($2::text is null or u.event_id = $2)
    returning u.event_id
)
select count(*), pg_notify(current_schema || '_outbox', '') from again

-- What operators may look at.

-- define: outbox_subscription
create function outbox_subscription()
returns table (id text, api text, callback text, query text, created_at timestamptz, ended_at timestamptz,
               ended_why text, failures int, failing_since timestamptz, open_until timestamptz, "position" text,
               waiting bigint, dead bigint)
language sql stable as $$
    select s.id, s.api, s.callback, s.query, s.created_at, s.ended_at, s.ended_why, s.failures, s.failing_since,
           s.open_until, s.xid || '/' || s.event_id,
           (select count(*) from undelivered u where u.subscription_id = s.id and u.dead_at is null),
           (select count(*) from undelivered u where u.subscription_id = s.id and u.dead_at is not null)
    from subscription s
$$

-- define: outbox_delivery
create function outbox_delivery() returns setof delivery
language sql stable as $$ select d.* from delivery d $$

-- define: outbox_dead_letter
create function outbox_dead_letter() returns setof undelivered
language sql stable as $$ select u.* from undelivered u where u.dead_at is not null $$

-- define: outbox_event
create function outbox_event() returns setof outbox
language sql stable as $$ select o.* from outbox o $$

-- name: rebase
-- The transactions of another cluster mean nothing here: what was written there lies behind every transaction of this
-- one. A subscription is put before the first event that it had not passed; some may come to it again, none is lost.
with pending as (
    select s.id, min(o.id) as first from subscription s join outbox o on o.api = s.api
    where (o.xid, o.id) > (s.xid, s.event_id) and not pg_visible_in_snapshot(o.xid, s.born)
    group by s.id
)
update subscription s set born = '3:3:', xid = '3', event_id = coalesce(
    case when p.first is null then (select max(id) from outbox o where o.api = s.api)
         else (select max(id) from outbox o where o.api = s.api and o.id < p.first) end, '')
from subscription t left join pending p on p.id = t.id
where s.id = t.id;
update outbox set xid = '3';
update undelivered set xid = '3'

-- name: forget
-- Events of these resources ($1), and those whose documents name what these patterns ($2) fit; waiting ones with them.
-- Those of one kind of resource ($3) stay.
with gone as (
    delete from outbox where (resource_id = any ($1) or doc::text like any ($2)) and resource <> $3 returning id
), waiting as (
    delete from undelivered u using gone where u.event_id = gone.id
)
select count(*) from gone

-- What is kept for a time only. $1 is an id, which carries the time before which things may go; $2 how many at a time.

-- name: count_events
select count(*) from outbox where id < $1

-- name: forget_events
-- Those that every listener has passed, and that none has waiting or dead.
with old as (
    select o.id from outbox o
    where o.id < $1 and not exists (select from undelivered u where u.event_id = o.id)
        and not exists (select from subscription s
                        where s.api = o.api and s.ended_at is null and (o.xid, o.id) > (s.xid, s.event_id))
    order by o.id limit $2
), gone as (
    delete from outbox o using old where o.id = old.id returning 1
)
select count(*) from gone

-- name: forget_dead_letters
-- What was given up before then, or waits for a listener that has ended.
delete from undelivered u using subscription s
where s.id = u.subscription_id and (u.dead_at < $1 or s.ended_at < $1)

-- name: count_deliveries
select count(*) from delivery where id < $1

-- name: forget_deliveries
with old as (select id from delivery where id < $1 order by id limit $2),
gone as (delete from delivery d using old where d.id = old.id returning 1)
select count(*) from gone
