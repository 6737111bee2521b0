-- Live consumption whole: reports of their own, queries that are answered later, limits, words of a language.

-- engine: ledger
drop index bucket_account;
create index bucket_account on bucket (account_id, coalesce(valid_to, 'infinity'));

-- engine: usage
create index charge_open on charge (account_id, product_id) where bill_id is null;

-- engine: consumption
create temporary table asked on commit drop as
select id, state, created_at, body, snapshots, reason from consumption_query;
drop table consumption_query;
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
insert into consumption_query (id, state, created_at, body, reason)
select id, state, created_at, body, reason from asked;
insert into consumption_report (id, query_id, place, account_id, device_id, created_at, snapshot)
select a.id || '.' || s.n, a.id, s.n, s.snapshot ->> 'account', s.snapshot ->> 'device', a.created_at,
       s.snapshot || jsonb_build_object('devices', jsonb_build_array(jsonb_build_object(
           'id', s.snapshot ->> 'device', 'number', s.snapshot ->> 'number', 'product', s.snapshot ->> 'product',
           'offering', s.snapshot ->> 'offering')))
from asked a cross join lateral jsonb_array_elements(a.snapshots) with ordinality as s (snapshot, n);
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
    body jsonb not null,           -- what the client sent
    unique (device_id, allowance_id)
);
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
