-- TMF654 v4 from outside.

-- define: prepay_bucket
create function prepay_bucket(now_ timestamptz)
returns table (id text, doc jsonb, name text, status text, usage_type text, account_id text, product_id text,
               device_id text, is_shared bool, created_at timestamptz)
language sql stable as $$
    select b.id,
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'Bucket',
               'id', b.id,
               'name', b.name,
               'usageType', b.usage_type,
               'status', b.status,
               'isShared', b.kind = 'allowance' and b.device_id is null,
               'remainingValue', quantity(b.available, b.display_atoms, b.display_unit),
               'reservedValue', quantity(b.reserved, b.display_atoms, b.display_unit),
               'remainingValueName', quantity_name(b.available, b.display_atoms, b.display_unit),
               'creditLimit', case when b.credit_limit > 0
                   then quantity(b.credit_limit, b.display_atoms, b.display_unit) end,
               'thresholdReached', ledger_mark(b.id),
               'requestedDate', instant_text(b.created_at),
               'confirmationDate', instant_text(b.created_at),
               'validFor', jsonb_build_object('startDateTime', instant_text(b.valid_from),
                                              'endDateTime', instant_text(b.valid_to)),
               'partyAccount', jsonb_build_object('@referredType', 'PartyAccount', 'id', b.account_id),
               'product', case when b.product_id is not null then
                   jsonb_build_array(jsonb_build_object('@referredType', 'Product', 'id', b.product_id)) end,
               'logicalResource', case when b.device_id is not null then
                   jsonb_build_array(jsonb_build_object('@referredType', 'LogicalResource', 'id', b.device_id)) end))
               || coalesce(b.body, '{}'),
           b.name, b.status, b.usage_type, b.account_id, b.product_id, b.device_id,
           b.kind = 'allowance' and b.device_id is null, b.created_at
    from ledger_bucket(now_) b
$$

-- define: prepay_device
-- A device as a reference: the bucket's own, else the first of its account; where there is none, the account stands for it.
create function prepay_device(device text, account text, now_ timestamptz) returns jsonb
language sql stable as $$
    select case
        when device is not null then jsonb_build_object('@referredType', 'LogicalResource', 'id', device)
        else coalesce(
            (select jsonb_build_object('@referredType', 'LogicalResource', 'id', d.id)
             from inventory_device(now_) d where d.account_id = account order by d.id limit 1),
            jsonb_build_object('@referredType', 'PartyAccount', 'id', account)) end
$$

-- define: prepay_action
create function prepay_action(now_ timestamptz, kind_ text, type_ text)
returns table (id text, doc jsonb, body jsonb, status text, usage_type text, bucket_id text, account_id text,
               requested_at timestamptz, confirmed_at timestamptz, receiver_bucket_id text)
language sql stable as $$
    select a.id,
           a.body || jsonb_strip_nulls(jsonb_build_object(
               '@type', coalesce(a.body ->> '@type', type_),
               'id', a.id,
               'status', a.status,
               'statusReason', a.reason,
               'usageType', a.usage_type,
               'requestedDate', instant_text(a.requested_at),
               'confirmationDate', instant_text(a.confirmed_at),
               'amount', coalesce(a.body -> 'amount', quantity(a.amount, a.display_atoms, a.display_unit)),
               'balanceTopup', coalesce(a.body -> 'balanceTopup', case when a.parent_id is not null and kind_ = 'topup'
                   then jsonb_build_object('@referredType', 'TopupBalance', 'id', a.parent_id, 'role', 'parent') end),
               'partyAccount', coalesce(a.body -> 'partyAccount', jsonb_build_object(
                   '@referredType', 'PartyAccount', 'id', a.account_id))))
           || case when kind_ = 'transfer' then jsonb_strip_nulls(jsonb_build_object(
               'reason', coalesce(a.body ->> 'reason', 'transfer'),
               'channel', coalesce(a.body -> 'channel', jsonb_build_object('id', 'api')),
               'costOwner', coalesce(a.body ->> 'costOwner', 'originator'),
               'logicalResource', coalesce(a.body -> 'logicalResource', jsonb_build_array(
                   prepay_device(a.device_id, a.account_id, now_))),
               'receiverLogicalResource', coalesce(a.body -> 'receiverLogicalResource', prepay_device(
                   a.receiver_device_id, a.receiver_account_id, now_)),
               'receiverBucketUsageType', a.receiver_usage_type,
               'transferCost', case when a.cost is not null then jsonb_build_object(
                   'unit', a.cost_unit, 'value', in_units(a.cost, 1000000)) else a.body -> 'transferCost' end))
           else '{}' end,
           a.body, a.status, a.usage_type, a.bucket_id, a.account_id, a.requested_at, a.confirmed_at,
           a.receiver_bucket_id
    from ledger_action() a where a.kind = kind_
$$

-- define: prepay_topup
create function prepay_topup(now_ timestamptz)
returns table (id text, doc jsonb, body jsonb, status text, usage_type text, bucket_id text, account_id text,
               requested_at timestamptz, confirmed_at timestamptz, receiver_bucket_id text)
language sql stable as $$ select * from prepay_action(now_, 'topup', 'TopupBalance') $$

-- define: prepay_adjust
create function prepay_adjust(now_ timestamptz)
returns table (id text, doc jsonb, body jsonb, status text, usage_type text, bucket_id text, account_id text,
               requested_at timestamptz, confirmed_at timestamptz, receiver_bucket_id text)
language sql stable as $$ select * from prepay_action(now_, 'adjust', 'AdjustBalance') $$

-- define: prepay_transfer
create function prepay_transfer(now_ timestamptz)
returns table (id text, doc jsonb, body jsonb, status text, usage_type text, bucket_id text, account_id text,
               requested_at timestamptz, confirmed_at timestamptz, receiver_bucket_id text)
language sql stable as $$ select * from prepay_action(now_, 'transfer', 'TransferBalance') $$

-- define: prepay_reservation
create function prepay_reservation(now_ timestamptz)
returns table (id text, doc jsonb, status text, usage_type text, bucket_id text, account_id text,
               requested_at timestamptz, confirmed_at timestamptz)
language sql stable as $$
    select r.id,
           r.body || jsonb_strip_nulls(jsonb_build_object(
               '@type', coalesce(r.body ->> '@type', 'ReserveBalance'),
               'id', r.id,
               'status', r.status,
               'statusReason', r.reason,
               'usageType', r.usage_type,
               'amount', coalesce(r.body -> 'amount', quantity(r.amount, r.display_atoms, r.display_unit)),
               'requestedDate', instant_text(r.requested_at),
               'confirmationDate', instant_text(r.confirmed_at),
               'validFor', coalesce(r.body -> 'validFor', '{}') || case
                   when r.body #> '{validFor,endDateTime}' is null
                   then jsonb_build_object('endDateTime', instant_text(r.expires_at)) else '{}' end,
               'partyAccount', coalesce(r.body -> 'partyAccount', jsonb_build_object(
                   '@referredType', 'PartyAccount', 'id', r.account_id)))),
           r.status, r.usage_type, r.bucket_id, r.account_id, r.requested_at, r.confirmed_at
    from ledger_reservation(now_) r
$$

-- define: prepay_charging
-- What the client sent, each of its rating groups with what it was answered.
create function prepay_charging(now_ timestamptz)
returns table (id text, doc jsonb, body jsonb, session_id text, number bigint, account_id text, status text,
               created_at timestamptz)
language sql stable as $$
    select r.id,
           r.body || jsonb_build_object(
               '@type', coalesce(r.body ->> '@type', 'ChargingRequest'),
               'id', r.id,
               'status', r.status,
               'requestedDate', instant_text(r.created_at),
               'partyAccount', coalesce(r.body -> 'partyAccount', jsonb_build_object(
                   '@referredType', 'PartyAccount', 'id', r.account_id)),
               'ratingGroup', (
                   select coalesce(jsonb_agg(g || jsonb_strip_nulls(jsonb_build_object(
                       'result', a -> 'result',
                       'isFinalUnit', a -> 'is_final',
                       'grantedUnits', quantity((a ->> 'granted')::bigint, p.per, p.units),
                       'chargedUnits', quantity((a ->> 'charged')::bigint, p.per, p.units),
                       'unchargedUnits', quantity((a ->> 'uncharged')::bigint, p.per, p.units),
                       'validFor', case when a ->> 'until' is not null then jsonb_build_object(
                           'endDateTime', instant_text((a ->> 'until')::timestamptz)) end)) order by n), '[]')
                   from jsonb_array_elements(r.body -> 'ratingGroup') with ordinality as b (g, n)
                   join jsonb_array_elements(r.answer) with ordinality as w (a, m) on m = n,
                   lateral (select (a ->> 'per')::bigint as per, a ->> 'units' as units) p)),
           r.body, r.session_id, r.number, r.account_id, r.status, r.created_at
    from ledger_charging_request() r
$$

-- define: prepay_history
-- Top-ups, adjustments and transfers together; each names a receiving device, as the document wants it.
create function prepay_history(now_ timestamptz)
returns table (id text, doc jsonb, status text, usage_type text, bucket_id text, account_id text,
               requested_at timestamptz, confirmed_at timestamptz, receiver_bucket_id text)
language sql stable as $$
    select h.id,
           h.doc || jsonb_build_object('@type', 'BalanceActionHistory', 'receiverLogicalResource', coalesce(
               h.doc -> 'receiverLogicalResource', h.doc -> 'logicalResource' -> 0,
               prepay_device((select b.device_id from ledger_bucket(now_) b where b.id = h.bucket_id),
                             h.account_id, now_))),
           h.status, h.usage_type, h.bucket_id, h.account_id, h.requested_at, h.confirmed_at, h.receiver_bucket_id
    from (
        select * from prepay_topup(now_)
        union all select * from prepay_adjust(now_)
        union all select * from prepay_transfer(now_)
    ) h
$$

-- define: prepay_accumulated_of
-- One for each account, usageType and unit that has an active bucket; currencies are never added up. Of these accounts;
-- of all when none are given.
create function prepay_accumulated_of(now_ timestamptz, accounts text[])
returns table (id text, doc jsonb, account_id text, name text)
language sql stable as $$
    select concat_ws('.', b.account_id, b.usage_type, b.unit),
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'AccumulatedBalance',
               'id', concat_ws('.', b.account_id, b.usage_type, b.unit),
               'name', b.usage_type || ' balance of account ' || b.account_id,
               'partyAccount', jsonb_build_object('@referredType', 'PartyAccount', 'id', b.account_id),
               'bucket', jsonb_agg(jsonb_build_object('@referredType', 'Bucket', 'id', b.id, 'name', b.name) order by b.id),
               'product', jsonb_agg(distinct jsonb_build_object('@referredType', 'Product', 'id', b.product_id))
                   filter (where b.product_id is not null),
               'totalBalance', quantity(sum(b.available)::bigint, max(b.display_atoms),
                                        (array_agg(b.display_unit order by b.display_atoms desc))[1]))),
           b.account_id, b.usage_type || ' balance of account ' || b.account_id
    from ledger_bucket(now_) b
    where b.status = 'active' and b.valid_from <= now_ and (accounts is null or b.account_id = any (accounts))
    group by b.account_id, b.usage_type, b.unit
$$

-- define: prepay_accumulated
create function prepay_accumulated(now_ timestamptz)
returns table (id text, doc jsonb, account_id text, name text)
language sql stable as 'select * from prepay_accumulated_of(now_, null)'

-- define: prepay_accumulated_one
-- By id: it begins with the account's.
create function prepay_accumulated_one(now_ timestamptz, ids text[])
returns table (id text, doc jsonb, account_id text)
language sql stable as $$
    select a.id, a.doc, a.account_id
    from prepay_accumulated_of(now_, (select array_agg(split_part(i, '.', 1)) from unnest(ids) i)) a
    where a.id = any (ids)
$$
