-- API keys, and who did what.

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
create table audit_link (          -- the chain that seals the audit: each hash is over the one before and a row
    number bigint primary key,
    audit_id text not null unique,
    hash bytea not null
);
alter table outbox add trace text not null default '';
