-- Erasures of parties from outside, and what the kernel forgets with them.

-- define: operator_erasure
create function operator_erasure(now_ timestamptz)
returns table (id text, doc jsonb, party_id text, state text, created_at timestamptz)
language sql stable as $$
    select e.id,
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'PartyErasure', 'id', e.id, 'party', ref(e.party_id, 'Individual'), 'state', e.state,
               'stateReason', e.reason, 'outcome', e.counts, 'creationDate', instant_text(e.created_at),
               'completionDate', instant_text(e.completed_at))),
           e.party_id, e.state, e.created_at
    from inventory_erasure() e
$$

-- name: forget_answers
select forget_answers($1)
