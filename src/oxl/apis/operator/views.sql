-- OXL's operator resources from outside.

-- define: ref
create function ref(id text, referred_type text) returns jsonb
language sql immutable as $$
    select case when id is not null then jsonb_build_object(
        '@type', 'EntityRef', 'id', id, '@referredType', referred_type) end
$$

-- define: period
create function period(start timestamptz, until timestamptz) returns jsonb
language sql stable as $$
    select jsonb_build_object('startDateTime', instant_text(start), 'endDateTime', instant_text(until))
$$

-- define: operator_subscriber
create function operator_subscriber(now_ timestamptz)
returns table (id text, doc jsonb, external_id text, status text, name text, number text, device_id text,
               account_id text, offering_id text)
language sql stable as $$
    select p.id,
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'Subscriber', 'id', p.id, 'externalId', p.external_id, 'status', p.status, 'name', d.party_name,
               'billingAccount', jsonb_build_object(
                   '@type', 'BillingAccount', 'id', a.id, 'externalId', a.external_id, 'kind', a.kind,
                   'currency', a.currency, 'billingDay', a.billing_day),
               'party', jsonb_build_object('@type', 'Party', 'id', d.party_id, 'name', d.party_name),
               'logicalResource', jsonb_build_object('@type', 'DeviceNumber', 'id', d.id, 'value', d.value),
               'productOffering', ref(p.offering_id, 'ProductOffering'),
               'addOn', (select jsonb_agg(ref(o.offering_id, 'ProductOffering') order by o.id) from inventory_product(now_) o
                         where o.device_id = p.device_id and o.kind = 'addOn'),
               'validFor', period(p.valid_from, p.valid_to))),
           p.external_id, p.status, d.party_name, d.value, d.id, p.account_id, p.offering_id
    from inventory_product(now_) p
    join inventory_device(now_) d on d.id = p.device_id
    join inventory_account() a on a.id = p.account_id
    where p.kind = 'subscription'
$$

-- define: operator_change
create function operator_change(now_ timestamptz)
returns table (id text, doc jsonb, product_id text, action text, at timestamptz)
language sql stable as $$
    select c.id,
           c.body || jsonb_build_object('id', c.id, 'effectiveDate', instant_text(c.at)),
           c.product_id, c.action, c.at
    from inventory_change() c
$$

-- define: operator_account
create function operator_account(now_ timestamptz)
returns table (id text, doc jsonb, external_id text, kind text, party_id text)
language sql stable as $$
    select a.id,
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'BillingAccount', 'id', a.id, 'externalId', a.external_id, 'name', a.party_name, 'kind', a.kind,
               'currency', a.currency, 'billingDay', a.billing_day,
               'relatedParty', jsonb_build_array(ref(a.party_id, 'Individual')))),
           a.external_id, a.kind, a.party_id
    from inventory_account() a
$$

-- define: operator_party
create function operator_party(now_ timestamptz) returns table (id text, doc jsonb, name text)
language sql stable as $$
    select p.id, (p.body - 'href') || jsonb_build_object('@type', 'Individual', 'id', p.id, 'name', p.name), p.name
    from inventory_party() p
$$

-- define: operator_device
create function operator_device(now_ timestamptz)
returns table (id text, doc jsonb, value text, account_id text, product_id text)
language sql stable as $$
    select d.id,
           jsonb_build_object(
               '@type', 'LogicalResource', 'id', d.id, 'value', d.value, 'status', d.status,
               'product', ref(d.product_id, 'Product'), 'billingAccount', ref(d.account_id, 'BillingAccount')),
           d.value, d.account_id, d.product_id
    from inventory_device(now_) d
$$

-- define: operator_product
create function operator_product(now_ timestamptz)
returns table (id text, doc jsonb, status text, account_id text, device_id text, offering_id text)
language sql stable as $$
    select p.id,
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'Product', 'id', p.id, 'externalId', p.external_id, 'status', p.status,
               'productOffering', ref(p.offering_id, 'ProductOffering'), 'pricePlan', ref(p.plan_id, 'PricePlan'),
               'billingAccount', ref(p.account_id, 'BillingAccount'),
               'logicalResource', ref(p.device_id, 'LogicalResource'), 'validFor', period(p.valid_from, p.valid_to))),
           p.status, p.account_id, p.device_id, p.offering_id
    from inventory_product(now_) p
$$

-- define: refs
create function refs(ids jsonb, referred_type text) returns jsonb
language sql immutable as $$
    select jsonb_agg(ref(id, referred_type) order by n) from jsonb_array_elements_text(ids) with ordinality as e (id, n)
$$

-- define: operator_offering
create function operator_offering(now_ timestamptz) returns table (id text, doc jsonb, name text, status text)
language sql stable as $$
    select i.id,
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'ProductOffering', 'id', i.id, 'name', i.doc -> 'name', 'description', i.doc -> 'description',
               'category', refs(i.doc -> 'category', 'Category'), 'channel', refs(i.doc -> 'channel', 'Channel'),
               'place', refs(i.doc -> 'place', 'Place'), 'marketSegment', refs(i.doc -> 'market_segment', 'MarketSegment'),
               'lifecycleStatus', i.doc -> 'lifecycle_status', 'isBundle', i.doc -> 'is_bundle',
               'isSellable', i.doc ->> 'lifecycle_status' in ('Active', 'Launched')
                   and coalesce((i.doc ->> 'valid_from')::timestamptz <= now_, true)
                   and coalesce(now_ < (i.doc ->> 'valid_to')::timestamptz, true),
               'validFor', case when coalesce(i.doc ->> 'valid_from', i.doc ->> 'valid_to') is not null then
                   period((i.doc ->> 'valid_from')::timestamptz, (i.doc ->> 'valid_to')::timestamptz) end,
               'bundledProductOffering', refs(i.doc -> 'bundled', 'ProductOffering'),
               'productOfferingRelationship', (
                   select jsonb_agg(jsonb_build_object('@type', 'OfferingRelationship', 'id', r -> 'id',
                                                       'relationshipType', r -> 'type') order by n)
                   from jsonb_array_elements(i.doc -> 'relations') with ordinality as e (r, n)),
               'productSpecification', ref(i.doc ->> 'product_specification', 'ProductSpecification'),
               'pricePlan', ref(nullif(i.doc ->> 'plan', ''), 'PricePlan'), 'deviceCount', i.doc -> 'device_count',
               'margin', in_units((i.doc ->> 'margin')::bigint, 1000000), 'repeatable', i.doc -> 'repeatable',
               'minimumAge', i.doc -> 'minimum_age')),
           i.doc ->> 'name', i.doc ->> 'lifecycle_status'
    from catalog_item_of('productOffering') i
$$

-- define: operator_usage_import
create function operator_usage_import(now_ timestamptz)
returns table (id text, doc jsonb, file text, started_at timestamptz)
language sql stable as $$
    select u.id,
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'UsageImport', 'id', u.id, 'file', u.file, 'creationDate', instant_text(u.started_at),
               'completionDate', instant_text(u.finished_at), 'outcome', u.counts -> 'outcome',
               'reason', u.counts -> 'reason')),
           u.file, u.started_at
    from usage_import_report() u
$$

-- define: operator_event
create function operator_event(now_ timestamptz)
returns table (id text, doc jsonb, api text, event_type text, resource text, resource_id text, at timestamptz)
language sql stable as $$
    select e.id,
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'EventRecord', 'id', e.id, 'eventType', e.event_type, 'eventTime', instant_text(e.at), 'api', e.api,
               'resource', e.resource, 'resourceId', e.resource_id, 'changed', e.changed)) ||
           jsonb_build_object('event', jsonb_build_object(e.resource, e.doc)),
           e.api, e.event_type, e.resource, e.resource_id, e.at
    from outbox_event() e
$$

-- define: operator_subscription
create function operator_subscription(now_ timestamptz)
returns table (id text, doc jsonb, api text, callback text, status text)
language sql stable as $$
    select s.id,
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'HubListener', 'id', s.id, 'api', s.api, 'callback', s.callback,
               'query', nullif(s.query, ''), 'status', s.status, 'creationDate', instant_text(s.created_at),
               'endDate', instant_text(s.ended_at), 'endReason', s.ended_why, 'position', s."position",
               'failures', s.failures, 'failingSince', instant_text(s.failing_since),
               'nextProbe', instant_text(s.open_until), 'waiting', s.waiting, 'dead', s.dead)),
           s.api, s.callback, s.status
    from (select o.*, case when o.ended_at is not null then 'ended' when o.open_until is not null then 'unreachable'
                           when o.failures > 0 then 'failing' else 'active' end as status
          from outbox_subscription() o) s
$$

-- define: operator_delivery
create function operator_delivery(now_ timestamptz)
returns table (id text, doc jsonb, subscription_id text, event_id text, event_type text, resource_id text, outcome text,
               at timestamptz)
language sql stable as $$
    select d.id,
           jsonb_build_object(
               '@type', 'EventDelivery', 'id', d.id, 'hubListener', ref(d.subscription_id, 'HubListener'),
               'eventId', d.event_id, 'eventType', d.event_type, 'resource', d.resource, 'resourceId', d.resource_id,
               'deliveryDate', instant_text(d.at), 'attempt', d.attempt, 'outcome', d.outcome,
               'httpStatus', d.status, 'reason', d.reason, 'duration', d.took_ms),
           d.subscription_id, d.event_id, d.event_type, d.resource_id, d.outcome, d.at
    from outbox_delivery() d
$$

-- define: operator_dead_letter
create function operator_dead_letter(now_ timestamptz)
returns table (id text, doc jsonb, subscription_id text, event_id text, resource_id text, at timestamptz)
language sql stable as $$
    select u.subscription_id || '.' || u.event_id,
           jsonb_build_object(
               '@type', 'DeadLetter', 'id', u.subscription_id || '.' || u.event_id,
               'hubListener', ref(u.subscription_id, 'HubListener'), 'eventId', u.event_id,
               'resource', u.resource, 'resourceId', u.resource_id, 'attempts', u.attempts,
               'firstFailure', instant_text(u.since), 'deadSince', instant_text(u.dead_at),
               'httpStatus', u.status, 'reason', u.reason),
           u.subscription_id, u.event_id, u.resource_id, u.dead_at
    from outbox_dead_letter() u
$$

-- define: operator_ledger_proof
create function operator_ledger_proof(now_ timestamptz)
returns table (id text, doc jsonb, status text, created_at timestamptz)
language sql stable as $$
    select p.id,
           jsonb_build_object(
               '@type', 'LedgerProof',
               'id', p.id,
               'status', s.status,
               'creationDate', instant_text(p.created_at),
               'invariant', (select coalesce(jsonb_agg(jsonb_build_object(
                   'id', l ->> 'n', 'name', l -> 'name', 'of', l -> 'of', 'checked', l -> 'checked',
                   'faults', l -> 'faults', 'place', l -> 'places') order by n), '[]')
                   from jsonb_array_elements(p.lines) with ordinality as e (l, n)),
               'total', (select coalesce(jsonb_agg((t - 'unit') || jsonb_build_object('units', t -> 'unit') order by n), '[]')
                   from jsonb_array_elements(p.totals) with ordinality as e (t, n))),
           s.status, p.created_at
    from ledger_proof_kept() p, lateral (select case when p.holds then 'holds' else 'broken' end as status) s
$$
