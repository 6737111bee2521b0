-- The statements of operations: the chain that seals the audit, and what figures tell.

-- name: last_link
select l.number, l.hash, a.xid::text as xid, a.id
from audit_link l join audit_record() a on a.id = l.audit_id
order by l.number desc limit 1

-- name: unsealed
-- What was written after the last that is sealed, below every transaction that is still at work.
select a.id, a.at, a.caller, a.operation, a.resource_id, a.outcome, a.trace
from audit_record() a
where (a.xid, a.id) > ($1::text::xid8, $2) and a.xid < pg_snapshot_xmin(pg_current_snapshot())
  and not exists (select from audit_link l where l.audit_id = a.id)
order by a.xid, a.id
limit $3

-- name: seal
insert into audit_link (number, audit_id, hash) select * from unnest($1::bigint[], $2::text[], $3::bytea[])
on conflict do nothing

-- name: sealed
select l.number, l.audit_id, l.hash, a.id, a.at, a.caller, a.operation, a.resource_id, a.outcome, a.trace
from audit_link l left join audit_record() a on a.id = l.audit_id
where l.number > $1
order by l.number
limit $2

-- name: lock_chain
-- Until the end of the transaction: one at a time makes the chain longer.
select pg_advisory_xact_lock(hashtextextended(current_schema || ' audit', 0))

-- name: rebase
-- After a restore: what another cluster's transactions wrote lies behind every transaction of this one.
select audit_rebase(array(select audit_id from audit_link))

-- name: waiting
select coalesce(sum(waiting), 0)::bigint as waiting, coalesce(sum(dead), 0)::bigint as dead from outbox_subscription()

-- name: events_by_type
-- Ids carry the time: what is newer than $1 is the end of the key.
select event_type, count(*) as number from outbox_event() where id >= $1 group by event_type

-- name: alive
select 1
