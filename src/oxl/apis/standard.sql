-- How the views of all APIs show values; the counterpart of standard.py.

-- define: instant_text
create function instant_text(at timestamptz) returns text
language sql stable as $$ select to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $$

-- define: in_units
-- Atoms as an amount in units of `per` atoms, exact or to six decimals, with no trailing zeros.
create function in_units(atoms bigint, per bigint) returns numeric
language sql immutable as $$ select trim_scale(round(atoms::numeric / per, 6)) $$

-- define: quantity
create function quantity(atoms bigint, per bigint, units text) returns jsonb
language sql immutable as $$ select jsonb_build_object('amount', in_units(atoms, per), 'units', units) $$

-- define: quantity_name
create function quantity_name(atoms bigint, per bigint, units text) returns text
language sql immutable as $$ select trim_scale(round(atoms::numeric / per, 2)) || ' ' || units $$
