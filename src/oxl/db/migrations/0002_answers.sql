-- Whole answers are kept for idempotency keys, and events say which attributes changed.

alter table idempotency add column status smallint;
alter table idempotency add column headers jsonb;
alter table idempotency add column body text;
create index idempotency_created on idempotency (created_at) where status is not null;

alter table outbox add column changed text[];
