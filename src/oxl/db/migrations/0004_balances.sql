-- Balance actions whole: reservations.

-- engine: ledger
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
