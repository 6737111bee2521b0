-- Proofs of the ledger that operators asked for, and sessions of online charging.

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
