-- Jobs over many usages in parts, which any number of workers take beside each other.

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
