-- The outbox's statements. Rows are written by the kernel in the transaction of what they tell.

-- name: wake
-- One notification a transaction, however many rows it wrote.
select pg_notify(current_schema || '_outbox', '')

-- name: read_after
-- The events after a position that no running transaction can still slip a row in front of, in commit-safe order.
select xid::text as position, id, api, event_type, resource, resource_id, at, doc
from outbox
where (xid, id) > ($1::text::xid8, $2) and xid < pg_snapshot_xmin(pg_current_snapshot())
order by outbox.xid, id
limit $3
