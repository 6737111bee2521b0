-- Billing's operator resources from outside.

-- define: billing_money
create function billing_money(micros bigint, currency text) returns jsonb
language sql immutable as $$ select jsonb_build_object('unit', currency, 'value', in_units(micros, 1000000)) $$

-- define: billing_ref
create function billing_ref(kind text, id text) returns jsonb
language sql immutable as $$
    select case when id is not null then jsonb_build_object('@type', 'EntityRef', '@referredType', kind, 'id', id) end
$$

-- define: billing_run
create function billing_run(now_ timestamptz) returns table (id text, doc jsonb, kind text, state text, cycle_id text)
language sql stable as $$
    select r.id,
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'BillRun', 'id', r.id, 'kind', r.kind, 'state', r.state,
               'billCycle', billing_ref('BillCycle', r.cycle_id), 'cutOff', instant_text(r.cutoff),
               'startDate', instant_text(r.started_at), 'completionDate', instant_text(r.finished_at),
               'accounts', r.items, 'pending', r.pending, 'control', nullif(r.control, '{}'))),
           r.kind, r.state, r.cycle_id
    from bill_run_of() r
$$

-- define: billing_payment
create function billing_payment(now_ timestamptz) returns table (id text, doc jsonb, account_id text, reference text)
language sql stable as $$
    select p.id,
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'Payment', 'id', p.id, 'paymentReference', p.reference, 'kind', p.kind,
               'billingAccount', billing_ref('BillingAccount', p.account_id), 'amount', billing_money(p.amount, p.currency),
               'unusedAmount', billing_money(p.amount - p.spent, p.currency), 'paymentDate', instant_text(p.received_at),
               'usedFor', (select jsonb_agg(jsonb_build_object('bill', billing_ref('CustomerBill', u.bill_id),
                                                               'amount', billing_money(u.amount, p.currency)))
                           from bill_credit_use_of(p.id) u))),
           p.account_id, p.reference
    from bill_credit_of() p
$$

-- define: billing_item
create function billing_item(now_ timestamptz)
returns table (id text, doc jsonb, account_id text, bill_id text, rate_type text)
language sql stable as $$
    select i.id,
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'BillItem', 'id', i.id, 'billingAccount', billing_ref('BillingAccount', i.account_id),
               'rateType', i.rate_type, 'name', i.name,
               'amount', case when i.amount is not null then billing_money(i.amount, a.currency) end,
               'percentage', in_units(i.percent, 10000), 'taxCategory', i.tax_category, 'taxIncluded', i.tax_included,
               'validFor', jsonb_build_object('startDateTime', instant_text(i.valid_from),
                                              'endDateTime', instant_text(i.valid_to)),
               'bill', billing_ref('CustomerBill', i.bill_id))),
           i.account_id, i.bill_id, i.rate_type
    from bill_item_of() i join inventory_account() a on a.id = i.account_id
$$

-- define: billing_reissue
create function billing_reissue(now_ timestamptz)
returns table (id text, doc jsonb, body jsonb, state text, kind text, of_bill text)
language sql stable as $$
    select d.id,
           d.body || jsonb_strip_nulls(jsonb_build_object(
               'id', d.id, 'state', d.state, 'customerBill', billing_ref('CustomerBill', d.bill_id))),
           d.body, d.state, d.kind, d.of_bill
    from bill_demand_of() d where d.kind <> 'interim'
$$

-- define: billing_dunning
create function billing_dunning(now_ timestamptz)
returns table (id text, doc jsonb, bill_id text, account_id text, state text)
language sql stable as $$
    select d.id,
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'DunningStep', 'id', d.id, 'name', d.name, 'step', d.step, 'date', instant_text(d.at),
               'state', s.state, 'bill', billing_ref('CustomerBill', d.bill_id),
               'billItem', billing_ref('BillItem', d.item_id), 'billingAccount', billing_ref('BillingAccount', d.account_id),
               'suspended', (select jsonb_agg(billing_ref('Product', p)) from unnest(d.suspended) p),
               'liftDate', instant_text(d.lifted_at))),
           d.bill_id, d.account_id, s.state
    from bill_dunning_of() d
    cross join lateral (
        select case when d.suspended = '{}' then 'taken' when d.lifted_at is null then 'suspending' else 'lifted' end as state
    ) s
$$

-- define: billing_exemption
create function billing_exemption(now_ timestamptz) returns table (id text, doc jsonb, account_id text, category text)
language sql stable as $$
    select x.id,
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'AccountTaxExemption', 'id', x.id, 'taxCategory', x.tax_category, 'reason', x.reason,
               'reasonCode', x.reason_code, 'certificateNumber', x.certificate, 'issuingJurisdiction', x.jurisdiction,
               'taxNumber', x.tax_number, 'billingAccount', billing_ref('BillingAccount', x.account_id),
               'validFor', jsonb_build_object('startDateTime', instant_text(x.valid_from),
                                              'endDateTime', instant_text(x.valid_to)))),
           x.account_id, x.tax_category
    from tax_exemption_of() x
$$

-- define: billing_arithmetic
-- A line's sum in words, for people.
create function billing_arithmetic(l jsonb, currency text) returns jsonb
language sql stable as $$
    select to_jsonb(array_remove(array[
        case when (l ->> 'events') is not null
             then (l ->> 'events') || ' records, ' || (l ->> 'quantity') || ' ' || (l ->> 'unit') || ', come to ' || in_units((l ->> 'exact')::bigint, 1000000)
             when (l ->> 'of_days') is not null
             then 'plan ' || (l ->> 'plan_id') || coalesce(' version ' || (l ->> 'plan_version'), '') || ': ' || (l ->> 'quantity') || ' of '
                  || (l ->> 'of_days') || ' days, less what was charged of them: ' || in_units((l ->> 'exact')::bigint, 1000000)
             else (l ->> 'name') || ': ' || in_units((l ->> 'exact')::bigint, 1000000) end || ' ' || currency
            || case when (l ->> 'tax_included')::bool then ' with tax' else '' end,
        case when (l ->> 'exact')::bigint <> (l ->> 'shown')::bigint then 'rounded to ' || in_units((l ->> 'shown')::bigint, 1000000) || ', '
             || in_units((l ->> 'exact')::bigint - (l ->> 'shown')::bigint, 1000000) || ' dropped' end,
        case when (l ->> 'tax_included')::bool then 'of that ' || in_units((l ->> 'net')::bigint, 1000000) || ' without tax' end,
        'tax ' || in_units((l ->> 'tax_rate')::bigint, 10000) || ' % (category ' || (l ->> 'tax_category') || '), the line''s share of the bill''s: '
            || in_units((l ->> 'tax')::bigint, 1000000)], null))
$$

-- define: billing_explained_line
create function billing_explained_line(l jsonb, currency text, number text) returns jsonb
language sql stable as $$
    select jsonb_strip_nulls(jsonb_build_object(
        '@type', 'BillExplanation', 'id', (l ->> 'id'), 'name', (l ->> 'name'), 'bill', billing_ref('CustomerBill', (l ->> 'bill_id')),
        'billNo', number, 'pricePlan', case when (l ->> 'plan_version') is not null
            then billing_ref('PricePlan', (l ->> 'plan_id') || '.' || (l ->> 'plan_version')) else billing_ref('PricePlan', (l ->> 'plan_id')) end,
        'taxExcludedAmount', billing_money((l ->> 'net')::bigint, currency), 'tax', billing_money((l ->> 'tax')::bigint, currency),
        'droppedAmount', billing_money((l ->> 'exact')::bigint - (l ->> 'shown')::bigint, currency), 'arithmetic', billing_arithmetic(l, currency)))
$$

-- define: billing_explanation
-- Bills by their ids, trials too.
create function billing_explanation(now_ timestamptz) returns table (id text, doc jsonb, bill_id text)
language sql stable as $$
    select b.id,
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'BillExplanation', 'id', b.id, 'bill', billing_ref('CustomerBill', b.id), 'billNo', b.number,
               'name', b.category || ' bill', 'taxExcludedAmount', billing_money(b.net, b.currency),
               'tax', billing_money(b.tax, b.currency), 'rounding', billing_money(b.rounding, b.currency),
               'arithmetic', (
                   select coalesce(jsonb_agg(in_units(t.tax_rate, 10000) || ' % of ' || in_units(t.base, 1000000) || ' '
                       || b.currency || ' (category ' || t.tax_category || ') is ' || in_units(t.tax, 1000000)), '[]')
                   from bill_tax_of(b.lines_of) t) || case when b.rounding <> 0 then jsonb_build_array(
                       'prices were shown with tax; what they come to differs by ' || in_units(b.rounding, 1000000)) else '[]' end
                   || jsonb_build_array(in_units(b.net, 1000000) || ' + ' || in_units(b.tax, 1000000) || ' tax + '
                       || in_units(b.rounding, 1000000) || ' rounding + ' || in_units(b.carried, 1000000)
                       || ' from before = ' || in_units(b.owed + b.carried, 1000000)),
               'line', (select jsonb_agg(billing_explained_line(to_jsonb(l), b.currency, b.number) order by l.place)
                        from bill_line_of(null, array[b.lines_of]) l))),
           b.id
    from bill_of() b
$$

-- define: billing_explanation_one
-- By ids of bills or of lines; behind a line of usage are its records.
create function billing_explanation_one(now_ timestamptz, ids text[]) returns table (id text, doc jsonb)
language sql stable as $$
    select e.id, e.doc from billing_explanation(now_) e where e.id = any (ids)
    union all
    select l.id, billing_explained_line(to_jsonb(l), b.currency, b.number) || case when l.charge_window is null then '{}' else
               jsonb_build_object('usage', coalesce((
                   select jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                       'id', u.id, 'startDateTime', instant_text(u.started_at), 'quantity', u.quantity, 'unit', u.unit,
                       'pricePlan', u.plan_id || '.' || u.plan_version,
                       'taxExcludedAmount', billing_money(u.net, b.currency))) order by u.started_at, u.id)
                   from usage_behind_charge(l.account_id, l.charge_window, l.product_id, l.component, l.zone) u), '[]')) end
    from bill_line_of(ids, null) l join bill_of() b on b.id = l.bill_id
$$
