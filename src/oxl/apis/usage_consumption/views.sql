-- TMF677 v5 from outside: a snapshot of the engine becomes a report, in the operator's words.

-- define: usage_consumption_period
-- From the start to the end, or to the instant of the report where that comes first; never backwards.
create function usage_consumption_period(start timestamptz, until timestamptz, at timestamptz) returns jsonb
language sql stable as $$
    select jsonb_build_object('startDateTime', instant_text(least(start, until, at)),
                              'endDateTime', instant_text(least(until, at)))
$$

-- define: usage_consumption_user
-- Who has a line: the role that somebody plays in its product, by its number.
create function usage_consumption_user(line jsonb, s jsonb) returns jsonb
language sql immutable as $$
    select jsonb_build_object('@type', 'RelatedPartyRefOrPartyRoleRef', 'role', 'user', 'partyOrPartyRole', jsonb_build_object(
        '@type', 'PartyRoleRef', '@referredType', 'Subscriber', 'id', line ->> 'product', 'name', line ->> 'number',
        'partyId', s ->> 'party', 'partyName', s ->> 'party_name'))
$$

-- define: usage_consumption_counter
-- One figure of a bucket.
create function usage_consumption_counter(
    bucket_id text, kind text, level text, atoms bigint, per bigint, unit text, period jsonb, w jsonb
) returns jsonb
language sql stable as $$
    select jsonb_build_object(
        '@type', 'BucketCounter', 'id', bucket_id || '-' || kind || '-' || replace(level, ' ', '-'), 'counterType', kind,
        'level', level, 'value', quantity(atoms, per, unit), 'valueName', consumption_amount(atoms, per, unit, w),
        'consumptionPeriod', period)
$$

-- define: usage_consumption_counters
-- The figures of a bucket; of one that several lines share also what each of them has used, and may still use where it
-- has a limit of its own. In PL/pgSQL, since a report has dozens of them.
create function usage_consumption_counters(b jsonb, s jsonb, w jsonb) returns jsonb
language plpgsql stable as $$
declare
    id constant text := b ->> 'id';
    per constant bigint := b ->> 'per';
    unit constant text := b ->> 'unit';
    available constant bigint := b ->> 'available';
    period constant jsonb := usage_consumption_period(
        (b ->> 'from')::timestamptz, (b ->> 'to')::timestamptz, (s ->> 'at')::timestamptz);
    found jsonb := jsonb_build_array(
        usage_consumption_counter(id, 'used', 'global', (b ->> 'used')::bigint, per, unit, period, w),
        usage_consumption_counter(id, 'remaining', 'global', available, per, unit, period, w),
        usage_consumption_counter(id, 'reserved', 'global', (b ->> 'reserved')::bigint, per, unit, period, w));
    line jsonb;
    used bigint;
    cap bigint;
    of_user jsonb;
begin
    if b ->> 'mark' is not null then
        found := jsonb_set(found, '{0,characteristic}', jsonb_build_array(jsonb_build_object(
            '@type', 'IntegerCharacteristic', 'name', 'thresholdReached', 'value', b -> 'mark')));
    end if;
    if b ->> 'device' is not null or not ((b ->> 'shared')::bool or s ->> 'device' is null) then
        return found;
    end if;
    for line in select * from jsonb_array_elements(s -> 'devices') loop
        used := coalesce((b -> 'uses' ->> (line ->> 'id'))::bigint, 0);
        cap := b -> 'caps' ->> (line ->> 'id');
        of_user := jsonb_build_object('user', usage_consumption_user(line, s));
        found := found || jsonb_build_array(
            usage_consumption_counter(id || '-' || (line ->> 'id'), 'used', 'detailed by user', used, per, unit, period, w)
                || of_user,
            usage_consumption_counter(id || '-' || (line ->> 'id'), 'used', 'detailed by product', used, per, unit, period, w)
                || jsonb_build_object('characteristic', jsonb_build_array(jsonb_build_object(
                    '@type', 'StringCharacteristic', 'name', 'product', 'value', line ->> 'product'))));
        if cap is not null then
            found := found || (of_user || usage_consumption_counter(
                id || '-' || (line ->> 'id'), 'remaining', 'detailed by user', greatest(least(cap - used, available), 0),
                per, unit, period, w));
        end if;
    end loop;
    return found;
end $$

-- define: usage_consumption_bucket
create function usage_consumption_bucket(b jsonb, s jsonb, w jsonb) returns jsonb
language plpgsql stable as $$
declare
    per constant bigint := b ->> 'per';
    unit constant text := b ->> 'unit';
    available constant bigint := b ->> 'available';
    told jsonb := jsonb_build_object(
        '@type', 'Bucket',
        'id', b -> 'id',
        'name', b -> 'name',
        'usageType', b -> 'label',
        'isShared', b -> 'shared',
        'status', b -> 'status',
        'creationDate', instant_text((b ->> 'created')::timestamptz),
        'remainingValue', quantity(available, per, unit),
        'remainingValueName', consumption_left(available, per, unit, w),
        'reservedValue', quantity((b ->> 'reserved')::bigint, per, unit),
        'validFor', jsonb_build_object('startDateTime', instant_text((b ->> 'from')::timestamptz),
                                       'endDateTime', instant_text((b ->> 'to')::timestamptz)),
        'partyAccount', jsonb_build_object('@type', 'PartyAccountRef', '@referredType', 'PartyAccount', 'id', s ->> 'account'),
        'bucketCounter', usage_consumption_counters(b, s, w));
begin
    if b ->> 'device' is not null then
        told := told || jsonb_build_object('logicalResource', jsonb_build_array(jsonb_build_object(
            '@type', 'LogicalResourceRef', '@referredType', 'LogicalResource', 'id', b -> 'device')));
    end if;
    if b ->> 'allowance' is not null then
        told := told || jsonb_build_object('bucketSpecification', jsonb_build_object(
            '@type', 'BucketSpecificationRef', '@referredType', 'BucketSpecification', 'id', b -> 'allowance'));
    end if;
    if b ->> 'product' is not null then
        told := told || jsonb_build_object('product', jsonb_build_array(jsonb_build_object(
            '@type', 'ProductRef', '@referredType', 'Product', 'id', b -> 'product')));
    end if;
    if b ->> 'held' is not null then
        told := told || jsonb_build_object('reserveBalance', (
            select jsonb_agg(jsonb_build_object(
                '@type', 'ReserveBalanceRef', '@referredType', 'ReserveBalance', 'id', r) order by r)
            from jsonb_array_elements_text(b -> 'held') r));
    end if;
    if b ->> 'kin' is not null and jsonb_array_length(b -> 'kin') > 1 then
        told := told || jsonb_build_object('bucketRelationship', (
            select jsonb_agg(jsonb_build_object(
                '@type', 'BucketRelationship', 'id', k, '@referredType', 'Bucket', 'relationshipType', 'aggregated',
                'bucket', jsonb_build_object('@type', 'BucketRef', '@referredType', 'Bucket', 'id', k)) order by k)
            from jsonb_array_elements_text(b -> 'kin') k where k <> b ->> 'id'));
    end if;
    return told;
end $$

-- define: usage_consumption_summary
-- What a line uses beyond buckets: money and units that no bucket of units paid for, its limit, and what has no limit.
create function usage_consumption_summary(line jsonb, s jsonb, w jsonb) returns jsonb
language sql stable as $$
    select jsonb_agg(jsonb_build_object(
        '@type', 'ConsumptionSummary',
        'id', concat_ws('-', line ->> 'product', replace(c.kind, ' ', '-'), replace(c.level, ' ', '-'), c.unit),
        'counterType', c.kind,
        'level', c.level,
        'value', case when c.atoms is not null then quantity(c.atoms, c.per, c.unit) end,
        'valueName', case when c.atoms is null then w ->> 'unlimited'
                          else consumption_amount(c.atoms, c.per, c.unit, w) end,
        'consumptionPeriod', usage_consumption_period(c.since, null, (s ->> 'at')::timestamptz)) order by c.n, c.kind, c.unit)
    from (
        select 1 as n, 'outOfBucket' as kind, 'global' as level, (line ->> 'spent')::bigint as atoms, 1000000::bigint as per,
               s ->> 'currency' as unit, (line ->> 'since')::timestamptz as since
        where line ->> 'spent' is not null
        union all
        select 2, 'outOfBucket', 'global', (o ->> 'quantity')::bigint, u.per, u.shown, (line ->> 'since')::timestamptz
        from jsonb_array_elements(case when jsonb_typeof(line -> 'over') = 'array' then line -> 'over' end) o
        cross join lateral (
            select case o ->> 'unit' when 'byte' then 1000000000 when 'second' then 60 else 1 end::bigint as per,
                   case o ->> 'unit' when 'byte' then 'GB' when 'second' then 'min' when 'message' then 'sms'
                        else o ->> 'unit' end as shown) u
        union all
        select v.n, v.kind, v.level, v.atoms, 1000000, s ->> 'currency', (line ->> 'since')::timestamptz
        from (values (3, 'limit', 'spend limit', (line ->> 'limit')::bigint),
                     (4, 'used', 'spend limit', (line ->> 'limited')::bigint),
                     (5, 'remaining', 'spend limit',
                      greatest((line ->> 'limit')::bigint - (line ->> 'limited')::bigint, 0))) as v (n, kind, level, atoms)
        where line ->> 'limit' is not null
        union all
        select 6, consumption_label(coalesce(f #>> '{service,0}', 'other'), f), 'global', null, null, f ->> 'id', null
        from jsonb_array_elements(case when jsonb_typeof(line -> 'free') = 'array' then line -> 'free' end) f
    ) c
$$

-- define: usage_consumption_report_of
-- A snapshot as a report of that id; what a client sent with it stays where the snapshot says nothing.
create function usage_consumption_report_of(report_id text, s jsonb, w jsonb) returns jsonb
language sql stable as $$
    select jsonb_strip_nulls(jsonb_build_object(
        '@type', 'UsageConsumptionReport',
        'id', report_id,
        'name', replace(w ->> 'title', '{0}', coalesce(s ->> 'number', s ->> 'account')),
        'creationDate', instant_text((s ->> 'at')::timestamptz),
        'lastUpdate', instant_text((s ->> 'at')::timestamptz),
        'partyAccount', jsonb_build_array(jsonb_build_object(
            '@type', 'PartyAccountRef', '@referredType', 'PartyAccount', 'id', s ->> 'account')),
        'relatedParty', jsonb_build_array(jsonb_build_object(
            '@type', 'RelatedPartyRefOrPartyRoleRef', 'role', 'customer', 'partyOrPartyRole', jsonb_build_object(
                '@type', 'PartyRef', '@referredType', 'Individual', 'id', s ->> 'party', 'name', s ->> 'party_name'))),
        'product', (
            select jsonb_agg(jsonb_build_object(
                '@type', 'UsageConsumptionProductRef', '@referredType', 'Product', 'id', l ->> 'product',
                'name', l ->> 'offering', 'consumptionSummary', usage_consumption_summary(l, s, w)) order by n)
            from jsonb_array_elements(s -> 'devices') with ordinality as e (l, n)),
        'logicalResource', (
            select jsonb_agg(jsonb_build_object(
                '@type', 'LogicalResourceRef', '@referredType', 'LogicalResource', 'id', l ->> 'id',
                'value', l ->> 'number') order by n)
            from jsonb_array_elements(s -> 'devices') with ordinality as e (l, n)),
        'bucket', coalesce((
            select jsonb_agg(usage_consumption_bucket(b, s, w) order by n)
            from jsonb_array_elements(s -> 'buckets') with ordinality as e (b, n)), '[]')))
$$

-- define: usage_consumption_kept
-- A kept report: as it was computed, or where nobody who is known was meant, as it was sent.
create function usage_consumption_kept(id text, created_at timestamptz, snapshot jsonb, body jsonb, w jsonb) returns jsonb
language sql stable as $$
    select jsonb_build_object('@type', 'UsageConsumptionReport') || body
        || case when snapshot is null then jsonb_build_object(
            'id', id, 'creationDate', instant_text(created_at), 'lastUpdate', instant_text(created_at))
           else usage_consumption_report_of(id, snapshot, w) || jsonb_strip_nulls(jsonb_build_object('name', body -> 'name')) end
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
               'usageConsumption', case when c.state not in ('acknowledged', 'inProgress') then coalesce((
                   select jsonb_agg(usage_consumption_kept(r.id, r.created_at, r.snapshot, r.body, w.w) order by r.place)
                   from consumption_kept_report() r cross join consumption_words() w
                   where r.query_id = c.id), '[]') end,
               'errorMessage', case when c.reason is not null then jsonb_build_array(jsonb_build_object(
                   '@type', 'ErrorMessage', 'code', c.reason, 'reason', case c.reason
                       when 'noSubject' then 'the search criteria name no device, product, bucket, account or party'
                       when 'unknownSubject' then 'nobody who is known meets all search criteria'
                       when 'tooManyDevices' then 'more devices are meant than one query answers for'
                       else 'the answer could not be computed' end)) end)),
           c.body, c.state, c.created_at,
           (select min(r.snapshot ->> 'party') from consumption_kept_report() r where r.query_id = c.id
            having count(distinct r.snapshot ->> 'party') = 1)  -- of several parties it is nobody's
    from consumption_kept_query() c
$$

-- define: usage_consumption_report
-- The reports that are kept: those that were asked for, and those that queries were answered with.
create function usage_consumption_report(now_ timestamptz)
returns table (id text, doc jsonb, created_at timestamptz, account_id text)
language sql stable as $$
    select r.id, usage_consumption_kept(r.id, r.created_at, r.snapshot, r.body, w.w), r.created_at, r.account_id
    from consumption_kept_report() r cross join consumption_words() w
$$

-- define: usage_consumption_report_one
-- live-<device's id or number, or account's id>: computed now; else a report that is kept, or the first one of a query.
create function usage_consumption_report_one(now_ timestamptz, ids text[])
returns table (id text, doc jsonb, account_id text)
language sql stable as $$
    select x.id, usage_consumption_report_of(x.id, c.snapshot, w.w), c.snapshot ->> 'account'
    from unnest(ids) as x (id)
    cross join consumption_words() w
    cross join lateral (
        select d.id from inventory_device(now_) d where d.id = substr(x.id, 6)
            and d.valid_from <= now_ and (d.valid_to is null or now_ < d.valid_to)
        union
        select d.id from inventory_device(now_) d where d.value = ltrim(substr(x.id, 6), '+')
            and d.valid_from <= now_ and (d.valid_to is null or now_ < d.valid_to)
    ) d
    cross join lateral consumption_snapshot(now_, array[d.id], now_, now_) c
    where x.id like 'live-%'
    union all
    select x.id, usage_consumption_report_of(x.id, c.snapshot, w.w), c.snapshot ->> 'account'
    from unnest(ids) as x (id)
    cross join consumption_words() w
    cross join lateral consumption_household(now_, array[substr(x.id, 6)], now_, now_) c
    where x.id like 'live-%'
    union all
    select x.id, usage_consumption_kept(x.id, r.created_at, r.snapshot, r.body, w.w), r.account_id
    from unnest(ids) as x (id)
    cross join consumption_words() w
    cross join lateral (
        select k.created_at, k.snapshot, k.body, k.account_id from consumption_kept_report() k where k.id = x.id
        union all
        select k.created_at, k.snapshot, k.body, k.account_id from consumption_kept_report() k where k.query_id = x.id and k.place = 1
    ) r
$$

-- define: usage_consumption_limit
create function usage_consumption_limit(now_ timestamptz)
returns table (id text, doc jsonb, created_at timestamptz, device_id text, account_id text)
language sql stable as $$
    select l.id,
           l.body || jsonb_strip_nulls(jsonb_build_object(
               '@type', 'UsageLimit',
               'id', l.id,
               'creationDate', instant_text(l.created_at),
               'logicalResource', jsonb_build_object(
                   '@type', 'LogicalResourceRef', '@referredType', 'LogicalResource', 'id', l.device_id, 'value', l.number),
               'partyAccount', jsonb_build_object(
                   '@type', 'PartyAccountRef', '@referredType', 'PartyAccount', 'id', l.account_id),
               'limitValue', quantity(l.amount, l.display_atoms, l.display_unit),
               'usedValue', quantity(l.used, l.display_atoms, l.display_unit),
               'remainingValue', quantity(greatest(l.amount - l.used, 0), l.display_atoms, l.display_unit),
               'threshold', to_jsonb(l.thresholds),
               'thresholdReached', l.reached,
               'consumptionPeriod', usage_consumption_period(l.since, null, now_))),
           l.created_at, l.device_id, l.account_id
    from consumption_spend(now_) l
$$
