-- Balance actions whole: reservations.

-- engine: ledger
alter table balance_action
    add receiver_bucket_id text references bucket,
    add receiver_account_id text,
    add cost_bucket_id text references bucket,
    add cost bigint check (cost >= 0),
    add cost_unit text,
    add parent_id text references balance_action,
    add period_no int,
    add deleted_at timestamptz,
    drop constraint balance_action_kind_check,
    add constraint balance_action_kind_check check (kind in ('topup', 'adjust', 'transfer'));
create index balance_action_account on balance_action (account_id, id);
create index balance_action_receiver on balance_action (receiver_bucket_id, id) where receiver_bucket_id is not null;
create unique index balance_action_run on balance_action (parent_id, period_no) where status = 'completed';
alter table bucket
    add ended_at timestamptz,
    add carry_limit bigint check (carry_limit >= 0),
    add carried_at timestamptz,
    add body jsonb;
create index bucket_carrying on bucket (valid_to) where carry_limit is not null and carried_at is null;
create index bucket_ending on bucket (valid_to) where ended_at is null;
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
