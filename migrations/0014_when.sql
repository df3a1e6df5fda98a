-- What a query says of time, as the service reads it (`shared/src/domain/when`), made into ranges. Only here is it
-- known what day it is where the caller is.

-- The midnight of a mark: its base, months and days later, and `p_years` years. The base is a year's first day, for a
-- number; or that of the `day`, `week`, `month` or `year` in which `p_now`, less the mark's lead, lies. Weeks begin on
-- Monday.
create function memories.asked_midnight(p_mark jsonb, p_now timestamp, p_years integer) returns timestamp
language plpgsql immutable strict
set search_path = ''
as $$
begin
    return case jsonb_typeof(p_mark -> 'base')
        when 'number' then make_timestamp((p_mark ->> 'base')::integer, 1, 1, 0, 0, 0)
        else date_trunc(
            p_mark ->> 'base',
            p_now - make_interval(
                months => coalesce((p_mark ->> 'leadMonths')::integer, 0),
                days => coalesce((p_mark ->> 'leadDays')::integer, 0)
            )
        )
    end + make_interval(
        years => p_years,
        months => coalesce((p_mark ->> 'months')::integer, 0),
        days => coalesce((p_mark ->> 'days')::integer, 0)
    );
end
$$;

-- When the spans were, [{from, to, eachYear}]: from the one mark to just before the other, without an end where one
-- is missing; in each of the last ten years, this one and the next where it is `eachYear`. A time zone that
-- Postgres does not know fails with 22023 (invalid_parameter_value), whatever the spans.
create function memories.asked_ranges(p_spans jsonb, p_time_zone text, p_now timestamptz) returns tstzmultirange
language plpgsql stable strict
set search_path = ''
as $$
declare
    v_now timestamp := p_now at time zone p_time_zone;
    v_ranges tstzmultirange;
begin
    select range_agg(tstzrange(r.starts, r.ends)) into v_ranges
    from jsonb_to_recordset(p_spans) as s ("from" jsonb, "to" jsonb, "eachYear" boolean)
    cross join lateral generate_series(
        case when s."eachYear" then -10 else 0 end, case when s."eachYear" then 1 else 0 end
    ) as y (years)
    cross join lateral (
        select
            memories.asked_midnight(s."from", v_now, y.years) at time zone p_time_zone as starts,
            memories.asked_midnight(s."to", v_now, y.years) at time zone p_time_zone as ends
    ) as r
    where (r.starts < r.ends) is not false;
    return coalesce(v_ranges, '{}');
end
$$;

-- Lexemes of turns that tell a time: a query that asks for one is more likely answered by them. `TIME_WORDS` in the
-- service is the same list.
create function memories.time_words() returns tsquery
language sql immutable parallel safe
set search_path = ''
as $$
    select $words$
        'yesterday' | 'today' | 'tonight' | 'tomorrow' | 'ago' | 'last' | 'next' | 'past' | 'sinc'
        | 'week' | 'weekend' | 'month' | 'year'
        | 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday' | 'sunday'
        | 'januari' | 'februari' | 'march' | 'april' | 'june' | 'juli'
        | 'august' | 'septemb' | 'octob' | 'novemb' | 'decemb'
        | 'summer' | 'winter'
    $words$::tsquery
$$;

revoke all on function memories.asked_midnight(jsonb, timestamp, integer) from public;
revoke all on function memories.asked_ranges(jsonb, text, timestamptz) from public;
revoke all on function memories.time_words() from public;
grant execute on function memories.asked_midnight(jsonb, timestamp, integer) to authenticated;
grant execute on function memories.asked_ranges(jsonb, text, timestamptz) to authenticated;
grant execute on function memories.time_words() to authenticated;
