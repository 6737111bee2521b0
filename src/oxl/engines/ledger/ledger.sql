-- The ledger's statements. Buckets are locked in id order everywhere, so that two groups never wait for each other.
-- A bucket is a liability: credit raises it, debit lowers it; posted = credited - used - debited.

-- define: ledger_move
-- Credits (amount > 0) and debits (amount < 0) of one group, each decided as if they had run one after another in
-- the order of the arrays; each leaves its action, done or failed, but for those of which `unstored` names the refusal.
-- A fixed number of statements, however long the group: what is decided in between is kept in variables and arrays.
create function ledger_move(
    now_ timestamptz, transfer_ids text[], action_ids text[], kinds text[], systems text[], buckets text[],
    accounts text[], units text[], amounts bigint[], extend_to timestamptz[], bodies text[], unstored text[]
) returns table (n int, refusal text)
language plpgsql as $$
#variable_conflict use_column
declare
    item record;
    main_grace constant interval := '90 days';
    held text;
    credited_ bigint;
    debited_ bigint;
    version_ bigint;
    until timestamptz;
    moved bigint;
    t_item int[] := '{}';
    t_after bigint[] := '{}';
    t_version bigint[] := '{}';
    t_credited bigint[] := '{}';
    t_debited bigint[] := '{}';
    t_until timestamptz[] := '{}';
    a_item int[] := '{}';
    a_account text[] := '{}';
    a_refusal text[] := '{}';
begin
    perform 1 from bucket where id = any (buckets) order by id for no key update;
    perform 1 from ledger_release_overdue(now_, buckets);
    for item in
        select i.*, b.id, b.kind as bucket_kind, b.account_id, b.unit as bucket_unit, b.status, b.valid_from,
               b.valid_to, b.credit_limit, b.credited, b.debited, b.used + b.reserved as spoken_for, b.used, b.version
        from unnest(kinds, buckets, accounts, units, amounts, extend_to)
            with ordinality as i (kind, bucket, account, unit, amount, extend_to, n)
        left join bucket b on b.id = i.bucket
        order by i.bucket, i.n
    loop
        if held is distinct from item.bucket then
            held := item.bucket;
            credited_ := item.credited;
            debited_ := item.debited;
            version_ := item.version;
            until := item.valid_to;
        end if;
        n := item.n;
        moved := abs(item.amount);
        refusal := case
            when item.id is null then 'unknownBucket'
            when item.unit <> item.bucket_unit then 'unitMismatch'
            when item.account <> item.account_id then 'accountMismatch'
            when item.status <> 'active' or now_ < item.valid_from
                or now_ >= until + case when item.bucket_kind = 'main' and item.kind = 'topup' then main_grace else '0' end
                then 'bucketNotActive'
            when item.amount < 0 and (credited_ - debited_ - item.spoken_for)::numeric + item.credit_limit < moved
                then 'insufficientBalance'
            when item.amount > 0 and credited_ > 9223372036854775807 - moved then 'limitExceeded'
        end;
        if refusal is null then
            if item.amount > 0 then
                credited_ := credited_ + moved;
            else
                debited_ := debited_ + moved;
            end if;
            until := case when until is not null then greatest(until, item.extend_to) end;
            version_ := version_ + 1;
            t_item := t_item || n;
            t_after := t_after || (credited_ - debited_ - item.used);
            t_version := t_version || version_;
            t_credited := t_credited || credited_;
            t_debited := t_debited || debited_;
            t_until := t_until || until;
        end if;
        if refusal is null or refusal <> all (unstored) then
            a_item := a_item || n;
            a_account := a_account || item.account_id;
            a_refusal := a_refusal || refusal;
        end if;
        return next;
    end loop;
    update bucket b set credited = t.credited, debited = t.debited, version = t.version, valid_to = t.until
    from (select distinct on (buckets[i]) buckets[i] as id, t.*
          from unnest(t_item, t_version, t_credited, t_debited, t_until) as t (i, version, credited, debited, until)
          order by buckets[i], version desc) t
    where b.id = t.id;
    insert into transfer (id, at, dr_bucket, dr_system, cr_bucket, cr_system, unit, amount, kind, action_id,
                          dr_after, dr_version, cr_after, cr_version)
    select transfer_ids[i], now_,
           case when amounts[i] < 0 then buckets[i] end, case when amounts[i] > 0 then systems[i] end,
           case when amounts[i] > 0 then buckets[i] end, case when amounts[i] < 0 then systems[i] end,
           units[i], abs(amounts[i]), kinds[i], action_ids[i],
           case when amounts[i] < 0 then after_ end, case when amounts[i] < 0 then version_ end,
           case when amounts[i] > 0 then after_ end, case when amounts[i] > 0 then version_ end
    from unnest(t_item, t_after, t_version) as t (i, after_, version_);
    insert into balance_action (id, kind, bucket_id, account_id, unit, amount, status, requested_at, confirmed_at,
                                reason, body)
    select action_ids[i], kinds[i], buckets[i], account, units[i], amounts[i],
           case when why is null then 'completed' else 'failed' end, now_, case when why is null then now_ end, why,
           bodies[i]::jsonb
    from unnest(a_item, a_account, a_refusal) as a (i, account, why);
end $$

-- define: ledger_bucket
-- Every bucket as others may read it: the figures of domain and their state at `now_`.
create function ledger_bucket(now_ timestamptz)
returns table (
    id text, kind text, account_id text, product_id text, device_id text, allowance_id text, name text, unit text,
    display_unit text, display_atoms bigint, usage_type text, usage_label text, status text, valid_from timestamptz,
    valid_to timestamptz, credited bigint, used bigint, debited bigint, reserved bigint, available bigint,
    created_at timestamptz, credit_limit bigint, body jsonb, match jsonb
)
language sql stable as $$
    select id, kind, account_id, product_id, device_id, allowance_id, name, unit, display_unit, display_atoms,
           usage_type, usage_label,
           case when status = 'suspended' then status when now_ >= valid_to then 'expired' else 'active' end,
           valid_from, valid_to, credited, used, debited, reserved - o.over,
           credited - used - debited - (reserved - o.over), created_at, credit_limit, body, match
    from bucket b, lateral (select case when b.reserved > 0 then ledger_overdue(b.id, now_) else 0 end as over) o
$$

-- define: ledger_bucket_use
create function ledger_bucket_use() returns table (bucket_id text, device_id text, used bigint)
language sql stable as 'select bucket_id, device_id, used from bucket_use'

-- name: move
select n, refusal from ledger_move($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) order by n

-- name: main_buckets
select a.external_id, b.id from bucket b join inventory_account() a on a.id = b.account_id
where b.kind = 'main' and a.external_id is not null

-- name: hold
-- Every bucket that may pay for what happened to these accounts since $2, locked; and the buckets $3.
select id, kind, account_id, device_id, allowance_id, unit, match, priority, status, valid_from, valid_to,
       credit_limit, credited, used, debited, reserved, version, created_at
from bucket
where (account_id = any ($1) and (valid_to is null or valid_to > $2)) or id = any ($3)
order by id
for no key update

-- name: keep_draws
-- What is put back goes the other way.
insert into transfer (id, at, dr_bucket, dr_system, cr_bucket, cr_system, unit, amount, kind, action_id, leg,
                      dr_after, dr_version, cr_after, cr_version)
select id, $1, case when amount > 0 then bucket_id end, case when amount < 0 then 'usage_consumed' end,
       case when amount < 0 then bucket_id end, case when amount > 0 then 'usage_consumed' end,
       unit, abs(amount), 'usage', action_id, leg,
       case when amount > 0 then after_ end, case when amount > 0 then version_ end,
       case when amount < 0 then after_ end, case when amount < 0 then version_ end
from unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::smallint[], $8::bigint[], $9::bigint[])
    as d (id, bucket_id, unit, amount, action_id, leg, after_, version_)

-- name: keep_used
update bucket set used = d.used, version = d.version
from unnest($1::text[], $2::bigint[], $3::bigint[]) as d (id, used, version)
where bucket.id = d.id

-- name: keep_bucket_use
insert into bucket_use (bucket_id, device_id, used)
select bucket_id, device_id, used from unnest($1::text[], $2::text[], $3::bigint[]) as u (bucket_id, device_id, used)
order by bucket_id, device_id
on conflict (bucket_id, device_id) do update set used = bucket_use.used + excluded.used

-- name: keep_buckets
-- New buckets, the opening amount of each credited from the side that grants it; a grant given before is left alone.
with opened as (
    insert into bucket (id, kind, account_id, product_id, device_id, allowance_id, name, unit, display_unit,
                        display_atoms, usage_type, usage_label, match, priority, valid_from, valid_to, credited,
                        status, carry_limit, credit_limit, body, version, created_at)
    select id, kind, account_id, product_id, device_id, allowance_id, name, unit, display_unit, display_atoms,
           usage_type, usage_label, match::jsonb, priority, valid_from, valid_to, amount, status,
           carry_limit, credit_limit, body::jsonb, (amount > 0)::int, $1
    from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
                $10::text[], $11::bigint[], $12::text[], $13::text[], $14::text[], $15::smallint[], $16::timestamptz[],
                $17::timestamptz[], $18::bigint[], $19::text[], $20::bigint[], $21::bigint[], $22::text[])
        as b (id, kind, account_id, product_id, device_id, allowance_id, name, unit, display_unit, display_atoms,
              usage_type, usage_label, match, priority, valid_from, valid_to, amount, status, carry_limit, credit_limit,
              body)
    on conflict do nothing
    returning id, unit, credited
)
insert into transfer (id, at, dr_system, cr_bucket, unit, amount, kind, action_id, cr_after, cr_version)
select t.id, $1, 'allowance_grant', o.id, o.unit, o.credited, 'grant', o.id, o.credited, 1
from opened o join unnest($2::text[], $23::text[]) as t (bucket_id, id) on t.bucket_id = o.id
where o.credited > 0

-- name: lock_schedule
select from allowance_schedule where account_id = any ($1) order by product_id for update

-- name: lock_buckets
select from bucket where account_id = any ($1) order by id for no key update

-- name: widen_main
-- A line that began before the account's first one may be paid for from its own start.
update bucket set valid_from = least(bucket.valid_from, m.since)
from unnest($1::text[], $2::timestamptz[]) as m (account_id, since)
where bucket.account_id = m.account_id and bucket.kind = 'main' and m.since < bucket.valid_from

-- name: schedule
insert into allowance_schedule (product_id, account_id, granted_until)
select product_id, account_id, granted_until
from unnest($1::text[], $2::text[], $3::timestamptz[]) as s (product_id, account_id, granted_until)
on conflict (product_id) do update set granted_until = excluded.granted_until

-- name: unschedule
delete from allowance_schedule where product_id = any ($1)

-- name: due
-- Products whose next allowances are due at $1: of the accounts $2, or of any when $2 is null; at most $3, if given.
select product_id, granted_until from allowance_schedule
where granted_until <= $1 and ($2::text[] is null or account_id = any ($2))
order by product_id limit $3
for update

-- name: end_buckets
-- What the account shares stays for its other lines until its period ends. A bucket that begins at the end or later is
-- over as it begins, and makes room for what is granted from then on instead.
update bucket
set valid_from = case when valid_from < $2 then valid_from else valid_from + interval '1 microsecond' end,
    valid_to = greatest($2, valid_from + interval '2 microseconds')
where product_id = any ($1) and device_id is not null and (valid_to is null or valid_to > $2)

-- name: set_status
-- Of the products' own buckets; what a whole account shares goes on for its other devices.
update bucket set status = $2 where product_id = any ($1) and device_id is not null
