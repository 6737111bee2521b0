-- What the operator sees of recommendations: what was shown, what came of it, consent, models.

-- define: operator_acceptance
create function operator_acceptance(now_ timestamptz)
returns table (id text, doc jsonb, offering_id text, product_id text, party_id text, at timestamptz)
language sql stable as $$
    select a.query_id || '.' || a.rank,
           a.body || jsonb_strip_nulls(jsonb_build_object(
               '@type', 'RecommendationAcceptance', 'id', a.query_id || '.' || a.rank,
               'productOffering', ref(a.offering_id, 'ProductOffering'), 'product', ref(a.product_id, 'Product'),
               'relatedParty', ref(a.party_id, 'Individual'), 'acceptanceDate', instant_text(a.at))),
           a.offering_id, a.product_id, a.party_id, a.at
    from recommendation_accepted() a
$$

-- define: operator_consent
create function operator_consent(now_ timestamptz) returns table (id text, doc jsonb, consent text)
language sql stable as $$
    select c.party_id,
           jsonb_build_object(
               '@type', 'RecommendationConsent', 'id', c.party_id, 'relatedParty', ref(c.party_id, 'Individual'),
               'consent', case when c.opted_out then 'denied' else 'given' end, 'lastUpdate', instant_text(c.at)),
           case when c.opted_out then 'denied' else 'given' end
    from recommendation_consent_of() c
$$

-- define: operator_model
create function operator_model(now_ timestamptz) returns table (id text, doc jsonb, status text)
language sql stable as $$
    select m.version::text,
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'RecommendationModel', 'id', m.version::text, 'version', m.version, 'status', m.status,
               'statusReason', m.reason, 'creationDate', instant_text(m.trained_at), 'metrics', m.metrics)),
           m.status
    from recommendation_model_of() m
$$

-- define: operator_exposure
create function operator_exposure(now_ timestamptz)
returns table (id text, doc jsonb, party_id text, offering_id text, source text, rank int, at timestamptz,
               taken_at timestamptz, variant text)
language sql stable as $$
    select e.query_id || '.' || e.rank,
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'RecommendationExposure', 'id', e.query_id || '.' || e.rank,
               'queryProductRecommendation', ref(e.query_id, 'QueryProductRecommendation'), 'priority', e.rank,
               'relatedParty', ref(e.party_id, 'Individual'), 'productOffering', ref(e.offering_id, 'ProductOffering'),
               'logicalResource', ref(e.device_id, 'LogicalResource'), 'segment', e.segment,
               'variant', nullif(e.variant, ''), 'source', e.source, 'score', in_units(e.score, 1000000),
               'isExplored', e.explored, 'exposureDate', instant_text(e.at), 'takenDate', instant_text(e.taken_at),
               'acceptanceDate', instant_text(e.accepted_at), 'product', ref(e.product_id, 'Product'))),
           e.party_id, e.offering_id, e.source, e.rank, e.at, e.taken_at, nullif(e.variant, '')
    from recommendation_shown() e
$$

-- define: operator_take_up
-- Of the last thirty days.
create function operator_take_up(now_ timestamptz) returns table (id text, doc jsonb, source text, rank int)
language sql stable as $$
    select t.source || '.' || t.rank,
           jsonb_build_object(
               '@type', 'RecommendationTakeUp', 'id', t.source || '.' || t.rank, 'source', t.source, 'priority', t.rank,
               'shown', t.shown, 'taken', t.taken, 'accepted', t.accepted,
               'takeUp', trim_scale(round(t.taken::numeric / t.shown, 6))),
           t.source, t.rank
    from recommendation_take_up(now_ - interval '30 days') t
$$
