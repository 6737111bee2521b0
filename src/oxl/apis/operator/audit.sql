-- The audit from outside.

-- define: operator_audit
create function operator_audit(now_ timestamptz)
returns table (id text, doc jsonb, caller text, operation text, resource_id text, outcome text, trace text, at timestamptz)
language sql stable as $$
    select a.id,
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'AuditRecord', 'id', a.id, 'caller', a.caller, 'operation', a.operation,
               'resourceId', nullif(a.resource_id, ''), 'outcome', a.outcome, 'traceId', nullif(a.trace, ''),
               'creationDate', instant_text(a.at))),
           a.caller, a.operation, a.resource_id, a.outcome, a.trace, a.at
    from audit_record() a
$$
