-- Imports in parts. $1 is the import.

-- name: open
with opened as (insert into usage_import (id, file, started_at, laid) values ($1, $2, $3, false) returning id)
insert into usage_import_lane (import_id, lane) select id, lane from opened cross join generate_series(0, $4) as l (lane)

-- name: lay
insert into usage_import_part (import_id, number, lane, behind, lines)
select $1, number, lane, behind, lines from unnest($2::bigint[], $3::int[], $4::bigint[], $5::bytea[])
    as p (number, lane, behind, lines)

-- name: laid
update usage_import set laid = true where id = $1

-- name: undone
select count(*) as parts, min(number) as first from usage_import_part where import_id = $1

-- name: due
select i.id from usage_import i
where i.id in (select import_id from usage_import_lane)
    and (i.laid or exists (select from usage_import_part p where p.import_id = i.id))
order by i.id

-- name: take_lane
-- The lane that is furthest behind, of those that nobody has at hand and whose next part need not wait; $2 names one.
select l.lane from usage_import_lane l
cross join lateral (select p.number, p.behind from usage_import_part p
                    where p.import_id = l.import_id and p.lane = l.lane order by p.number limit 1) n
where l.import_id = $1 and ($2::int is null or l.lane = $2)
    and not exists (select from usage_import_part e where e.import_id = l.import_id and e.number <= n.behind)
order by n.number limit 1
for update of l skip locked

-- name: next_part
-- Of the lane that is held: as it is now, whatever it was when the lane was looked for.
select p.number, p.lane, p.taken, p.lines, l.counts from usage_import_part p
join usage_import_lane l on l.import_id = p.import_id and l.lane = p.lane
where p.import_id = $1 and p.lane = $2
    and not exists (select from usage_import_part e where e.import_id = p.import_id and e.number <= p.behind)
order by p.number limit 1

-- name: take_on
update usage_import_part set taken = $3 where import_id = $1 and number = $2

-- name: part_done
delete from usage_import_part where import_id = $1 and number = $2

-- name: keep_counts
update usage_import_lane set counts = $3::jsonb where import_id = $1 and lane = $2

-- name: standing
select finished_at is not null as finished,
       case when finished_at is not null then jsonb_build_array(counts)
            else (select coalesce(jsonb_agg(l.counts), '[]') from usage_import_lane l where l.import_id = i.id) end as counts
from usage_import i where id = $1

-- name: hold
-- One at a time brings the report up to date; `over`: all of the file was laid, and is done.
select i.laid and not exists (select from usage_import_part p where p.import_id = i.id) as over
from usage_import i where i.id = $1 and i.finished_at is null for update skip locked

-- name: forget_lanes
delete from usage_import_lane where import_id = $1
