-- In which words amounts are told.

-- define: consumption_words
-- The words of the operator's language (words.py makes them); English where none was chosen.
create function consumption_words() returns table (w jsonb)
language sql stable as $$
    select coalesce((select words from consumption_language), '{
        "title": "Usage consumption of {0}", "left": "{0} left", "unlimited": "Unlimited", "exhausted": "exhausted",
        "decimal": ".", "group": ",", "money": "{1}{0}",
        "symbols": {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹", "BRL": "R$", "CNY": "CN¥"},
        "units": {"byte": ["{0} byte", "{0} byte"], "bytes": ["{0} byte", "{0} byte"], "B": ["{0} byte", "{0} byte"],
            "kB": ["{0} kB", "{0} kB"], "KB": ["{0} kB", "{0} kB"], "MB": ["{0} MB", "{0} MB"],
            "Mo": ["{0} MB", "{0} MB"], "GB": ["{0} GB", "{0} GB"], "Go": ["{0} GB", "{0} GB"],
            "TB": ["{0} TB", "{0} TB"], "KiB": ["{0} KiB", "{0} KiB"], "MiB": ["{0} MiB", "{0} MiB"],
            "GiB": ["{0} GiB", "{0} GiB"], "s": ["{0} sec", "{0} sec"], "sec": ["{0} sec", "{0} sec"],
            "second": ["{0} sec", "{0} sec"], "seconds": ["{0} sec", "{0} sec"], "min": ["{0} min", "{0} min"],
            "mins": ["{0} min", "{0} min"], "minute": ["{0} min", "{0} min"],
            "minutes": ["{0} min", "{0} min"], "h": ["{0} hr", "{0} hr"], "hour": ["{0} hr", "{0} hr"],
            "hours": ["{0} hr", "{0} hr"], "sms": ["{0} SMS", "{0} SMS"], "message": ["{0} SMS", "{0} SMS"],
            "messages": ["{0} SMS", "{0} SMS"], "mms": ["{0} MMS", "{0} MMS"],
            "points": ["{0} points", "{0} points"], "tv-minute": ["{0} min", "{0} min"],
            "tv-hour": ["{0} hr", "{0} hr"]}}')
$$

-- define: consumption_amount
-- Atoms as a person reads them: 1.8 GB, €3.50, 70 min. What is less than one of a large unit is told in a smaller one.
create function consumption_amount(atoms bigint, per bigint, unit text, w jsonb) returns text
language plpgsql immutable as $$
declare
    told numeric;
    form text;
    digits text;
begin
    if abs(atoms) < per and atoms <> 0 and unit in ('TB', 'GB', 'Go', 'MB', 'Mo') then
        unit := case when abs(atoms) >= 1000000000 then 'GB' when abs(atoms) >= 1000000 then 'MB' else 'kB' end;
        per := case unit when 'GB' then 1000000000 when 'MB' then 1000000 else 1000 end;
    end if;
    told := round(atoms::numeric / per, 2);
    form := w -> 'units' -> unit ->> case when told = 1 then 0 else 1 end;
    if form is null and unit not in ('JPY', 'KRW') then
        digits := to_char(told, 'FM999,999,999,999,990.00');
    else
        digits := rtrim(to_char(told, 'FM999,999,999,999,990.99'), '.');
    end if;
    digits := translate(digits, ',.', (w ->> 'group') || (w ->> 'decimal'));
    if form is not null then
        return replace(form, '{0}', digits);
    end if;
    form := case when unit ~ '^[A-Z]{3}$' then w ->> 'money' else '{0} {1}' end;
    return replace(replace(form, '{0}', digits), '{1}', coalesce(w -> 'symbols' ->> unit, unit));
end $$

-- define: consumption_left
create function consumption_left(atoms bigint, per bigint, unit text, w jsonb) returns text
language sql immutable as $$
    select case when atoms <= 0 then w ->> 'exhausted'
                else replace(w ->> 'left', '{0}', consumption_amount(atoms, per, unit, w)) end
$$
