-- API keys.

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
