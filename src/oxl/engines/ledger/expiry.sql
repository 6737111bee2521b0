-- What ends: buckets whose time is over, what they carry on, and the marks of how far they were used.

-- define: ledger_mark
-- The highest share of what it was credited that a bucket has been used to, in percent, of those that are marked.
create function ledger_mark(bucket_ text) returns smallint
language sql stable as 'select max(threshold) from bucket_mark where bucket_id = bucket_'

-- name: mark
insert into bucket_mark (bucket_id, threshold, at)
select b.id, t.threshold, $1
from bucket b, unnest($3::smallint[]) as t (threshold)
where b.id = any ($2) and b.kind = 'allowance' and b.credited > 0
  and b.used::numeric * 100 >= b.credited::numeric * t.threshold
order by b.id, t.threshold
on conflict do nothing

-- name: tell_marks
with told as (
    update bucket_mark m set is_told = true
    from (select bucket_id, threshold from bucket_mark where not is_told
          order by bucket_id, threshold limit $1 for update skip locked) d
    where m.bucket_id = d.bucket_id and m.threshold = d.threshold
    returning m.bucket_id, m.threshold
)
select bucket_id from told order by bucket_id, threshold

-- name: carrying
-- Buckets that are over and may carry something on to the one that follows them.
select b.id, n.id as next_id, b.carry_limit from bucket b
join bucket n on n.product_id = b.product_id and n.allowance_id = b.allowance_id and n.valid_from = b.valid_to
             and n.kind = 'allowance'
where b.carry_limit is not null and b.carried_at is null and b.valid_to <= $1
order by b.id limit $2

-- name: carried
update bucket set carried_at = $1 where id = any ($2)

-- name: ending
-- Buckets whose rest is lost by now: a main bucket may be revived for a while, and late usage paid from any.
select id from bucket
where ended_at is null and valid_to <= $1::timestamptz - $3::interval
  and (kind = 'allowance' or valid_to <= $1::timestamptz - $2::interval - $3::interval)
order by valid_to limit $4

-- name: ended
update bucket set ended_at = $1 where id = any ($2)
