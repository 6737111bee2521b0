-- The recommendation engine's statements. A query's items are kept as they were shown; exposures tell what came of each.

-- define: recommendation_stored_query
create function recommendation_stored_query()
returns table (id text, state text, type text, party_id text, created_at timestamptz, valid_to timestamptz, body jsonb,
               items jsonb, reason text)
language sql stable as $$
    select id, state, type, party_id, created_at, valid_to, body, items, reason from recommendation_query
$$

-- define: recommendation_accepted
create function recommendation_accepted()
returns table (query_id text, rank smallint, party_id text, offering_id text, product_id text, at timestamptz, body jsonb)
language sql stable as $$
    select query_id, rank, party_id, offering_id, product_id, accepted_at, body
    from recommendation_exposure where accepted_at is not null
$$

-- define: recommendation_shown
create function recommendation_shown()
returns table (query_id text, rank int, party_id text, offering_id text, device_id text, segment text, variant text,
               source text, score int, explored bool, at timestamptz, taken_at timestamptz, product_id text,
               accepted_at timestamptz)
language sql stable as $$
    select query_id, rank::int, party_id, offering_id, device_id, segment, variant, source, score, explored, at, taken_at,
           product_id, accepted_at
    from recommendation_exposure
$$

-- define: recommendation_take_up
-- What came of what was shown since then, by source and place.
create function recommendation_take_up(since timestamptz)
returns table (source text, rank int, shown bigint, taken bigint, accepted bigint)
language sql stable as $$
    select split_part(source, ':', 1), rank::int, count(*), count(taken_at), count(accepted_at)
    from recommendation_exposure where at > since
    group by 1, 2 order by 1, 2
$$

-- define: recommendation_consent_of
create function recommendation_consent_of() returns table (party_id text, opted_out bool, at timestamptz)
language sql stable as 'select party_id, opted_out, at from recommendation_consent'

-- define: recommendation_model_of
create function recommendation_model_of()
returns table (version int, trained_at timestamptz, status text, reason text, metrics jsonb)
language sql stable as 'select version, trained_at, status, reason, metrics from recommendation_model'

-- name: standing
-- Which policy and which model hold: their versions. From here to the end of the transaction a statement is planned once,
-- whatever its values, and by index: all that follows is of few rows by key, planning it anew costs several times what it
-- does, and a plan made while a table was empty must do when it is not.
select set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true),
       (select max(version) from recommendation_policy) as policy,
       (select version from recommendation_model where status = 'active') as model

-- name: policy
select text from recommendation_policy where version = $1

-- name: keep_policy
insert into recommendation_policy (version, text, published_at)
select coalesce(max(version), 0) + 1, $1, $2 from recommendation_policy
returning version

-- name: model
select version, items, weights, popularity, tally from recommendation_model where version = $1

-- name: parties
-- Whom the names stand for, what they have said, and how often what was shown to them lately without being taken; of
-- names of nobody only those that have said something.
select n.name, k.party_id, k.birth_date, coalesce(c.opted_out, false) as opted_out,
       (select jsonb_object_agg(s.offering_id, s.times)
        from (select e.offering_id, count(*) as times from recommendation_exposure e
              where e.party_id = k.party_id and e.at > $3 and e.taken_at is null group by e.offering_id) s) as shown
from unnest($1::text[]) as n (name)
left join inventory_known_party($1, $2) k on k.name = n.name
left join recommendation_consent c on c.party_id = coalesce(k.party_id, n.name)
where k.party_id is not null or c.opted_out

-- name: owned
select o.*, o.kind = 'subscription' and bill_dunned(o.account_id) as dunned
from inventory_owned($1, $2) o order by party_id, kind desc, product_id

-- name: buckets
select b.id, b.kind, b.account_id, b.device_id, b.product_id, b.name, b.unit, b.display_unit, b.display_atoms, b.credited,
       b.used, b.available, b.valid_from, b.valid_to, b.allowance_id,
       b.status = 'active' and b.valid_from <= $2 as alive
from ledger_bucket($2) b
where b.account_id = any ($1) and (b.valid_to is null or b.valid_to > $3)
order by b.id

-- name: uses
select * from usage_recent($1, $2, $3, $4) order by device_id, specification_id, zone, unit, bucket_id, days_ago, in_window

-- name: keep_queries
-- Queries, and of those that were answered what was shown.
with asked as (
    insert into recommendation_query (id, state, type, party_id, created_at, valid_to, model_version, policy_version, body,
                                      items, reason)
    select id, state, type, party_id, $1, valid_to, model_version, policy_version, body::jsonb, items::jsonb, reason
    from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::int[], $8::int[], $9::text[],
                $10::text[], $11::text[])
        as q (id, state, type, party_id, valid_to, model_version, policy_version, body, items, reason)
)
insert into recommendation_exposure (query_id, rank, party_id, offering_id, device_id, segment, variant, source, score,
                                     explored, at)
select query_id, rank, party_id, offering_id, device_id, segment, variant, source, score, explored, $1
from unnest($12::text[], $13::smallint[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::text[],
            $20::int[], $21::bool[])
    as e (query_id, rank, party_id, offering_id, device_id, segment, variant, source, score, explored)

-- name: claim_waiting
-- Queries that wait, or that another worker began and did not end; they are this one's until the lease runs out.
update recommendation_query set state = 'inProgress', lease_until = $2
where id in (select id from recommendation_query
             where state = 'accepted' or (state = 'inProgress' and lease_until <= $1)
             order by id limit $3 for update skip locked)
returning id

-- name: claimed
select id, type, body from recommendation_query where id = any ($1) and state = 'inProgress' order by id for update

-- name: keep_answers
update recommendation_query
set state = a.state, party_id = a.party_id, valid_to = a.valid_to, model_version = a.model_version,
    policy_version = a.policy_version, items = a.items::jsonb, reason = a.reason, lease_until = null
from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::int[], $6::int[], $7::text[], $8::text[])
    as a (id, state, party_id, valid_to, model_version, policy_version, items, reason)
where recommendation_query.id = a.id

-- name: keep_exposures
insert into recommendation_exposure (query_id, rank, party_id, offering_id, device_id, segment, variant, source, score,
                                     explored, at)
select query_id, rank, party_id, offering_id, device_id, segment, variant, source, score, explored, $1
from unnest($2::text[], $3::smallint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::int[], $11::bool[])
    as e (query_id, rank, party_id, offering_id, device_id, segment, variant, source, score, explored)

-- name: lock_exposures
select e.query_id, e.rank, e.accepted_at, e.product_id, q.valid_to, q.items -> (e.rank - 1) as item
from unnest($1::text[], $2::int[]) as w (query_id, rank)
join recommendation_exposure e on e.query_id = w.query_id and e.rank = w.rank
join recommendation_query q on q.id = e.query_id
order by e.query_id, e.rank
for no key update of e

-- name: owned_by
-- What the owner of a subscription has now or has coming, on this line or another; of a product the latest plan last.
select o.account_id, o.account_kind, o.device_id, o.product_id, o.offering_id
from inventory_product($2) p
join inventory_account() a on a.id = p.account_id
cross join lateral inventory_held(array[a.party_id], $2) o
where p.id = $1
order by o.plan_from, o.product_id

-- name: main_bucket
select id from ledger_bucket($2) where account_id = $1 and kind = 'main'

-- name: keep_acceptances
update recommendation_exposure e
set accepted_at = $1, taken_at = coalesce(e.taken_at, $1), product_id = a.product_id, body = a.body::jsonb
from unnest($2::text[], $3::int[], $4::text[], $5::text[]) as a (query_id, rank, product_id, body)
where e.query_id = a.query_id and e.rank = a.rank

-- name: attribute
-- What a party bought within days after it was shown counts as taken, for the last time that it was shown before.
with bought as (
    select distinct on (b.product_id, b.plan_from) e.query_id, e.rank, b.product_id, b.plan_from
    from inventory_bought($1) b
    join recommendation_exposure e on e.party_id = b.party_id and e.offering_id = b.offering_id
         and e.at <= b.plan_from and b.plan_from < e.at + $2::interval
    where b.plan_from > $1
      and not exists (select from recommendation_exposure o where o.party_id = b.party_id and o.product_id = b.product_id
                        and o.offering_id = b.offering_id)
    order by b.product_id, b.plan_from, e.at desc, e.query_id, e.rank
), locked as (
    select e.query_id, e.rank, b.product_id, b.plan_from
    from bought b join recommendation_exposure e using (query_id, rank)
    where e.taken_at is null
    order by e.query_id, e.rank
    for no key update of e
)
update recommendation_exposure e set taken_at = l.plan_from, product_id = l.product_id
from locked l where e.query_id = l.query_id and e.rank = l.rank
returning e.query_id

-- name: baskets
select account_kind, array_agg(distinct offering_id order by offering_id) as offerings
from inventory_bought($1) group by party_id, account_kind order by party_id

-- name: owners
select account_kind, offering_id, count(distinct party_id) as owners
from inventory_bought($1) group by account_kind, offering_id

-- name: tally
select segment, offering_id, count(*) as times, count(taken_at) as takes
from recommendation_exposure where at > $1 group by segment, offering_id

-- name: last_model
-- The newest model that was trained, and the metrics of the one that is active.
select (select max(version) from recommendation_model) as version,
       (select max(trained_at) from recommendation_model) as trained_at,
       (select metrics from recommendation_model where status = 'active') as metrics

-- name: training_turn
select pg_advisory_xact_lock(hashtext(current_schema || '.recommendation_model'))

-- name: retire_models
update recommendation_model set status = 'retired' where status = 'active'

-- name: keep_model
insert into recommendation_model (version, trained_at, status, reason, ridge, digest, items, weights, popularity, tally,
                                  metrics)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10::jsonb, $11::jsonb)

-- name: keep_consent
insert into recommendation_consent (party_id, opted_out, at)
select party_id, opted_out, $1 from unnest($2::text[], $3::bool[]) as c (party_id, opted_out) order by party_id
on conflict (party_id) do update set opted_out = excluded.opted_out, at = excluded.at

-- name: take_up
select * from recommendation_take_up($1)

-- name: variants
-- How many parties each variant of an experiment was shown something, and how many of them took something.
select split_part(variant, '/', 1) as experiment, split_part(variant, '/', 2) as variant, count(distinct party_id) as parties, count(distinct party_id) filter (where taken_at is not null) as takers
from recommendation_exposure where at > $1 and variant <> ''
group by 1, 2 order by 1, 2
