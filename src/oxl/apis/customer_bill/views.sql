-- TMF678 v5 from outside: bills, their lines, cycles, and bills that were asked for.

-- define: bill_money
create function bill_money(micros bigint, currency text) returns jsonb
language sql immutable as $$ select jsonb_build_object('unit', currency, 'value', in_units(micros, 1000000)) $$

-- define: bill_ref
create function bill_ref(kind text, id text) returns jsonb
language sql immutable as $$
    select case when id is not null then jsonb_build_object('@type', kind || 'Ref', '@referredType', kind, 'id', id) end
$$

-- define: customer_bill
create function customer_bill(now_ timestamptz)
returns table (id text, doc jsonb, state text, category text, run_type text, number text, account_id text,
               cycle_id text, bill_date timestamptz, due_at timestamptz, is_shown bool)
language sql stable as $$
    select b.id,
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'CustomerBill', 'id', b.id, 'billNo', b.number, 'state', b.state, 'category', b.category,
               'runType', b.run_type, 'billDate', instant_text(b.bill_date), 'lastUpdate', instant_text(b.updated_at),
               'paymentDueDate', instant_text(b.due_at), 'nextBillDate', instant_text(b.next_at),
               'billingPeriod', jsonb_build_object('startDateTime', instant_text(b.period_start),
                                                   'endDateTime', instant_text(b.period_end)),
               'billCycle', bill_ref('BillCycle', b.cycle_id), 'billingAccount', bill_ref('BillingAccount', b.account_id),
               'relatedParty', jsonb_build_array(jsonb_build_object(
                   '@type', 'RelatedPartyRefOrPartyRoleRef', 'role', 'customer', 'partyOrPartyRole', jsonb_build_object(
                       '@type', 'PartyRef', '@referredType', 'Individual', 'id', a.party_id, 'name', a.party_name))),
               'taxExcludedAmount', bill_money(b.net, b.currency),
               'taxIncludedAmount', bill_money(b.net + b.tax, b.currency),
               'taxItem', (
                   select jsonb_agg(jsonb_build_object(
                       '@type', 'TaxItem', 'taxCategory', t.tax_category, 'taxRate', in_units(t.tax_rate, 10000),
                       'taxAmount', bill_money(t.tax, b.currency)) order by t.tax_category) from bill_tax_of(b.lines_of) t),
               'amountDue', bill_money(b.due, b.currency),
               'remainingAmount', bill_money(b.due - p.paid, b.currency),
               'appliedPayment', p.doc,
               'billDocument', (
                   select jsonb_agg(jsonb_build_object(
                       '@type', 'Attachment', 'id', encode(d.hash, 'hex'), 'attachmentType', 'bill',
                       'name', coalesce(b.number, b.id) || case d.kind when 'pdf' then '.pdf' else '.xml' end,
                       'mimeType', case d.kind when 'pdf' then 'application/pdf' else 'application/xml' end,
                       'url', '/tmf-api/customerBillManagement/v5/customerBill/' || b.id || '/' || d.kind,
                       'size', jsonb_build_object('amount', d.size, 'units', 'B')) order by d.kind)
                   from bill_document_of(b.id) d))),
           b.state, b.category, b.run_type, b.number, b.account_id, b.cycle_id, b.bill_date, b.due_at,
           b.category <> 'trial'
    from bill_of() b
    join inventory_account() a on a.id = b.account_id
    cross join lateral (
        select coalesce(sum(u.amount), 0)::bigint as paid,
               jsonb_agg(jsonb_build_object(
                   'appliedAmount', bill_money(u.amount, b.currency),
                   'payment', bill_ref('Payment', u.payment_id) || jsonb_build_object('name', u.reference))) as doc
        from bill_payment_of(b.account_id, b.place) u
        where b.category not in ('trial', 'duplicate')
    ) p
$$

-- define: customer_bill_on_demand
create function customer_bill_on_demand(now_ timestamptz)
returns table (id text, doc jsonb, body jsonb, state text, account_id text)
language sql stable as $$
    select d.id,
           d.body || jsonb_strip_nulls(jsonb_build_object(
               'id', d.id, 'state', d.state, 'lastUpdate', instant_text(d.updated_at),
               'customerBill', bill_ref('CustomerBill', d.bill_id))),
           d.body, d.state, d.account_id
    from bill_demand_of() d where d.kind = 'interim'
$$

-- define: bill_characteristic
create function bill_characteristic(name text, value anyelement) returns jsonb
language sql immutable as $$
    select case when value is not null then jsonb_build_array(jsonb_build_object(
        '@type', case jsonb_typeof(to_jsonb(value)) when 'number' then 'NumberCharacteristic' else 'StringCharacteristic' end,
        'name', name, 'value', value)) else '[]' end
$$

-- define: billed_rate
-- The lines of bills, by their ids or their bills; null asks for all of either.
create function billed_rate(ids text[], bills text[])
returns table (id text, doc jsonb, is_billed bool, bill_id text, account_id text, product_id text, rate_type text, name text)
language sql stable as $$
    select l.id,
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'AppliedCustomerBillingRate', 'id', l.id, 'name', l.name, 'isBilled', true,
               'appliedBillingRateType', l.rate_type, 'date', instant_text(b.bill_date),
               'bill', bill_ref('CustomerBill', l.bill_id), 'billingAccount', bill_ref('BillingAccount', l.account_id),
               'product', bill_ref('Product', l.product_id),
               'periodCoverage', jsonb_build_object('startDateTime', instant_text(l.period_start),
                                                    'endDateTime', instant_text(l.period_end)),
               'taxExcludedAmount', bill_money(l.net, b.currency),
               'taxIncludedAmount', bill_money(l.net + l.tax, b.currency),
               'appliedTax', jsonb_build_array(jsonb_build_object(
                   '@type', 'AppliedBillingTaxRate', 'taxCategory', l.tax_category,
                   'taxRate', in_units(l.tax_rate, 10000), 'taxAmount', bill_money(l.tax, b.currency))),
               'characteristic', bill_characteristic('component', l.component) || bill_characteristic('zone', l.zone)
                   || bill_characteristic('quantity', l.quantity) || bill_characteristic('unit', l.unit)
                   || bill_characteristic('events', l.events) || bill_characteristic('ofDays', l.of_days))),
           true, l.bill_id, l.account_id, l.product_id, l.rate_type, l.name
    from bill_line_of(ids, bills) l
    join bill_of() b on b.id = l.bill_id and b.category <> 'trial'
$$

-- define: unbilled_rate
-- What would be on the next bill by now: open usage charges, and amounts that wait for it.
create function unbilled_rate(now_ timestamptz)
returns table (id text, doc jsonb, is_billed bool, bill_id text, account_id text, product_id text, rate_type text, name text)
language sql stable as $$
    select u.id,
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'AppliedCustomerBillingRate', 'id', u.id, 'name', u.component, 'isBilled', false,
               'appliedBillingRateType', 'usageCharge', 'date', instant_text(u.last_at),
               'billingAccount', bill_ref('BillingAccount', u.account_id), 'product', bill_ref('Product', u.product_id),
               'periodCoverage', jsonb_build_object('startDateTime', instant_text(u.first_at),
                                                    'endDateTime', instant_text(u.last_at)),
               'taxExcludedAmount', bill_money(u.amount, a.currency),
               'characteristic', bill_characteristic('component', u.component) || bill_characteristic('zone', u.zone)
                   || bill_characteristic('quantity', u.quantity) || bill_characteristic('unit', u.unit)
                   || bill_characteristic('events', u.events))),
           false, null::text, u.account_id, u.product_id, 'usageCharge', u.component
    from usage_open_charge() u join inventory_account() a on a.id = u.account_id
    union all
    select 'i.' || i.id,
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'AppliedCustomerBillingRate', 'id', 'i.' || i.id, 'name', i.name, 'isBilled', false,
               'appliedBillingRateType', i.rate_type, 'date', instant_text(i.valid_from),
               'billingAccount', bill_ref('BillingAccount', i.account_id),
               case when i.tax_included then 'taxIncludedAmount' else 'taxExcludedAmount' end,
               bill_money(i.amount, a.currency),
               'characteristic', bill_characteristic('component', i.id))),
           false, null, i.account_id, null, i.rate_type, i.name
    from bill_item_of() i join inventory_account() a on a.id = i.account_id
    where i.bill_id is null and i.amount is not null
$$

-- define: applied_customer_billing_rate
create function applied_customer_billing_rate(now_ timestamptz)
returns table (id text, doc jsonb, is_billed bool, bill_id text, account_id text, product_id text, rate_type text, name text)
language sql stable as $$
    select * from billed_rate(null, null) union all select * from unbilled_rate(now_)
$$

-- define: applied_customer_billing_rate_one
create function applied_customer_billing_rate_one(now_ timestamptz, ids text[])
returns table (id text, doc jsonb, account_id text)
language sql stable as $$
    select r.id, r.doc, r.account_id from billed_rate(ids, null) r
    union all
    select r.id, r.doc, r.account_id from unbilled_rate(now_) r
    where r.id = any (ids) and (r.account_id = any (array(select split_part(i, '.', 2) from unnest(ids) i)) or r.id like 'i.%')
$$

-- define: bill_cycle_shown
create function bill_cycle_shown(now_ timestamptz) returns table (id text, doc jsonb, cutoff timestamptz, name text)
language sql stable as $$
    select c.id,
           jsonb_build_object(
               '@type', 'BillCycle', 'id', c.id, 'name', 'Cycle of ' || c.id, 'billingPeriod', 'month',
               'description', 'Accounts with billing day ' || c.billing_day,
               'billingDate', instant_text(c.cutoff), 'chargeDate', instant_text(c.cutoff),
               'creditDate', instant_text(c.cutoff), 'mailingDate', instant_text(c.cutoff),
               'paymentDueDate', instant_text(c.due_at),
               'BillCycleSpecification', bill_ref('BillCycleSpecification', 'day-' || c.billing_day),
               'validFor', jsonb_build_object('startDateTime', instant_text(c.starts_at),
                                              'endDateTime', instant_text(c.cutoff))),
           c.cutoff, 'Cycle of ' || c.id
    from bill_cycle_of() c
$$
