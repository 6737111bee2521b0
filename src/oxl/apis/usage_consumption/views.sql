-- TMF677 v5 from outside: a snapshot of the engine becomes a report, live or kept with the query that asked for it.

-- define: usage_consumption_counter
create function usage_consumption_counter(level text, atoms text, b jsonb, s jsonb) returns jsonb
language sql stable as $$
    select jsonb_build_object(
        '@type', 'BucketCounter',
        'id', (b ->> 'id') || '-used-' || replace(level, ' ', '-'),
        'counterType', 'used',
        'level', level,
        'value', quantity(atoms::bigint, (b ->> 'per')::bigint, b ->> 'unit'),
        'valueName', quantity_name(atoms::bigint, (b ->> 'per')::bigint, b ->> 'unit'),
        'consumptionPeriod', jsonb_build_object('startDateTime', instant_text((b ->> 'from')::timestamptz),
                                                'endDateTime', instant_text((s ->> 'at')::timestamptz)))
$$

-- define: usage_consumption_bucket
create function usage_consumption_bucket(b jsonb, s jsonb) returns jsonb
language sql stable as $$
    select jsonb_build_object(
        '@type', 'Bucket',
        'id', b -> 'id',
        'name', b -> 'name',
        'usageType', b -> 'label',
        'isShared', b -> 'shared',
        'status', b -> 'status',
        'remainingValue', quantity((b ->> 'available')::bigint, (b ->> 'per')::bigint, b ->> 'unit'),
        'reservedValue', quantity((b ->> 'reserved')::bigint, (b ->> 'per')::bigint, b ->> 'unit'),
        'remainingValueName', quantity_name((b ->> 'available')::bigint, (b ->> 'per')::bigint, b ->> 'unit') || ' left',
        'validFor', jsonb_build_object('startDateTime', instant_text((b ->> 'from')::timestamptz),
                                       'endDateTime', instant_text((b ->> 'to')::timestamptz)),
        'bucketSpecification', case when b ->> 'allowance' is not null then jsonb_build_object(
            '@type', 'BucketSpecificationRef', '@referredType', 'BucketSpecification', 'id', b -> 'allowance') end,
        'product', case when b ->> 'product' is not null then jsonb_build_array(jsonb_build_object(
            '@type', 'ProductRef', '@referredType', 'Product', 'id', b -> 'product')) end,
        'bucketCounter', jsonb_build_array(usage_consumption_counter('global', b ->> 'used', b, s)) || case
            when (b ->> 'shared')::bool
            then jsonb_build_array(usage_consumption_counter('detailed by user', b ->> 'used_here', b, s))
            else '[]' end)
$$

-- define: usage_consumption_report_of
create function usage_consumption_report_of(report_id text, s jsonb) returns jsonb
language sql stable as $$
    select jsonb_strip_nulls(jsonb_build_object(
        '@type', 'UsageConsumptionReport',
        'id', report_id,
        'name', 'Usage consumption of ' || (s ->> 'number'),
        'creationDate', instant_text((s ->> 'at')::timestamptz),
        'lastUpdate', instant_text((s ->> 'at')::timestamptz),
        'partyAccount', jsonb_build_array(jsonb_build_object(
            '@type', 'PartyAccountRef', '@referredType', 'PartyAccount', 'id', s ->> 'account')),
        'relatedParty', jsonb_build_array(jsonb_build_object(
            '@type', 'RelatedPartyRefOrPartyRoleRef', 'role', 'customer', 'partyOrPartyRole', jsonb_build_object(
                '@type', 'PartyRef', '@referredType', 'Individual', 'id', s ->> 'party', 'name', s ->> 'party_name'))),
        'product', jsonb_build_array(jsonb_build_object(
            '@type', 'UsageConsumptionProductRef', '@referredType', 'Product', 'id', s ->> 'product',
            'name', s ->> 'offering')),
        'logicalResource', jsonb_build_array(jsonb_build_object(
            '@type', 'LogicalResourceRef', '@referredType', 'LogicalResource', 'id', s ->> 'device',
            'value', s ->> 'number')),
        'bucket', coalesce((
            select jsonb_agg(usage_consumption_bucket(b, s) order by n)
            from jsonb_array_elements(s -> 'buckets') with ordinality as e (b, n)), '[]')))
$$

-- define: usage_consumption_party
-- The one party that all of a query's snapshots are of; none where there are several, or no snapshots.
create function usage_consumption_party(snapshots jsonb) returns text
language sql immutable as $$
    select case when count(distinct s ->> 'party') = 1 then min(s ->> 'party') end
    from jsonb_array_elements(snapshots) s
$$

-- define: usage_consumption_query
create function usage_consumption_query(now_ timestamptz)
returns table (id text, doc jsonb, body jsonb, state text, created_at timestamptz, party_id text)
language sql stable as $$
    select c.id,
           c.body || jsonb_strip_nulls(jsonb_build_object(
               'id', c.id,
               'state', c.state,
               'creationDate', instant_text(c.created_at),
               'usageConsumption', coalesce((
                   select jsonb_agg(usage_consumption_report_of(c.id || '.' || n, s) order by n)
                   from jsonb_array_elements(c.snapshots) with ordinality as e (s, n)), '[]'),
               'errorMessage', case when c.reason is not null then jsonb_build_array(jsonb_build_object(
                   '@type', 'ErrorMessage', 'code', c.reason, 'reason', 'nobody is meant by the search criteria')) end)),
           c.body, c.state, c.created_at, usage_consumption_party(c.snapshots)
    from consumption_stored_query() c
$$

-- define: usage_consumption_report
-- The reports that are kept: those that queries were answered with.
create function usage_consumption_report(now_ timestamptz)
returns table (id text, doc jsonb, created_at timestamptz, party_id text)
language sql stable as $$
    select c.id || '.' || e.n, usage_consumption_report_of(c.id || '.' || e.n, e.s), c.created_at, e.s ->> 'party'
    from consumption_stored_query() c cross join lateral jsonb_array_elements(c.snapshots) with ordinality as e (s, n)
$$

-- define: usage_consumption_report_one
-- live-<device id or number>: computed now; <query>.<n>: as it was kept; <query>: the first report of that query.
create function usage_consumption_report_one(now_ timestamptz, ids text[])
returns table (id text, doc jsonb, party_id text)
language sql stable as $$
    select w.id, usage_consumption_report_of(w.id, c.snapshot), c.snapshot ->> 'party'
    from unnest(ids) as w (id)
    join lateral (
        select d.id from inventory_device(now_) d
        where (d.id = substr(w.id, 6) or d.value = substr(w.id, 6)) and d.valid_from <= now_
          and (d.valid_to is null or now_ < d.valid_to)
    ) d on true
    cross join lateral consumption_snapshot(now_, array[d.id]) c
    where w.id like 'live-%'
    union all
    select w.id, usage_consumption_report_of(w.id, c.snapshots -> at.place), c.snapshots -> at.place ->> 'party'
    from unnest(ids) as w (id)
    join consumption_stored_query() c on c.id = split_part(w.id, '.', 1)
    cross join lateral (
        select case when w.id = c.id then 0
                    when substr(w.id, length(c.id) + 2) ~ '^[1-9][0-9]{0,5}$'
                        then substr(w.id, length(c.id) + 2)::int - 1 end as place
    ) at
    where w.id not like 'live-%' and c.snapshots -> at.place is not null
$$
