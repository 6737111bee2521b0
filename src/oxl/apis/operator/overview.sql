-- What an operator sees at a glance: figures over time, and how the loop stands.

-- name: facts
-- What the resources of events count as. $1 usages, $2 top-ups, $3 bills.
select 'usage' as series, u.at, u.label, u.unit, 1 as number, u.amount from usage_counted($1) u
union all
select 'topup', coalesce(a.confirmed_at, a.requested_at), 'topup', a.unit, 1, a.amount
from ledger_action() a where a.id = any ($2) and a.status = 'completed' and a.usage_type = 'monetary'
union all
select 'bill', b.bill_date, b.category, b.currency, 1, b.owed from bill_of() b where b.id = any ($3) and b.category <> 'trial'

-- define: operator_series
-- Everything that was counted since an instant, in steps of a kind; each step of each series, also where nothing was.
create function operator_series(since timestamptz, until timestamptz, kind text) returns jsonb
language sql stable as $$
    with counted as (
        select t.series, t.label, t.unit, date_trunc(kind, t.hour, 'UTC') as step, sum(t.number) as number,
               sum(t.amount)::bigint as amount
        from outbox_tally(array['usage', 'topup', 'bill', 'event'], since) t where t.hour < until
        group by 1, 2, 3, 4
    ), steps as (
        select g.step at time zone 'UTC' as step
        from generate_series(since at time zone 'UTC', (until - interval '1 hour') at time zone 'UTC',
                             ('1 ' || kind)::interval) as g (step)
    ), lines as (
        select s.series, s.label, s.unit, jsonb_agg(coalesce(c.number, 0) order by g.step) as number,
               jsonb_agg(in_units(coalesce(c.amount, 0), 1000000) order by g.step) as amount
        from (select distinct series, label, unit from counted) s
        cross join steps g
        left join counted c on (c.series, c.label, c.unit, c.step) = (s.series, s.label, s.unit, g.step)
        group by 1, 2, 3
    )
    select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
               'name', series, 'label', label, 'unit', nullif(unit, ''), 'number', number,
               'amount', case when unit <> '' then amount end)) order by series, label, unit), '[]')
    from lines
$$

-- define: operator_overview
create function operator_overview(now_ timestamptz) returns table (id text, doc jsonb)
language sql stable as $$
    select w.id,
           jsonb_build_object(
               '@type', 'Overview', 'id', w.id, 'step', w.kind, 'startDateTime', instant_text(w.since),
               'endDateTime', instant_text(w.until), 'series', operator_series(w.since, w.until, w.kind))
    from (
        select v.id, v.kind, date_trunc(v.kind, now_, 'UTC') + v.step as until, date_trunc(v.kind, now_, 'UTC') - v.back as since
        from (values ('day', 'hour', interval '1 hour', interval '23 hours'),
                     ('month', 'day', interval '1 day', interval '29 days')) as v (id, kind, step, back)
    ) w
$$

-- define: operator_loop
-- Each step of the loop: when it last did something, what waits to be done by itself, and what waits for a person.
create function operator_loop(now_ timestamptz) returns table (id text, doc jsonb)
language sql stable as $$
    select s.id,
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'LoopStep', 'id', s.id, 'lastDate', instant_text(s.at), 'waiting', s.waiting,
               'attention', least(s.attention, 10000), 'isBounded', case when s.attention > 10000 then true end))
    from (
        select 'usage' as id, (select u.created_at from usage_record() u order by u.id desc limit 1) as at,
               0::bigint as waiting, usage_suspended(10001) as attention
        union all
        select 'export', max(j.completed_at), count(*) filter (where j.completed_at is null),
               count(*) filter (where j.status = 'Failed' and j.completed_at > now_ - interval '7 days')
        from usage_export_job() j
        union all
        select 'balance', (select a.requested_at from ledger_action() a order by a.id desc limit 1), 0, 0
        union all
        select 'bill', (select r.started_at from bill_run_of() r order by r.id desc limit 1),
               (select coalesce(sum(r.pending), 0) from bill_run_of() r where r.state = 'running')::bigint,
               (select count(*) from bill_of() b where b.state = 'onHold')
        union all
        select 'event', (select d.at from outbox_delivery() d order by d.id desc limit 1),
               (select coalesce(sum(w.waiting), 0)::bigint from outbox_subscription() w where w.ended_at is null),
               (select coalesce(sum(w.dead), 0)::bigint from outbox_subscription() w where w.ended_at is null)
        union all
        select 'recommendation', (select max(m.trained_at) from recommendation_model_of() m where m.status = 'active'),
               (select count(*) from recommendation_stored_query() r where r.state in ('accepted', 'inProgress')), 0
        union all
        select 'worker', outbox_counted_at(), 0, 0
    ) s
$$
