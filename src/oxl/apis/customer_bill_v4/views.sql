-- TMF678 v4 from outside: the documents of version 5, told as version 4 has them.

-- define: bill_party_4
create function bill_party_4(related jsonb) returns jsonb
language sql immutable as $$
    select coalesce(related -> 'partyOrPartyRole', related) || jsonb_strip_nulls(jsonb_build_object(
        '@type', 'RelatedPartyRef', 'role', related -> 'role'))
$$

-- define: customer_bill_4
create function customer_bill_4(now_ timestamptz)
returns table (id text, doc jsonb, state text, category text, run_type text, number text, account_id text,
               bill_date timestamptz, due_at timestamptz)
language sql stable as $$
    select b.id,
           b.doc - 'billCycle' || jsonb_build_object('relatedParty', (
               select jsonb_agg(bill_party_4(p) order by n)
               from jsonb_array_elements(b.doc -> 'relatedParty') with ordinality as e (p, n))),
           b.state, b.category, b.run_type, b.number, b.account_id, b.bill_date, b.due_at
    from customer_bill(now_) b
$$

-- define: customer_bill_on_demand_4
create function customer_bill_on_demand_4(now_ timestamptz)
returns table (id text, doc jsonb, state text, account_id text)
language sql stable as $$
    select d.id,
           d.doc - 'relatedParty' || jsonb_strip_nulls(jsonb_build_object(
               'relatedParty', case when bill_party_4(d.doc -> 'relatedParty') ? 'id' then bill_party_4(d.doc -> 'relatedParty') end,
               'customerBill', d.doc -> 'customerBill' || jsonb_build_object('@type', 'BillRef'))),
           d.state, d.account_id
    from customer_bill_on_demand(now_) d
$$

-- define: bill_rate_4
create function bill_rate_4(rate jsonb) returns jsonb
language sql immutable as $$
    select rate - 'appliedBillingRateType' || jsonb_strip_nulls(jsonb_build_object(
        'type', rate -> 'appliedBillingRateType',
        'bill', rate -> 'bill' || jsonb_build_object('@type', 'BillRef'),
        'characteristic', (
            select jsonb_agg(c || jsonb_build_object('@type', 'AppliedBillingRateCharacteristic') order by n)
            from jsonb_array_elements(rate -> 'characteristic') with ordinality as e (c, n))))
$$

-- define: applied_customer_billing_rate_4
create function applied_customer_billing_rate_4(now_ timestamptz)
returns table (id text, doc jsonb, is_billed bool, bill_id text, account_id text, product_id text, rate_type text, name text)
language sql stable as $$
    select r.id, bill_rate_4(r.doc), r.is_billed, r.bill_id, r.account_id, r.product_id, r.rate_type, r.name
    from applied_customer_billing_rate(now_) r
$$

-- define: applied_customer_billing_rate_one_4
create function applied_customer_billing_rate_one_4(now_ timestamptz, ids text[]) returns table (id text, doc jsonb)
language sql stable as 'select r.id, bill_rate_4(r.doc) from applied_customer_billing_rate_one(now_, ids) r'
