-- The tables of one tenant, as they are after every migration; tests/db holds the two against each other.
-- A tenant is a schema: nothing here names a tenant, and no key spans two. Each section belongs to the engine it
-- names; only that engine's .sql file may use its tables, the others use the views and functions it publishes.

-- engine: db
create table schema_version (
    version int primary key,
    applied_at timestamptz not null default now()
);
create table code_version (        -- hash of the installed views and functions
    one bool primary key default true check (one),
    hash text not null
);
create table tenant_clock (
    one bool primary key default true check (one),
    shift interval not null default '0',
    frozen timestamptz,
    is_sandbox bool not null default false,  -- may be moved, given faults and reset, whoever may come in
    faults jsonb not null default '{}'       -- that its integrators have asked for
);
create table sandbox_action (      -- what was done to a tenant that is there to be tried out
    id text primary key,
    kind text not null check (kind in ('moveClock', 'setFaults', 'resetDemo')),
    state text not null check (state in ('acknowledged', 'inProgress', 'done', 'terminatedWithError')),
    at timestamptz not null,
    body jsonb not null,           -- what the client sent
    note text                      -- how far it is, or why it failed
);
-- engine: kernel
create table idempotency (         -- what a key was answered, for as long as clients may ask again
    operation text,                -- HTTP; or of a bulk write which operation it was
    key text,
    body_hash bytea not null,      -- of a request: of its method, path and body
    resource_id text,              -- none while its request is still at work
    refused jsonb,                 -- the refusal, when that was the stored answer
    created_at timestamptz not null,
    status smallint,               -- the answer as it was sent; none for bulk writes, whose keys are never forgotten
    headers jsonb,
    body text,
    primary key (operation, key)
);
create index idempotency_created on idempotency (created_at) where status is not null;

-- engine: outbox
create table outbox (              -- every event, in the transaction that made it true; read in (xid, id) order by API
    id text not null,
    xid xid8 not null default pg_current_xact_id(),
    api text not null,
    event_type text not null,
    resource text not null,
    resource_id text not null,
    at timestamptz not null,
    doc jsonb not null,            -- the resource as it then looked from outside
    changed text[],                -- the attributes that a change was of, where that is known
    trace text not null default '',  -- of the request that it came of
    primary key (id)
) partition by range (id);
create index outbox_order on outbox (api, xid, id);
create table audit (               -- who did what; the tenant's role can add to it and change nothing
    id text primary key,
    xid xid8 not null default pg_current_xact_id(),
    at timestamptz not null,
    caller text not null,
    operation text not null,       -- as a scope names it
    resource_id text not null,     -- empty where nothing came to be
    outcome text not null,         -- done, or the code that it was refused with
    trace text not null
);
create index audit_order on audit (xid, id);
create table subscription (        -- who is told of which events of an API, and how far in the outbox: (xid, event_id)
    id text primary key,
    digest bytea not null,         -- of api, callback and query: asked for twice it is one
    api text not null,
    callback text not null,
    query text not null,
    secret text not null,          -- deliveries are signed with it
    born pg_snapshot not null default pg_current_snapshot(),  -- what was committed before is not news to it
    xid xid8 not null default pg_snapshot_xmin(pg_current_snapshot()),
    event_id text not null default '',
    fence bigint not null default 0,  -- raised by every lease: whoever holds an older one writes nothing
    lease_until timestamptz not null,
    failures int not null default 0,  -- in a row; beyond a number of them the circuit is open
    failing_since timestamptz,
    open_until timestamptz,        -- nothing is sent to an open circuit before then
    created_at timestamptz not null,
    ended_at timestamptz,
    ended_why text
);
create unique index subscription_digest on subscription (digest) where ended_at is null;
create table undelivered (         -- events behind a subscription's position that wait for another try, or are dead
    subscription_id text references subscription,
    event_id text,
    xid xid8 not null,
    resource text not null,
    resource_id text not null,
    attempts int not null,
    since timestamptz not null,    -- when it first failed
    due_at timestamptz,            -- none: behind another of its resource, or dead
    dead_at timestamptz,
    status int not null,           -- of its last try over HTTP; 0 without an answer
    reason text not null,
    primary key (subscription_id, event_id)
);
create table delivery (            -- the log: a row for each try
    id text not null,
    subscription_id text not null,
    event_id text not null,
    event_type text not null,
    resource text not null,
    resource_id text not null,
    at timestamptz not null,
    attempt int not null,
    outcome text not null check (outcome in ('delivered', 'failed', 'dead', 'gone')),
    status int not null,
    reason text not null,
    took_ms int not null,
    primary key (id)
) partition by range (id);
create index delivery_subscription on delivery (subscription_id, id);
create table tally (               -- what a worker has counted of events, by hour; the overview adds it up
    series text,                   -- usage, topup, bill, event
    hour timestamptz,
    label text,                    -- kind of usage, or API
    unit text,                     -- currency of the amount; empty where there is none
    number bigint not null,
    amount bigint not null,        -- micros
    primary key (series, hour, label, unit)
);
create table tally_position (      -- how far in the outbox it has counted, by API
    api text primary key,
    xid xid8 not null,
    event_id text not null,
    at timestamptz not null        -- when it last looked
);
create table replay (              -- what an operator had told again
    id text primary key,
    subscription_id text not null references subscription,
    event_id text,                 -- of one dead letter; none: all of them, or everything since
    since timestamptz,             -- none: dead letters
    number bigint,                 -- of dead letters
    at timestamptz not null
);

-- engine: identity
create table api_key (             -- who may ask without a token; the secret itself is kept nowhere
    id text primary key,
    hash bytea not null,           -- SHA-256 of the secret
    name text not null,
    role text not null check (role in ('operator', 'partner', 'subscriber')),
    scopes text[],                 -- none: what the role has
    parties text[] not null,       -- whose it is: no other's is seen; empty: the whole tenant
    rate int check (rate > 0),     -- requests a second; none: what the settings say
    created_at timestamptz not null,
    expires_at timestamptz not null,
    revoked_at timestamptz,
    check (role <> 'subscriber' or cardinality(parties) > 0)
);

-- engine: operations
create table audit_link (          -- the chain that seals the audit: each hash is over the one before and a row
    number bigint primary key,
    audit_id text not null unique,
    hash bytea not null
);

-- engine: catalog
create table catalog_revision (    -- raised by every publication, so that a process knows when to read anew
    one bool primary key default true check (one),
    revision bigint not null
);
create table catalog_file (        -- the published files, as they were written and checked
    path text primary key,
    text text not null
);
create table catalog_item (        -- what the files describe, for those who ask
    kind text check (kind in ('productOffering', 'usageSpecification', 'pricePlan')),
    id text,
    version int,
    valid_from timestamptz,
    doc jsonb not null,
    primary key (kind, id, version)
);
create table usage_specification ( -- what is only described: no usage is read by it
    id text primary key,
    body jsonb not null,           -- what the client said of it
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create table catalog_check (       -- files that somebody had checked, and what was wrong with them
    id text primary key,
    at timestamptz not null,
    files text[] not null,
    problems jsonb not null
);

-- engine: inventory
create table party (
    id text primary key,
    name text not null,
    doc jsonb not null,
    created_at timestamptz not null
);
create table account (
    id text primary key,
    external_id text unique,
    party_id text not null references party,
    kind text not null check (kind in ('prepaid', 'postpaid')),
    currency text not null,
    billing_day smallint not null check (billing_day between 1 and 28),
    open_window bigint not null default 1,
    created_at timestamptz not null
);
create index account_party on account (party_id);
create table device (
    id text primary key,
    account_id text not null references account,
    value text not null,
    created_at timestamptz not null
);
create index device_account on device (account_id);
create index device_value on device (value);
create table product (
    id text primary key,
    external_id text unique,
    kind text not null check (kind in ('subscription', 'addOn')),
    account_id text not null references account,
    device_id text not null references device,
    status text not null check (status in ('active', 'suspended', 'terminated')),
    valid_from timestamptz not null,
    valid_to timestamptz,
    created_at timestamptz not null
);
create index product_account on product (account_id);
create index product_device on product (device_id);
create table number_use (          -- who held a number when; numbers are used again
    number text,
    valid_from timestamptz,
    valid_to timestamptz,
    device_id text not null references device,
    product_id text not null references product,
    primary key (number, valid_from),
    check (valid_to > valid_from)
);
create unique index number_use_open on number_use (number) where valid_to is null;
create index number_use_device on number_use (device_id);
create table product_plan (        -- which offering, and so which plan, a product was on when
    product_id text references product,
    valid_from timestamptz,
    valid_to timestamptz,
    offering_id text not null,
    plan_id text not null,
    primary key (product_id, valid_from)
);
create table subscriber_change (
    id text primary key,
    product_id text not null references product,
    action text not null,
    at timestamptz not null,
    doc jsonb not null
);
create index subscriber_change_product on subscriber_change (product_id);
create table party_erasure (       -- who was to be forgotten, and what that came to
    id text primary key,
    party_id text not null references party,
    state text not null check (state in ('acknowledged', 'done', 'terminatedWithError')),
    reason text,                   -- why it came to nothing
    counts jsonb,                  -- what was changed or removed, by resource
    created_at timestamptz not null,
    completed_at timestamptz
);
create index party_erasure_due on party_erasure (id) where state = 'acknowledged';

-- engine: ledger
create domain system_account as text  -- the other side of what enters and leaves buckets; it stores no balance
    check (value in ('topup_clearing', 'allowance_grant', 'adjust', 'usage_consumed', 'breakage', 'fee', 'carry_forward',
                     'voucher_liability'));
create table bucket (
    id text primary key,
    kind text not null check (kind in ('main', 'allowance')),
    account_id text not null,
    product_id text,               -- the product that granted it; none for an account's main bucket
    device_id text,                -- only this device may draw on it; none: the whole account
    allowance_id text,
    name text not null,
    unit text not null,            -- ledger unit: a currency, byte, second, message …
    display_unit text not null,    -- API unit that answers use, and how many atoms one of it holds
    display_atoms bigint not null check (display_atoms > 0),
    usage_type text not null check (usage_type in ('monetary', 'voice', 'data', 'sms', 'other')),
    usage_label text not null,     -- the kind of usage in the operator's words: data roaming, voice national …
    match jsonb not null default '{}',
    priority smallint not null default 100,
    status text not null default 'active' check (status in ('active', 'suspended')),
    valid_from timestamptz not null,
    valid_to timestamptz,
    credit_limit bigint not null default 0 check (credit_limit >= 0),
    credited bigint not null default 0 check (credited >= 0),
    used bigint not null default 0,
    debited bigint not null default 0 check (debited >= 0),
    reserved bigint not null default 0 check (reserved >= 0),
    version bigint not null default 0,
    created_at timestamptz not null,
    ended_at timestamptz,          -- when what was left in it was written off
    carry_limit bigint check (carry_limit >= 0),  -- how much of its rest the next period's bucket takes over
    carried_at timestamptz,
    body jsonb,                    -- what else an operator said who opened it
    check (credited - used - debited - reserved >= -credit_limit),
    check (valid_to > valid_from)
) with (fillfactor = 80);
create unique index bucket_main on bucket (account_id) where kind = 'main';
create unique index bucket_grant on bucket (product_id, allowance_id, valid_from) where kind = 'allowance';
create index bucket_account on bucket (account_id, coalesce(valid_to, 'infinity'));
create index bucket_ending on bucket (valid_to) where ended_at is null;
create index bucket_carrying on bucket (valid_to) where carry_limit is not null and carried_at is null;
create table bucket_use (          -- who drew how much from a bucket
    bucket_id text references bucket,
    device_id text,
    used bigint not null,
    primary key (bucket_id, device_id)
) with (fillfactor = 80);
create table allowance_schedule (  -- up to when a product's allowances are granted
    product_id text primary key,
    account_id text not null,
    granted_until timestamptz not null
);
create index allowance_schedule_due on allowance_schedule (granted_until);
create index allowance_schedule_account on allowance_schedule (account_id);
create table transfer (            -- the ledger: one debit side, one credit side, never changed
    id text not null,
    at timestamptz not null,
    dr_bucket text,
    dr_system system_account,
    cr_bucket text,
    cr_system system_account,
    unit text not null,
    amount bigint not null check (amount > 0),
    kind text not null,
    action_id text not null,       -- the balance action, usage or grant that caused it
    leg smallint not null default 0,
    dr_after bigint,               -- posted balance and version of the bucket after this row
    dr_version bigint,
    cr_after bigint,
    cr_version bigint,
    primary key (id),
    check ((dr_bucket is null) <> (dr_system is null)),
    check ((cr_bucket is null) <> (cr_system is null))
) partition by range (id);
create index transfer_dr on transfer (dr_bucket, dr_version) where dr_bucket is not null;
create index transfer_cr on transfer (cr_bucket, cr_version) where cr_bucket is not null;
create table balance_action (
    id text primary key,
    kind text not null check (kind in ('topup', 'adjust', 'transfer')),
    bucket_id text not null references bucket,
    account_id text not null,
    unit text not null,
    amount bigint not null,
    status text not null check (status in ('created', 'completed', 'failed', 'cancelled')),
    requested_at timestamptz not null,
    confirmed_at timestamptz,
    reason text,                   -- why it failed
    body jsonb not null,           -- what the client sent
    receiver_bucket_id text references bucket,
    receiver_account_id text,
    cost_bucket_id text references bucket,  -- who paid for a transfer, and how much
    cost bigint check (cost >= 0),
    cost_unit text,
    parent_id text references balance_action,  -- of a run: the recurring action
    period_no int,
    deleted_at timestamptz
);
create index balance_action_bucket on balance_action (bucket_id);
create index balance_action_account on balance_action (account_id, id);
create index balance_action_receiver on balance_action (receiver_bucket_id, id) where receiver_bucket_id is not null;
create unique index balance_action_run on balance_action (parent_id, period_no) where status = 'completed';
create index balance_action_kind on balance_action (kind, id);
create index balance_action_body on balance_action using gin (body jsonb_path_ops);
create table reservation (         -- the open half of a use; changed only under the lock of its bucket
    id text primary key,
    bucket_id text not null references bucket,
    account_id text not null,
    device_id text not null,       -- who will have used it; empty where nobody said
    unit text not null,
    amount bigint not null check (amount >= 0),
    used bigint check (used between 0 and amount),
    status text not null check (status in ('created', 'completed', 'failed', 'cancelled')),
    reason text,                   -- why it failed or ended
    expires_at timestamptz not null,
    requested_at timestamptz not null,
    confirmed_at timestamptz,
    ended_at timestamptz,
    is_told bool not null default true,  -- false: it ended by itself, and no event has said so yet
    deleted_at timestamptz,
    body jsonb not null,           -- what the client sent
    check (status <> 'completed' or used is not null)
) with (fillfactor = 80);
create index reservation_bucket on reservation (bucket_id, id);
create index reservation_account on reservation (account_id, id);
create index reservation_open on reservation (bucket_id, expires_at) where status = 'created';
create index reservation_due on reservation (expires_at) where status = 'created';
create index reservation_untold on reservation (id) where not is_told;
create table balance_schedule (    -- a recurring action: its runs are actions of their own, each period's once
    action_id text primary key references balance_action,
    period text not null check (period in ('weekly', 'fortnightly', 'monthly')),
    anchor timestamptz not null,   -- when the first run was due; the others are counted from there
    runs int check (runs > 0),     -- how many in all; none: without end
    until timestamptz,
    period_no int not null default 0,  -- the next run, from 0
    tries int not null default 0,  -- of that run, that failed
    skips int not null default 0,  -- runs in a row that were given up
    due_at timestamptz             -- none: it is over
);
create index balance_schedule_due on balance_schedule (due_at) where due_at is not null;
create table voucher (
    digest bytea primary key,      -- SHA-256 of the code, which is kept nowhere
    batch text not null,
    unit text not null,
    amount bigint not null check (amount > 0),
    display_unit text not null,
    validity_days int check (validity_days > 0),
    status text not null default 'active' check (status in ('active', 'used', 'blocked')),
    expires_at timestamptz not null,
    created_at timestamptz not null,
    used_at timestamptz,
    used_by text,                  -- the action that redeemed it
    check ((status = 'used') = (used_by is not null))
);
create index voucher_batch on voucher (batch);
create table voucher_attempt (     -- wrong codes in a row, by account
    account_id text primary key,
    failures int not null default 0,
    locked_until timestamptz
);
create table bucket_mark (         -- which shares of what it was credited a bucket has been used to, each told once
    bucket_id text references bucket,
    threshold smallint check (threshold between 1 and 100),
    at timestamptz not null,
    is_told bool not null default false,
    primary key (bucket_id, threshold)
);
create index bucket_mark_untold on bucket_mark (bucket_id) where not is_told;
create table ledger_proof (        -- what was found each time that an operator asked
    id text primary key,
    holds bool not null,
    created_at timestamptz not null,
    lines jsonb not null,          -- one for each invariant
    totals jsonb not null          -- by unit
);
create table charging_session (    -- online charging: what a session holds now
    id text primary key,           -- the client's
    account_id text not null,
    device_id text not null,       -- who uses; empty where nobody said
    last_number bigint not null default -1,
    is_open bool not null default true,
    quotas jsonb not null default '{}',  -- by rating group: the ids of its open reservations
    created_at timestamptz not null
);
create index charging_session_account on charging_session (account_id);
create table charging_request (    -- every request of a session, with what it was answered
    id text primary key,
    session_id text not null references charging_session,
    number bigint not null,
    body_hash bytea not null,
    account_id text not null,
    status text not null,
    created_at timestamptz not null,
    body jsonb not null,           -- what the client sent
    answer jsonb not null,         -- one for each rating group
    unique (session_id, number)
);

-- engine: usage
create table usage (
    id text not null,
    status text not null check (status in ('initialized', 'rejected', 'validated', 'rated', 'corrected', 'superseded',
                                           'notRated', 'failed')),
    reason text,                   -- why it is in suspense
    usage_type text,
    specification_id text not null,
    started_at timestamptz,
    product_id text,
    account_id text,
    device_id text,
    charge_window bigint,          -- the account's bill window that its charge is in; none when nothing is owed
    plan_id text,
    plan_version int,
    unit text,
    quantity bigint,
    prices jsonb not null default '[]',  -- the lines of its rating
    created_at timestamptz not null,
    updated_at timestamptz not null,
    body jsonb not null,           -- what the client sent
    draws jsonb not null default '[]',   -- what it has drawn from buckets: [bucket, atoms] each
    charges jsonb,                 -- what this revision added to its charge_window: [component, zone, tax category,
                                   -- unit, atoms, micros, events] each
    revision int not null default 0,
    actor text not null default 'client',  -- who brought it to this state
    reference text,                -- the record or job that did
    key bytea,                     -- its row in usage_key
    primary key (id)
) partition by range (id);
create index usage_status on usage (status, id);
create index usage_named on usage (coalesce(body #>> '{product,id}', product_id), id);  -- as product_usage() shows it
create index usage_device on usage (device_id, started_at);
create index usage_account on usage (account_id, charge_window);
create index usage_body on usage using gin (body jsonb_path_ops);
create table usage_key (           -- one row for each record that was ever taken
    key bytea primary key,
    usage_id text not null,
    body_hash bytea not null,
    version int not null default 0  -- of the record; a higher one supersedes
);
create table charge (              -- the open bill window: what an account owes for usage, by component
    account_id text,
    charge_window bigint,
    product_id text,
    component text,
    zone text,
    tax_category text,
    unit text not null,
    quantity bigint not null,
    amount bigint not null,        -- micros, net
    events bigint not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    bill_id text,
    primary key (account_id, charge_window, product_id, component, zone, tax_category)
) with (fillfactor = 80);
create index charge_open on charge (account_id, product_id) where bill_id is null;
create table usage_history (       -- what a usage was before each of its changes
    usage_id text,
    revision int,
    status text not null,
    reason text,
    actor text not null,
    reference text,
    at timestamptz not null,       -- when it came to be so
    account_id text,
    charge_window bigint,
    charges jsonb,
    plan_id text,
    plan_version int,
    prices jsonb not null,
    draws jsonb not null,
    primary key (usage_id, revision)
);
create index usage_history_charged on usage_history (account_id, charge_window) where charge_window is not null;
create table usage_counter (       -- what a product has used in a period of a component that is priced by the period
    product_id text,
    plan_id text,
    plan_version int,
    component text,
    period timestamptz,            -- its start
    quantity bigint not null,
    primary key (product_id, plan_id, plan_version, component, period)
) with (fillfactor = 80);
create table usage_job (           -- work over all usages that a filter means, done in steps
    id text primary key,
    kind text not null check (kind in ('retry', 'rerate')),
    state text not null check (state in ('acknowledged', 'inProgress', 'done', 'terminatedWithError')),
    filter jsonb not null,
    plan_version int,              -- of re-rating: the version that prices, whatever the dates say
    total bigint not null,
    counts jsonb not null default '{}',
    place text not null default '',  -- of one without parts, as the version before opens them: how far it is
    error text,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create table usage_job_part (      -- a job's accounts in parts, which workers take beside each other
    job_id text references usage_job,
    part int,
    after text not null,           -- its accounts are those after this one
    until text,                    -- up to this one; none: all, and usages that are nobody's yet
    state text not null default 'acknowledged' check (state in ('acknowledged', 'inProgress', 'done')),
    counts jsonb not null default '{}',
    place text not null,           -- of the last account or usage that is done
    updated_at timestamptz not null,
    primary key (job_id, part)
);
create table usage_explanation (   -- a rating told step by step
    id text primary key,
    usage_id text,                 -- none: of a record that is not stored
    created_at timestamptz not null,
    doc jsonb not null
);
create table usage_restoring (     -- what restored usages are yet to become, and when they did where they come from
    usage_id text primary key,
    at timestamptz not null,
    status text not null,
    reason text,
    plan_version int
);
create table usage_import (
    id text primary key,
    file text not null,
    started_at timestamptz not null,
    finished_at timestamptz,
    counts jsonb not null default '{}',
    laid bool                      -- of one in parts: whether all of the file is in parts
);
create table usage_import_line (   -- what was not taken, with the reason and the line as it came
    import_id text references usage_import,
    line bigint,
    outcome text not null,
    reason text not null,
    text text not null,
    primary key (import_id, line)
);
create table usage_import_part (   -- lines of a file that workers take beside each other, gone when they are done
    import_id text references usage_import,
    number bigint,                 -- in the order of the file
    lane int not null,             -- what is of one lane is done in order
    behind bigint not null,        -- all parts up to this one are done before, of whatever lane
    taken int not null default 0,  -- records at its front that are done
    lines bytea not null,
    primary key (import_id, number)
);
create table usage_import_lane (   -- what came of a lane so far; there until the import is done
    import_id text references usage_import,
    lane int,
    counts jsonb not null default '{}',
    primary key (import_id, lane)
);
create table export_job (          -- a file of usage that somebody asked for
    id text primary key,
    status text not null check (status in ('Not Started', 'Running', 'Succeeded', 'Failed')),
    created_at timestamptz not null,
    completed_at timestamptz,
    body jsonb not null,           -- what the client sent
    fence bigint not null default 0,  -- raised by every lease: whoever holds an older one writes nothing
    lease_until timestamptz,       -- while it runs: nobody else takes it before then
    row_count bigint,              -- records written so far, and of how many
    row_total bigint,
    size bigint,                   -- bytes of the finished file, their SHA-256, and where it is
    checksum text,
    url text,
    error text                     -- why it failed
);
create index export_job_open on export_job (id) where completed_at is null;

-- engine: billing
create table billing_policy (      -- how an operator bills, as it was set; what it does not say has defaults
    one bool primary key default true check (one),
    doc jsonb not null
);
create table bill_account (        -- whose row is locked while anything of an account's bills changes
    account_id text primary key,
    bills int not null default 0,  -- made so far
    billed_until timestamptz       -- where the period of the last one ends
) with (fillfactor = 50);
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
    documents text not null default 'due' check (documents in ('due', 'made', 'failed')),
    check (abs(paid) <= abs(net + tax + rounding))
) with (fillfactor = 80);
create unique index bill_place on bill (account_id, place);
create unique index bill_of_run on bill (run_id, account_id);
create index bill_open on bill (account_id, place) where paid < owed and category not in ('trial', 'duplicate');
create index bill_held on bill (id) where state = 'onHold';
create index bill_undocumented on bill (id)
    where documents = 'due' and category <> 'trial' and state not in ('new', 'onHold');
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
create table bill_facts (          -- what the documents of a bill say, as it was when they were first made
    bill_id text primary key references bill,
    doc jsonb not null
);
create table bill_content (        -- the bytes of documents, each once
    hash bytea primary key,        -- their SHA-256
    content bytea not null
);
alter table bill_content alter column content set storage external;  -- it is compressed already
create table bill_document (
    bill_id text references bill,
    kind text check (kind in ('pdf', 'ubl')),
    hash bytea not null references bill_content,
    size bigint not null,
    made_at timestamptz not null,
    primary key (bill_id, kind)
);
create index bill_document_content on bill_document (hash);
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
    suspended text[] not null default '{}',  -- the products that it suspended
    lifted_at timestamptz,         -- when they were resumed, everything being paid
    unique (bill_id, step)
);
create index bill_dunning_suspended on bill_dunning (account_id) where suspended <> '{}' and lifted_at is null;
create table tax_exemption (       -- while it is valid nothing on the account's bills has tax; one at a time
    id text primary key,
    account_id text not null,
    tax_category text not null check (tax_category in ('E', 'AE')),
    reason text not null,
    reason_code text,              -- of the list VATEX
    certificate text,
    jurisdiction text,
    tax_number text,               -- the customer's, who owes the tax where the charge is reversed
    valid_from timestamptz not null,
    valid_to timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    check (valid_to > valid_from),
    check (tax_category <> 'AE' or tax_number is not null)
);
create index tax_exemption_account on tax_exemption (account_id, valid_from);
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
create unique index bill_demand_one on bill_demand (account_id)
    where kind = 'interim' and state = 'inProgress' and reason is null;

-- engine: consumption
create table consumption_query (   -- a question for the consumption of devices, and what came of it
    id text primary key,
    state text not null check (state in ('acknowledged', 'rejected', 'inProgress', 'done', 'terminatedWithError')),
    created_at timestamptz not null,
    body jsonb not null,           -- what the client sent
    reason text,                   -- why it was rejected, or came to nothing
    fence bigint not null default 0,  -- raised by every lease: whoever holds an older one writes nothing
    lease_until timestamptz        -- while it is worked at: nobody else takes it before then
);
create index consumption_query_open on consumption_query (id) where state in ('acknowledged', 'inProgress');
create table consumption_report (  -- what was reported, as it stood then
    id text primary key,           -- of a query's: the query's, and its number
    query_id text references consumption_query on delete cascade,
    place int,                     -- its number in the query
    account_id text,               -- none: of nobody who is known
    device_id text,                -- none: of the whole account
    created_at timestamptz not null,
    snapshot jsonb,
    body jsonb not null default '{}',  -- what the client sent
    check ((query_id is null) = (place is null)),
    unique (query_id, place)
);
create index consumption_report_device on consumption_report (device_id, id);
create index consumption_report_account on consumption_report (account_id, id);
create table consumption_limit (   -- how much a device may spend, or use of an allowance, before somebody is told
    id text primary key,
    account_id text not null,
    device_id text not null,
    allowance_id text not null,    -- of which shared allowance; empty: of money
    unit text not null,
    amount bigint not null check (amount > 0),
    display_unit text not null,
    display_atoms bigint not null check (display_atoms > 0),
    thresholds smallint[] not null,
    period_start timestamptz not null,  -- of money paid ahead: the month that is counted, and what had been paid before
    base bigint not null default 0,
    checked_at timestamptz not null,
    created_at timestamptz not null,
    body jsonb not null            -- what the client sent
);
create index consumption_limit_device on consumption_limit (device_id);
create index consumption_limit_account on consumption_limit (account_id);
create index consumption_limit_checked on consumption_limit (checked_at, id);
create table consumption_limit_mark (  -- which shares of a limit were reached in which period, each told once
    limit_id text references consumption_limit on delete cascade,
    period text,
    threshold smallint check (threshold between 1 and 1000),
    at timestamptz not null,
    primary key (limit_id, period, threshold)
);
create table consumption_language (  -- in which words amounts are told; none: in English
    one bool primary key default true check (one),
    language text not null,
    words jsonb not null
);

-- engine: recommendation
create table recommendation_policy (  -- the rules by which offerings are ranked, as they were published; the last holds
    version int primary key,
    text text not null,
    published_at timestamptz not null
);
create table recommendation_model (
    version int primary key,
    trained_at timestamptz not null,
    status text not null check (status in ('active', 'retired', 'refused')),
    reason text,                   -- why it was refused
    ridge int not null,
    digest text not null,          -- of what it was trained on
    items text[] not null,
    weights bytea not null,        -- float32, row by row
    popularity jsonb not null,     -- owners by segment and offering
    tally jsonb not null,          -- how often shown and taken, by segment and offering
    metrics jsonb not null
);
create unique index recommendation_model_active on recommendation_model (status) where status = 'active';
create table recommendation_consent (
    party_id text primary key,
    opted_out bool not null,
    at timestamptz not null
);
create table recommendation_query (
    id text primary key,
    state text not null check (state in ('accepted', 'inProgress', 'done', 'terminatedWithError')),
    type text not null,
    party_id text,                 -- none: nobody that OXL knows
    created_at timestamptz not null,
    lease_until timestamptz,       -- of one in progress: then another worker may take it
    valid_to timestamptz,
    model_version int,
    policy_version int,
    body jsonb not null,           -- what the client sent
    items jsonb not null default '[]',
    reason text                    -- why it was terminated
);
create index recommendation_query_waiting on recommendation_query (id) where state in ('accepted', 'inProgress');
create index recommendation_query_body on recommendation_query using gin (body jsonb_path_ops);
create table recommendation_exposure (  -- every offering that was shown, and what came of it
    query_id text references recommendation_query,
    rank smallint,
    party_id text,
    offering_id text not null,
    device_id text,
    segment text not null,
    variant text not null,
    source text not null,
    score int not null,
    explored bool not null,
    at timestamptz not null,
    taken_at timestamptz,          -- when the offering was bought, by acceptance or in another way soon after
    product_id text,               -- what it became
    accepted_at timestamptz,
    body jsonb,                    -- of the acceptance
    primary key (query_id, rank)
);
create index recommendation_exposure_party on recommendation_exposure (party_id, at);
create index recommendation_exposure_accepted on recommendation_exposure (accepted_at) where accepted_at is not null;
