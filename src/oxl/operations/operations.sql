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

-- name: first_link
-- Where the chain begins: with an entry, or with the hash of the last that was pruned.
select l.number, l.hash, a.id is null as pruned
from audit_link l left join audit_record() a on a.id = l.audit_id
order by l.number limit 1

-- name: vouched
select audit_has($1, $2)

-- name: prunable
-- The last link before the first entry that is to stay.
select l.number, l.hash from audit_link l join audit_record() a on a.id = l.audit_id
where a.at < $1 and l.number < (
    select min(m.number) from audit_link m join audit_record() b on b.id = m.audit_id where b.at >= $1)
order by l.number desc limit 1

-- name: prune
-- All entries up to a number; of the chain its link stays.
with gone as (
    delete from audit_link where number < $1 returning audit_id
)
select audit_forget(array(select audit_id from gone) || array(select audit_id from audit_link where number = $1))
