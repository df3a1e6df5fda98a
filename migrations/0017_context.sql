-- Context in less of the database's time: the same formula, with plans that are made once for each
-- connection, from fewer candidates, among which are those of the days that the query names. Each turn tells
-- the day that it was in the caller's time zone.

-- Bound when it is created, it needs no search_path, and without one it is put into what calls it.
create or replace function memories.large_index_name(p_user_id uuid, p_model text, p_dimensions integer)
returns text
language sql immutable parallel safe
return 'turn_embeddings_large_' || md5(p_user_id::text || '/' || p_dimensions::text || '/' || p_model);

-- Searching ---------------------------------------------------------------------

-- Turns and how near they are: all, in no order, or with a limit the nearest, in order, which are found by
-- the user's own index if there is one. Those of one session are found by the session.
create or replace function memories.match_embedding(
    p_model text,
    p_embedding extensions.halfvec,
    p_session_id uuid,
    p_limit integer
)
returns table (turn_id uuid, similarity double precision)
language plpgsql stable
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
    v_user_id uuid := memories.user_id();
begin
    if p_embedding is null then
        return;
    elsif p_session_id is not null then
        return query
        select e.turn_id, -(e.embedding operator(extensions.<#>) p_embedding)
        from memories.turns as t
        cross join lateral (
            select e.turn_id, e.embedding
            from memories.turn_embeddings as e
            where e.user_id = v_user_id and e.turn_id = t.id and e.model = p_model
            offset 0
        ) as e
        where t.user_id = v_user_id and t.session_id = p_session_id
        order by case when p_limit > 0 then e.embedding operator(extensions.<#>) p_embedding end
        limit p_limit;
    elsif p_limit <= 1000
        and memories.has_large_index(p_model, extensions.vector_dims(p_embedding))
    then
        return query
        select l.turn_id, l.similarity
        from memories.match_large(v_user_id, p_model, p_embedding, p_limit) as l;
    elsif extensions.vector_dims(p_embedding) <= 1024 then
        return query
        select e.turn_id, -(e.embedding operator(extensions.<#>) p_embedding)
        from memories.turn_embeddings as e
        where e.user_id = v_user_id and e.model = p_model and e.dimensions <= 1024
        order by case when p_limit > 0 then e.embedding operator(extensions.<#>) p_embedding end
        limit p_limit;
    else
        return query
        select e.turn_id, -(e.embedding operator(extensions.<#>) p_embedding)
        from memories.turn_embeddings as e
        where e.user_id = v_user_id and e.model = p_model
        order by case when p_limit > 0 then e.embedding operator(extensions.<#>) p_embedding end
        limit p_limit;
    end if;
end
$$;

drop function memories.match_text(text, uuid, integer);

-- Turns that hold words of the query, which are lexemes, and how much that says: the sum of what each shared
-- word says by being rare (Robertson and Sparck Jones' idf) over the turn's length. `p_turns` is how many
-- turns there are. A word of more than a fifth of them says nothing, and is not counted to its end; should
-- all be such, what was found of them has to do. Thirty-two words at most, the longest, which are the rarest.
-- `security definer`: `@>` is not leakproof, so under row level security no index could serve it; it
-- filters on the user itself, by a condition that no other index takes.
create function memories.match_text(p_words text[], p_session_id uuid, p_turns integer)
returns table (turn_id uuid, weight double precision)
language plpgsql stable security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
    v_user_id uuid := memories.user_id();
    v_most integer := least(1000, greatest(50, p_turns / 5));
begin
    return query
    with matches as materialized (
        select t.id, t.turns, 1 / (1 + 0.01::double precision * length(t.tsv)) as brevity
        from unnest(
            memories.word_keys(
                v_user_id,
                array(select w from unnest(p_words) as w order by length(w) desc, w limit 32)
            )
        ) as k (key)
        cross join lateral (
            select t.id, t.tsv, count(*) over ()::double precision as turns
            from (
                select t.id, t.tsv
                from memories.turns as t
                where memories.word_keys(t.user_id, tsvector_to_array(t.tsv)) @> array[k.key]
                    and (t.user_id = v_user_id) is true
                    and (p_session_id is null or t.session_id = p_session_id)
                limit v_most + 1
            ) as t
        ) as t
    )
    select
        m.id,
        sum(
            m.brevity
            * ln(1 + greatest(p_turns - m.turns + 0.5::double precision, 0.5) / (m.turns + 0.5::double precision))
        )
    from matches as m
    where m.turns <= v_most or not exists (select from matches as o where o.turns <= v_most)
    group by m.id;
end
$$;

drop function memories.fetch_context(
    uuid, boolean, integer, text, text, extensions.halfvec, integer, boolean, jsonb, text, boolean
);

-- `p_session_only` narrows relevance to the session. `p_recent` is how many of the latest turns count by
-- themselves: the session's, or without a session the user's. A recent turn scores 0.9 to the power of
-- its age in turns. Whether the query asks for a time, and which days it names in which time zone, the
-- service has read; memories.asked_ranges takes it. A relevant turn scores
--
--   fit     = half its words' weight over the largest, and half its cosine over the largest
--             (the words' part alone of a turn that is not embedded, or when the query is not;
--             past 1,000 turns only the nearest 1,000 have a cosine, by an index of their own 200)
--   own     = fit
--             + the larger of 0.4 (0.6 if that asks) of the fit of the turn before and 0.4 of the next
--             + 0.3 if the query names its speaker + 0.3 if its date is one that the query names
--             + 0.1 if the query asks for a time and it tells one - 0.1 if it asks itself
--   score   = (own + 0.3 of the best own of its session) / 3, which is between 0 and 1
--
-- looked for among the best fits, as many as are asked for, but 50 at least; as many of the latest 500 turns
-- of the days that the query names; and the turns beside all these. `parts` tells these parts when
-- `p_explain`. The turns beside the best three come in addition to `p_limit`, as neighbours. `day` is the
-- turn's date in `p_time_zone`.
--
-- All constants are double precision: numeric arithmetic would double the time it takes. Without nested
-- loops where there is a choice: the planner takes every list for a row or two.
create function memories.fetch_context(
    p_session_id uuid,
    p_session_only boolean,
    p_recent integer,
    p_query text,
    p_model text,
    p_embedding extensions.halfvec,
    p_limit integer,
    p_for_a_time boolean,
    p_spans jsonb,
    p_time_zone text,
    p_explain boolean
)
returns table (
    source text,
    turn_id uuid,
    external_id text,
    session_id uuid,
    session_external_id text,
    role text,
    name text,
    text text,
    seq integer,
    created_at timestamptz,
    day date,
    score double precision,
    parts jsonb
)
language plpgsql stable
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_nestloop = off
set jit = off
as $$
#variable_conflict use_column
declare
    v_user_id uuid := memories.user_id();
    v_searched_session uuid := case when p_session_only then p_session_id end;
    v_embedding extensions.halfvec := case when p_query is not null then p_embedding end;
    v_words text[] := tsvector_to_array(
        to_tsvector('pg_catalog.english'::regconfig, "left"(p_query, 10000))
    );
    v_turns integer;
    -- How many have a cosine; all when null.
    v_nearest integer;
    v_named tsquery;
    v_told tsquery := case when p_for_a_time then memories.time_words() end;
    v_asked tstzmultirange := memories.asked_ranges(p_spans, p_time_zone, now());
    -- What was said on the days that the query names, the latest.
    v_dated uuid[] := '{}';
begin
    if p_query is not null then
        select coalesce(sum(s.last_seq), 0) into v_turns
        from memories.sessions as s
        where s.user_id = v_user_id and (v_searched_session is null or s.id = v_searched_session);

        if v_embedding is not null then
            v_nearest := case
                when v_searched_session is null
                    and memories.has_large_index(p_model, extensions.vector_dims(v_embedding))
                    then 200
                when v_turns > 1000 then 1000
            end;
        end if;

        select string_agg('''' || replace(replace(w, '\', '\\'), '''', '''''') || ''':A', ' | ')::tsquery
        into v_named
        from unnest(v_words[:200]) as w;
    end if;

    if v_asked <> '{}' then
        v_dated := array(
            select t.id
            from unnest(v_asked) as asked (days)
            cross join lateral (
                select t.id, t.created_at
                from memories.turns as t
                where t.user_id = v_user_id
                    and t.created_at >= coalesce(lower(asked.days), '-infinity')
                    and t.created_at < coalesce(upper(asked.days), 'infinity')
                    and (v_searched_session is null or t.session_id = v_searched_session)
                order by t.created_at desc, t.seq desc
                limit 500
            ) as t
            order by t.created_at desc
            limit 500
        );
    end if;

    return query
    with latest as (
        (
            select t.id, row_number() over (order by t.seq desc) as place
            from memories.turns as t
            where t.user_id = v_user_id and t.session_id = p_session_id and t.text <> ''
            order by t.seq desc
            limit p_recent
        )
        union all
        (
            select t.id, row_number() over (order by t.created_at desc, t.seq desc) as place
            from memories.turns as t
            where p_session_id is null and t.user_id = v_user_id and t.text <> ''
            order by t.created_at desc, t.seq desc
            limit p_recent
        )
    ),
    matches as materialized (
        select
            m.id,
            m.cosine,
            m.words,
            case when m.is_embedded then (m.cosine + m.words) / 2 else m.words end as fit
        from (
            select
                turn_id as id,
                -- Of the nearest alone a turn without a cosine is mostly a far one.
                e.similarity is not null or v_nearest is not null as is_embedded,
                coalesce(greatest(e.similarity, 0) / nullif(greatest(max(e.similarity) over (), 0), 0), 0) as cosine,
                coalesce(w.weight / nullif(max(w.weight) over (), 0), 0) as words
            from memories.match_embedding(p_model, v_embedding, v_searched_session, v_nearest) as e
            full join memories.match_text(v_words, v_searched_session, v_turns) as w using (turn_id)
        ) as m
    ),
    places as (
        select distinct c.session_id, c.seq + step.by as seq
        from (
            select t.session_id, t.seq
            from (
                (select m.id from matches as m order by m.fit desc, m.id limit greatest(50, p_limit))
                union all
                (
                    select d.id
                    from unnest(v_dated) as d (id)
                    left join matches as m on m.id = d.id
                    order by m.fit desc nulls last, d.id
                    limit greatest(50, p_limit)
                )
            ) as m
            cross join lateral (
                select t.session_id, t.seq
                from memories.turns as t
                where t.user_id = v_user_id and t.id = m.id
                offset 0
            ) as t
        ) as c
        cross join (values (-1), (0), (1)) as step (by)
    ),
    candidates as (
        select
            t.*,
            coalesce(m.cosine, 0) as cosine,
            coalesce(m.words, 0) as words,
            coalesce(m.fit, 0) as fit
        from places as p
        cross join lateral (
            select
                t.id,
                t.session_id,
                t.seq,
                t.asks,
                case when t.tsv @@ v_named then 0.3::double precision else 0 end as speaker,
                case when t.created_at <@ v_asked then 0.3::double precision else 0 end as date,
                case when t.tsv @@ v_told then 0.1::double precision else 0 end as "time",
                case when t.asks then -0.1::double precision else 0 end as question
            from memories.turns as t
            where t.user_id = v_user_id
                and t.session_id = p.session_id
                and t.seq = p.seq
                and t.text <> ''
            offset 0
        ) as t
        left join matches as m on m.id = t.id
    ),
    with_neighbors as (
        select
            c.*,
            greatest(
                case
                    when lag(c.seq) over session = c.seq - 1
                        then lag(c.fit) over session
                            * case when lag(c.asks) over session then 0.6::double precision else 0.4 end
                    else 0
                end,
                case
                    when lead(c.seq) over session = c.seq + 1
                        then lead(c.fit) over session * 0.4::double precision
                    else 0
                end
            ) as neighbors
        from candidates as c
        window session as (partition by c.session_id order by c.seq)
    ),
    relevant as materialized (
        select
            w.id,
            w.session_id,
            w.seq,
            least(1, greatest(0, (w.own + w.session) / 3)) as score,
            case
                when p_explain
                    then jsonb_build_object(
                        'words', w.words,
                        'cosine', w.cosine,
                        'fit', w.fit,
                        'neighbors', w.neighbors,
                        'speaker', w.speaker,
                        'date', w.date,
                        'time', w."time",
                        'question', w.question,
                        'session', w.session
                    )
            end as parts
        from (
            select
                o.*,
                0.3::double precision * max(o.own) over (partition by o.session_id) as session
            from (
                select
                    n.*,
                    n.fit + n.neighbors + n.speaker + n.date + n."time" + n.question as own
                from with_neighbors as n
            ) as o
        ) as w
    ),
    hits as materialized (
        select h.*
        from (
            select distinct on (u.id) u.*
            from (
                select
                    l.id,
                    'recent' as source,
                    power(0.9::double precision, l.place - 1) as score,
                    null::jsonb as parts,
                    null::uuid as session_id,
                    null::integer as seq
                from latest as l
                union all
                select r.id, 'relevant', r.score, r.parts, r.session_id, r.seq
                from relevant as r
            ) as u
            order by u.id, u.score desc
        ) as h
        order by h.score desc, h.id
        limit p_limit
    ),
    -- What stands beside the best three makes them understandable, whatever the limit.
    beside as (
        select distinct r.id, 'neighbor' as source, r.score, r.parts
        from (
            select h.session_id, h.seq
            from hits as h
            where h.source = 'relevant'
            order by h.score desc, h.id
            limit 3
        ) as c
        join relevant as r on r.session_id = c.session_id and r.seq in (c.seq - 1, c.seq + 1)
        where r.id not in (select h.id from hits as h)
    )
    select
        h.source,
        t.id,
        t.external_id,
        t.session_id,
        s.external_id,
        t.role,
        t.name,
        t.text,
        t.seq,
        t.created_at,
        -- Behind this day there is no day that the service could read.
        least((t.created_at at time zone p_time_zone)::date, '9999-12-31'),
        h.score,
        h.parts
    from (
        select h.id, h.source, h.score, h.parts from hits as h
        union all
        select * from beside
    ) as h
    cross join lateral (
        select t.* from memories.turns as t where t.user_id = v_user_id and t.id = h.id offset 0
    ) as t
    cross join lateral (
        select s.* from memories.sessions as s where s.user_id = v_user_id and s.id = t.session_id offset 0
    ) as s
    order by h.score desc, t.created_at desc, t.seq desc;
end
$$;

revoke all on function memories.match_text(text[], uuid, integer) from public;
revoke all on function memories.fetch_context(
    uuid, boolean, integer, text, text, extensions.halfvec, integer, boolean, jsonb, text, boolean
) from public;
grant execute on function memories.match_text(text[], uuid, integer) to authenticated;
grant execute on function memories.fetch_context(
    uuid, boolean, integer, text, text, extensions.halfvec, integer, boolean, jsonb, text, boolean
) to authenticated;
