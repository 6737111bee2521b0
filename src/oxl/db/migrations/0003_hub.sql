-- Subscriptions to events and what became of each delivery.

-- engine: outbox
drop index outbox_order;
create index outbox_order on outbox (api, xid, id);
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
