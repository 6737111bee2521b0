-- What operators see of rating: the past of usages, jobs over them, explanations.

-- define: rated_lines
create function rated_lines(lines jsonb) returns jsonb
language sql stable as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'name', l -> 'name', 'kind', l -> 'kind', 'zone', l -> 'zone',
        'quantity', jsonb_build_object('amount', l -> 'quantity', 'units', l -> 'unit'),
        'dutyFreeAmount', jsonb_build_object('unit', l -> 'currency', 'value', in_units((l ->> 'net')::bigint, 1000000)),
        'taxIncludedAmount', jsonb_build_object(
            'unit', l -> 'currency', 'value', in_units((l ->> 'gross')::bigint, 1000000))) order by n), '[]')
    from jsonb_array_elements(lines) with ordinality as e (l, n)
$$

-- define: operator_usage_history
create function operator_usage_history(now_ timestamptz)
returns table (id text, doc jsonb, usage_id text, status text, actor text, at timestamptz)
language sql stable as $$
    select p.usage_id || '.' || p.revision,
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'UsageHistory', 'id', p.usage_id || '.' || p.revision, 'usage', ref(p.usage_id, 'ProductUsage'),
               'sequence', p.revision, 'previousStatus', coalesce(p.previous, 'initialized'), 'status', p.status,
               'via', case when p.status in ('rated', 'notRated') then 'validated' end,
               'reason', p.reason, 'actor', p.actor, 'reference', p.reference, 'date', instant_text(p.at),
               'pricePlan', ref(p.plan_id || '.' || p.plan_version, 'PricePlan'),
               'charge', case when p.charged is not null then jsonb_build_object(
                   'unit', p.prices #>> '{0,currency}', 'value', in_units(p.charged, 1000000)) end,
               'line', nullif(rated_lines(p.prices), '[]'))),
           p.usage_id, p.status, p.actor, p.at
    from usage_past() p
$$

-- define: operator_usage_history_one
-- By id: it begins with the usage's, by which it is found.
create function operator_usage_history_one(now_ timestamptz, ids text[])
returns table (id text, doc jsonb, usage_id text, status text, actor text, at timestamptz)
language sql stable as $$
    select h.* from operator_usage_history(now_) h
    where h.usage_id = any (array(select split_part(i, '.', 1) from unnest(ids) i)) and h.id = any (ids)
$$

-- define: operator_usage_job
create function operator_usage_job(now_ timestamptz)
returns table (id text, doc jsonb, kind text, state text, created_at timestamptz)
language sql stable as $$
    select j.id,
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'UsageJob', 'id', j.id, 'kind', j.kind, 'state', j.state, 'total', j.total, 'outcome', j.counts,
               'planVersion', j.plan_version, 'statusReason', j.filter -> 'reason',
               'usageSpecification', ref(j.filter ->> 'specification_id', 'UsageSpecification'),
               'product', ref(j.filter ->> 'product_id', 'Product'),
               'billingAccount', ref(j.filter ->> 'account_id', 'BillingAccount'),
               'pricePlan', ref(j.filter ->> 'plan_id', 'PricePlan'), 'acceptLate', j.filter -> 'late',
               'period', nullif(jsonb_strip_nulls(period((j.filter ->> 'start')::timestamptz,
                                                         (j.filter ->> 'until')::timestamptz)), '{}'),
               'creationDate', instant_text(j.created_at), 'lastUpdate', instant_text(j.updated_at))),
           j.kind, j.state, j.created_at
    from usage_job_report() j
$$

-- define: operator_rating_explanation
create function operator_rating_explanation(now_ timestamptz)
returns table (id text, doc jsonb, usage_id text, created_at timestamptz)
language sql stable as $$
    select e.id,
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'RatingExplanation', 'id', e.id, 'usage', ref(e.usage_id, 'ProductUsage'),
               'creationDate', instant_text(e.created_at), 'step', e.steps)),
           e.usage_id, e.created_at
    from usage_explained() e
$$

-- define: value_specifications
-- What a characteristic may hold, as the standard says it: a least number, the units, a default.
create function value_specifications(c jsonb) returns jsonb
language sql stable as $$
    select coalesce(jsonb_agg(jsonb_strip_nulls(v)), '[]') from (
        select jsonb_build_object('valueFrom', c -> 'minimum') as v where c ->> 'minimum' is not null
        union all
        select jsonb_build_object('value', unit, 'unitOfMeasure', unit,
                                  'isDefault', case when unit = c ->> 'default' then true end)
        from jsonb_array_elements_text(c -> 'units') as u (unit)
        union all
        select jsonb_build_object('value', c ->> 'default', 'isDefault', true)
        where c ->> 'default' is not null and c -> 'units' = '[]'
    ) s
$$

-- define: operator_usage_specification
create function operator_usage_specification(now_ timestamptz) returns table (id text, doc jsonb, name text)
language sql stable as $$
    select i.id,
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'UsageSpecification', 'id', i.id, 'name', i.doc -> 'name',
               'description', i.doc -> 'description', 'version', i.doc -> 'version', 'service', i.doc -> 'service',
               'code', i.id, 'countryCode', nullif(i.doc ->> 'country_code', ''), 'role', i.doc -> 'roles',
               'specCharacteristic', (
                   select jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                              'name', c -> 'name', 'valueType', c -> 'value_type',
                              'description', nullif(c ->> 'description', ''), 'maxCardinality', 1,
                              'minCardinality', case when (c ->> 'required')::bool then 1 else 0 end,
                              'characteristicValueSpecification', nullif(value_specifications(c), '[]'))) order by n)
                   from jsonb_array_elements(i.doc -> 'characteristics') with ordinality as e (c, n)))),
           i.doc ->> 'name'
    from catalog_item_of('usageSpecification') i
$$

-- define: operator_price_plan
create function operator_price_plan(now_ timestamptz)
returns table (id text, doc jsonb, name text, version int, kind text)
language sql stable as $$
    select i.id || '.' || i.version,
           jsonb_build_object(
               '@type', 'PricePlan', 'id', i.id || '.' || i.version, 'version', i.version, 'name', i.doc -> 'name',
               'description', i.doc -> 'description', 'kind', i.doc -> 'kind', 'currency', i.doc -> 'currency',
               'taxIncluded', i.doc -> 'tax_included',
               'validFor', jsonb_build_object('startDateTime', instant_text(i.valid_from)),
               'allowance', (
                   select coalesce(jsonb_agg(jsonb_build_object(
                       '@type', 'PlanAllowance', 'id', a -> 'id', 'name', a -> 'name', 'isShared', a -> 'shared',
                       'amount', jsonb_build_object('amount', a -> 'amount', 'units', a -> 'unit')) order by n), '[]')
                   from jsonb_array_elements(i.doc -> 'allowances') with ordinality as e (a, n)),
               'productOfferingPrice', (
                   select coalesce(jsonb_agg(jsonb_build_object(
                       '@type', 'PlanPrice', 'id', r -> 'id', 'name', r -> 'name', 'priceType', 'recurring',
                       'price', jsonb_build_object('unit', i.doc -> 'currency',
                                                   'value', in_units((r ->> 'price')::bigint, 1000000))) order by n), '[]')
                   from jsonb_array_elements(i.doc -> 'recurring') with ordinality as e (r, n)) || (
                   select coalesce(jsonb_agg(jsonb_build_object(
                       '@type', 'PlanPrice', 'id', u -> 'id', 'name', u -> 'name', 'priceType', 'usage', 'unitOfMeasure', u -> 'unit')
                       order by n), '[]')
                   from jsonb_array_elements(i.doc -> 'usage') with ordinality as e (u, n))),
           i.doc ->> 'name', i.version, i.doc ->> 'kind'
    from catalog_item_of('pricePlan') i
$$
