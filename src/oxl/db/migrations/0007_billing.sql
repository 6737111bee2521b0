-- Bills: cycles, runs, lines, taxes, numbers, payments, and bills on demand.

-- engine: billing
create table billing_policy (      -- how an operator bills, as it was set; what it does not say has defaults
    one bool primary key default true check (one),
    doc jsonb not null
);
create table bill_account (        -- whose row is locked while anything of an account's bills changes
    account_id text primary key,
    bills int not null default 0,  -- made so far
    billed_until timestamptz       -- where the period of the last one ends
) with (fillfactor = 80);
create table bill_cycle (          -- what ends on one day: the accounts of that billing day are billed at its cut-off
    id text primary key,           -- the local date of the cut-off
    billing_day smallint not null,
    starts_at timestamptz not null,
    cutoff timestamptz not null,
    next_cutoff timestamptz not null,
    due_at timestamptz not null
);
create table bill_run (
    id text primary key,
    kind text not null check (kind in ('onCycle', 'offCycle', 'trial')),
    cycle_id text references bill_cycle,
    cutoff timestamptz not null,
    since date,                    -- fees of periods from then on are looked at
    state text not null check (state in ('running', 'succeeded', 'failed')),
    started_at timestamptz not null,
    finished_at timestamptz,
    control jsonb not null default '{}'
);
create unique index bill_run_cycle on bill_run (cycle_id) where kind = 'onCycle';
create table bill_run_item (       -- each account of a run, and what became of it
    run_id text,
    account_id text,
    until_window bigint not null,  -- usage up to this window is billed; it is closed
    state text not null check (state in ('pending', 'done', 'held', 'empty', 'error')),
    reason text,
    bill_id text,
    primary key (run_id, account_id)
) with (fillfactor = 80);
create index bill_run_item_pending on bill_run_item (run_id, account_id) where state = 'pending';
create table bill (
    id text primary key,
    run_id text,
    account_id text not null,
    place int not null,            -- the account's bills in the order in which they were made
    category text not null check (category in ('normal', 'interim', 'last', 'trial', 'duplicate', 'credit note')),
    of_bill text references bill,  -- what a duplicate repeats, or a credit note takes back
    state text not null check (state in ('new', 'onHold', 'validated', 'sent', 'settled', 'partiallyPaid')),
    held_why text,
    cycle_id text references bill_cycle,
    currency text not null,
    bill_date timestamptz not null,
    period_start timestamptz not null,
    period_end timestamptz not null,
    due_at timestamptz not null,
    next_at timestamptz,
    net bigint not null,           -- micros, as all money here
    tax bigint not null,
    rounding bigint not null default 0,  -- what prices that were shown with tax differ by from net and tax
    carried bigint not null default 0,   -- owed from bills before, less what was paid ahead, when this one was made
    owed bigint not null generated always as (net + tax + rounding) stored,
    paid bigint not null default 0,
    body jsonb not null default '{}',    -- what a client has made of it
    created_at timestamptz not null,
    updated_at timestamptz not null,
    check (abs(paid) <= abs(net + tax + rounding))
) with (fillfactor = 80);
create unique index bill_place on bill (account_id, place);
create unique index bill_of_run on bill (run_id, account_id);
create index bill_open on bill (account_id, place) where paid < owed and category not in ('trial', 'duplicate');
create table bill_series (         -- the last number given out; taken at the end of a transaction, so that none is lost
    series text primary key,
    last bigint not null
);
create table bill_number (
    series text,
    number bigint,
    bill_id text not null unique,
    primary key (series, number)
);
create table bill_line (
    id text primary key,
    bill_id text not null,
    place int not null,
    account_id text not null,
    rate_type text not null,
    name text not null,
    component text not null,
    product_id text,
    plan_id text,
    plan_version int,
    zone text,
    charge_window bigint,          -- of usage: the window whose charge this is
    unit text,
    quantity bigint,
    events bigint,
    of_days int,                   -- of fees: the days of the period, of which quantity were charged
    period_start timestamptz not null,
    period_end timestamptz not null,
    tax_category text not null,
    tax_rate bigint not null,      -- ten-thousandths of a percent
    tax_included bool not null,
    exact bigint not null,         -- before rounding to the currency's smallest coin; with tax where that is included
    shown bigint not null,         -- after it; the rest was dropped
    net bigint not null,
    tax bigint not null
);
create index bill_line_bill on bill_line (bill_id, place);
create table bill_tax (
    bill_id text,
    tax_category text,
    tax_rate bigint not null,
    base bigint not null,
    tax bigint not null,
    primary key (bill_id, tax_category)
);
create table bill_fee (            -- what has been charged of each fee for each period, all bills together
    account_id text,
    product_id text,
    since date,                    -- since when the product is on that plan
    component text,
    period_start date,
    plan_id text not null,
    plan_version int not null,
    name text not null,
    tax_category text not null,
    tax_included bool not null,
    recurring bool not null,
    exact bigint not null,
    shown bigint not null,
    primary key (account_id, product_id, since, component, period_start)
) with (fillfactor = 80);
create table bill_item (           -- what is to be on an account's next bill besides usage and fees
    id text primary key,
    account_id text not null,
    rate_type text not null,
    name text not null,
    amount bigint,                 -- micros; negative for what is given back
    percent bigint,                -- or a share of the recurring fees, in ten-thousandths of a percent, each time
    tax_category text not null,
    tax_included bool not null,
    valid_from timestamptz not null,
    valid_to timestamptz,
    bill_id text references bill,  -- where an amount has been billed
    created_at timestamptz not null,
    check ((amount is null) <> (percent is null))
);
create index bill_item_open on bill_item (account_id) where bill_id is null;
create table payment (             -- what an account has to its credit: payments, credit notes, bills below zero
    id text primary key,
    reference text not null unique,
    kind text not null check (kind in ('payment', 'credit')),
    account_id text not null,
    currency text not null,
    amount bigint not null check (amount > 0),
    spent bigint not null default 0,
    received_at timestamptz not null,
    created_at timestamptz not null,
    check (spent between 0 and amount)
);
create index payment_open on payment (account_id) where spent < amount;
create table payment_use (         -- which part of it paid which bill, and how many bills the account had by then
    payment_id text references payment,
    bill_id text references bill,
    amount bigint not null check (amount > 0),
    place int not null,
    at timestamptz not null,
    primary key (payment_id, bill_id)
);
create index payment_use_bill on payment_use (bill_id);
create table bill_dunning (        -- each step that was taken because a bill was not paid
    id text primary key,
    bill_id text not null references bill,
    step int not null,
    account_id text not null,
    name text not null,
    item_id text references bill_item,  -- its fee
    at timestamptz not null,
    unique (bill_id, step)
);
create table bill_demand (         -- bills that were asked for: one at once, a copy of one, one that takes another back
    id text primary key,
    kind text not null check (kind in ('interim', 'duplicate', 'credit note')),
    account_id text,
    of_bill text,
    state text not null check (state in ('inProgress', 'rejected', 'done', 'terminatedWithError')),
    reason text,
    run_id text references bill_run,
    bill_id text references bill,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    body jsonb not null            -- what the client sent
);
create index bill_demand_open on bill_demand (id) where state = 'inProgress';
