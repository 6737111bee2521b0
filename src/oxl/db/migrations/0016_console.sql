-- What the console shows and does: figures over time, replays, checks of catalog files, sandboxes.

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
create table catalog_check (       -- files that somebody had checked, and what was wrong with them
    id text primary key,
    at timestamptz not null,
    files text[] not null,
    problems jsonb not null
);
-- locks: bills are written by runs alone, and the few that are held are soon found
create index bill_held on bill (id) where state = 'onHold';
alter table tenant_clock add is_sandbox bool not null default false, add faults jsonb not null default '{}';
create table sandbox_action (      -- what was done to a tenant that is there to be tried out
    id text primary key,
    kind text not null check (kind in ('moveClock', 'setFaults', 'resetDemo')),
    state text not null check (state in ('acknowledged', 'inProgress', 'done', 'terminatedWithError')),
    at timestamptz not null,
    body jsonb not null,           -- what the client sent
    note text                      -- how far it is, or why it failed
);
-- contract: nobody asked for it by that
drop index usage_product;
-- locks: usage has partitions, of which PostgreSQL makes no index beside others' work; it is made once, and soon
create index usage_named on usage (coalesce(body #>> '{product,id}', product_id), id);
