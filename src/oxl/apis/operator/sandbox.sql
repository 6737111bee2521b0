-- What operators see of replays, checks of catalog files, and sandboxes.

-- define: operator_replay
create function operator_replay(now_ timestamptz)
returns table (id text, doc jsonb, subscription_id text, at timestamptz)
language sql stable as $$
    select r.id,
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'EventReplay', 'id', r.id, 'hubListener', ref(r.subscription_id, 'HubListener'),
               'deadLetter', ref(r.subscription_id || '.' || r.event_id, 'DeadLetter'), 'startDateTime', instant_text(r.since),
               'number', r.number, 'creationDate', instant_text(r.at))),
           r.subscription_id, r.at
    from outbox_replay() r
$$

-- define: operator_catalog_check
create function operator_catalog_check(now_ timestamptz) returns table (id text, doc jsonb, status text, at timestamptz)
language sql stable as $$
    select c.id,
           jsonb_build_object(
               '@type', 'CatalogCheck', 'id', c.id, 'creationDate', instant_text(c.at), 'status', s.status,
               'file', (select jsonb_agg(jsonb_build_object('path', p) order by n)
                        from unnest(c.files) with ordinality as f (p, n)),
               'problem', c.problems),
           s.status, c.at
    from catalog_checked() c, lateral (select case when c.problems = '[]' then 'good' else 'faulty' end as status) s
$$

-- define: operator_sandbox
create function operator_sandbox(now_ timestamptz) returns table (id text, doc jsonb)
language sql stable as $$
    select 'sandbox',
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'Sandbox', 'id', 'sandbox', 'now', instant_text(now_), 'isMarked', s.is_sandbox,
               'timeZone', coalesce((select p.doc ->> 'timeZone' from bill_policy_doc() p), 'Europe/Berlin'),
               'ahead', round(extract(epoch from s.shift)), 'frozen', instant_text(s.frozen), 'faults', s.faults))
    from sandbox_state() s
$$

-- define: operator_sandbox_action
create function operator_sandbox_action(now_ timestamptz)
returns table (id text, doc jsonb, kind text, state text, at timestamptz)
language sql stable as $$
    select a.id,
           a.body || jsonb_strip_nulls(jsonb_build_object(
               '@type', 'SandboxAction', 'id', a.id, 'kind', a.kind, 'state', a.state, 'creationDate', instant_text(a.at),
               'note', a.note)),
           a.kind, a.state, a.at
    from sandbox_done() a
$$
