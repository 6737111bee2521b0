-- The ledger's proof: what must hold on any database at any moment, read in one statement and so in one snapshot.

-- define: ledger_proof_kept
create function ledger_proof_kept()
returns table (id text, holds bool, created_at timestamptz, lines jsonb, totals jsonb)
language sql stable as 'select id, holds, created_at, lines, totals from ledger_proof'

-- name: prove
-- One row for each invariant: how many things were looked at, how many break it, and the first of these.
with legs as materialized (
    select cr_bucket as bucket_id, cr_version as version, cr_after as after_, unit, amount as signed,
           case when kind = 'usage' then 0 else amount end as credited,  -- what usage puts back was not used after all
           case when kind = 'usage' then -amount else 0 end as used, 0::bigint as debited
    from transfer where cr_bucket is not null
    union all
    select dr_bucket, dr_version, dr_after, unit, -amount, 0, case when kind = 'usage' then amount else 0 end,
           case when kind = 'usage' then 0 else amount end
    from transfer where dr_bucket is not null
), walked as (
    select *, version is distinct from coalesce(lag(version) over in_order, 0) + 1 as jumps,
           after_ is distinct from coalesce(lag(after_) over in_order, 0) + signed as breaks
    from legs window in_order as (partition by bucket_id order by version, after_)
), sums as (
    select bucket_id, sum(credited) as credited, sum(used) as used, sum(debited) as debited, count(*) as legs,
           bool_or(jumps) as jumps, bool_or(breaks) as breaks, min(after_) as lowest, min(unit) as unit,
           count(distinct unit) as units
    from walked group by bucket_id
), held as (
    select bucket_id, sum(amount) as held from reservation where status = 'created' group by bucket_id
), drawn as (
    select bucket_id, sum(used) as used from bucket_use group by bucket_id
), looked as (
    select coalesce(b.id, s.bucket_id) as place, coalesce(s.legs, 0) as legs,
           (b.credited, b.used, b.debited)
               is distinct from (coalesce(s.credited, 0), coalesce(s.used, 0), coalesce(s.debited, 0)) as figures,
           coalesce(s.jumps, false) or b.version is distinct from coalesce(s.legs, 0) as versions,
           coalesce(s.breaks, false) as chain,
           b.reserved is distinct from coalesce(h.held, 0) as reserved,
           b.credited - b.used - b.debited - b.reserved < -b.credit_limit or s.lowest < -b.credit_limit as below,
           s.units > 1 or s.unit <> b.unit as unit,
           b.used is distinct from coalesce(d.used, 0) as devices
    from bucket b
    full join sums s on s.bucket_id = b.id
    left join held h on h.bucket_id = b.id
    left join drawn d on d.bucket_id = b.id
), conserved as (
    select unit, sum(amount) as off
    from (select unit, credited - used - debited::numeric as amount from bucket
          union all select unit, amount from transfer where cr_system is not null
          union all select unit, -amount from transfer where dr_system is not null) a
    group by unit
), moved as (
    select action_id, count(*) as rows, count(distinct leg) as legs, sum(amount) filter (where kind = 'usage') as used,
           max(amount) filter (where leg = 0) as amount, coalesce(sum(amount) filter (where kind = 'fee'), 0) as cost,
           sum(amount) filter (where kind <> 'reversal') as forth, sum(amount) filter (where kind = 'reversal') as back,
           min(coalesce(dr_bucket, cr_bucket)) as bucket_id
    from transfer group by action_id
), found as (
    select n, place, bad, weight
    from looked, lateral (values (1, figures, 1), (2, versions, 1), (3, chain, legs), (4, reserved, 1), (5, below, 1),
                                 (6, unit, 1), (12, devices, 1)) as f (n, bad, weight)
    union all
    select 7, unit, off <> 0, 1 from conserved
    union all
    select 8, coalesce(dr_bucket, cr_bucket, id),
           (dr_bucket is null) = (dr_system is null) or (cr_bucket is null) = (cr_system is null) or amount <= 0, 1
    from transfer
    union all
    select 9, bucket_id, rows <> legs, rows from moved
    union all
    select 10, r.bucket_id,
           (r.status = 'completed') <> (r.used is not null) or r.used > r.amount or coalesce(m.used, 0) <> coalesce(r.used, 0)
           or (r.status = 'created') <> (r.ended_at is null and r.status <> 'failed'), 1
    from reservation r left join moved m on m.action_id = r.id
    union all
    select 11, a.bucket_id,
           case when s.action_id is not null or a.status in ('created', 'failed') then m.rows is not null
                when a.status = 'cancelled' then m.forth is distinct from m.back
                else m.amount is distinct from abs(a.amount) or m.cost <> coalesce(a.cost, 0) or m.back is not null end, 1
    from balance_action a
    left join moved m on m.action_id = a.id
    left join balance_schedule s on s.action_id = a.id
)
select p.n, p.name, p.of, coalesce(sum(f.weight), 0)::bigint as checked, count(*) filter (where f.bad) as faults,
       coalesce((array_agg(distinct f.place) filter (where f.bad))[1:10], '{}') as places
from (values
    (1, 'credited, used and debited are the sums of the transfers', 'bucket'),
    (2, 'versions have no gap and no double', 'bucket'),
    (3, 'the running balance at every version is what recomputing gives', 'transfer'),
    (4, 'reserved is the sum of the open reservations', 'bucket'),
    (5, 'nothing is below its credit limit, nor was at any version', 'bucket'),
    (6, 'transfers count in the unit of their bucket', 'bucket'),
    (7, 'what buckets hold came in and did not go out', 'unit'),
    (8, 'every transfer has one debit side, one credit side and an amount', 'transfer'),
    (9, 'no leg of an action was written twice', 'transfer'),
    (10, 'a reservation ended once, and its use is what was transferred', 'reservation'),
    (11, 'an action that is done moved its amount, a cancelled one both ways, any other nothing', 'action'),
    (12, 'what devices drew is what was used', 'bucket')
) as p (n, name, of)
left join found f using (n)
group by p.n, p.name, p.of
order by p.n

-- name: totals
select unit, count(*) as buckets, sum(credited)::numeric as credited, sum(used)::numeric as used,
       sum(debited)::numeric as debited, sum(reserved)::numeric as reserved,
       sum(credited - used - debited - reserved)::numeric as remaining
from bucket group by unit order by unit

-- name: keep
insert into ledger_proof (id, holds, created_at, lines, totals)
select id, $2, $3, $4::jsonb, $5::jsonb from unnest($1::text[]) as p (id)
