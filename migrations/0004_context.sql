-- fetchContext: recent turns of the session and relevant turns of all the user's
-- sessions, from exact vector search and full text, fused, in one round trip.

-- Turns nearest to an embedding, by an exact scan of this user's entries. The
-- `+ 0` keeps any planner from taking an approximate index that somebody added.
-- Two branches, since only embeddings of up to 1,024 dimensions are in the index.
create function memories.match_embedding(
    p_model text,
    p_embedding extensions.halfvec,
    p_session_id uuid,
    p_limit integer
)
returns table (turn_id uuid, similarity double precision)
language plpgsql stable
set search_path = ''
as $$
declare
    v_user_id uuid := memories.user_id();
begin
    if extensions.vector_dims(p_embedding) <= 1024 then
        return query
        select e.turn_id, -(e.embedding operator(extensions.<#>) p_embedding)
        from memories.turn_embeddings as e
        where e.user_id = v_user_id
            and e.model = p_model
            and e.dimensions <= 1024
            and (
                p_session_id is null
                or e.turn_id in (
                    select t.id
                    from memories.turns as t
                    where t.user_id = v_user_id and t.session_id = p_session_id
                )
            )
        order by (e.embedding operator(extensions.<#>) p_embedding) + 0
        limit p_limit;
    else
        return query
        select e.turn_id, -(e.embedding operator(extensions.<#>) p_embedding)
        from memories.turn_embeddings as e
        where e.user_id = v_user_id
            and e.model = p_model
            and (
                p_session_id is null
                or e.turn_id in (
                    select t.id
                    from memories.turns as t
                    where t.user_id = v_user_id and t.session_id = p_session_id
                )
            )
        order by (e.embedding operator(extensions.<#>) p_embedding) + 0
        limit p_limit;
    end if;
end
$$;

-- Turns that share words with the query, any of them. `security definer`: `@@` is
-- not leakproof, so under row level security no index could serve it; it filters
-- on the user itself.
create function memories.match_text(p_query text, p_session_id uuid, p_limit integer)
returns table (turn_id uuid, rank real)
language plpgsql stable security definer
set search_path = ''
as $$
declare
    v_user_id uuid := memories.user_id();
    v_terms tsquery;
begin
    select string_agg(
        '''' || replace(replace(w.lexeme, '\', '\\'), '''', '''''') || '''', ' | '
    )::tsquery into v_terms
    from unnest(to_tsvector('pg_catalog.english'::regconfig, "left"(p_query, 10000))) as w;

    return query
    select t.id, ts_rank(t.tsv, v_terms)
    from memories.turns as t
    where t.user_id = v_user_id
        and t.tsv @@ v_terms
        and (p_session_id is null or t.session_id = p_session_id)
    order by 2 desc, t.created_at desc
    limit p_limit;
end
$$;

-- `p_session_only` narrows relevance to the session. `p_recent` is how many of the
-- latest turns count by themselves: the session's, or without a session the
-- user's. A recent turn scores 0.9 to the power of its age in turns; a relevant
-- one the mean of its cosine and of its text rank over the best rank, or that
-- text part alone when there is no embedding to ask with. Neighbours, the turns
-- just before and after the best `p_neighbors` relevant ones, get half a score.
create function memories.fetch_context(
    p_session_id uuid,
    p_session_only boolean,
    p_recent integer,
    p_query text,
    p_model text,
    p_embedding extensions.halfvec,
    p_limit integer,
    p_neighbors integer
)
returns table (
    source text,
    turn_id uuid,
    external_id text,
    session_id uuid,
    session_external_id text,
    role text,
    text text,
    seq integer,
    created_at timestamptz,
    score double precision
)
language plpgsql stable
set search_path = ''
as $$
#variable_conflict use_column
declare
    v_user_id uuid := memories.user_id();
    v_searched_session uuid := case when p_session_only then p_session_id end;
    v_candidates integer := 4 * p_limit;
begin
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
    by_embedding as (
        select m.turn_id as id, greatest(m.similarity, 0) as similarity
        from memories.match_embedding(p_model, p_embedding, v_searched_session, v_candidates) as m
        where p_embedding is not null
    ),
    by_text as (
        select m.turn_id as id, m.rank / nullif(max(m.rank) over (), 0) as rank
        from memories.match_text(p_query, v_searched_session, v_candidates) as m
        where p_query is not null
    ),
    relevant as (
        select
            coalesce(e.id, w.id) as id,
            case
                when p_embedding is null then w.rank::double precision
                else (coalesce(e.similarity, 0) + coalesce(w.rank, 0)) / 2
            end as score
        from by_embedding as e
        full join by_text as w on w.id = e.id
    ),
    hits as (
        select h.id, h.source, h.score
        from (
            select distinct on (u.id) u.id, u.source, u.score
            from (
                select l.id, 'recent' as source, power(0.9, l.place - 1)::double precision as score
                from latest as l
                union all
                select r.id, 'relevant' as source, r.score
                from relevant as r
            ) as u
            order by u.id, u.score desc
        ) as h
        order by h.score desc, h.id
        limit p_limit
    ),
    centres as materialized (
        select t.session_id, t.seq, h.score
        from hits as h
        cross join lateral (
            select t.session_id, t.seq
            from memories.turns as t
            where t.user_id = v_user_id and t.id = h.id
            offset 0
        ) as t
        where h.source = 'relevant'
        order by h.score desc
        limit p_neighbors
    ),
    neighbors as materialized (
        select t.id, 'neighbor' as source, max(c.score) / 2 as score
        from centres as c
        cross join (values (-1), (1)) as step (by)
        cross join lateral (
            select t.id
            from memories.turns as t
            where t.user_id = v_user_id
                and t.session_id = c.session_id
                and t.seq = c.seq + step.by
                and t.text <> ''
            offset 0
        ) as t
        where t.id not in (select h.id from hits as h)
        group by t.id
    )
    select
        f.source,
        t.id,
        t.external_id,
        t.session_id,
        s.external_id,
        t.role,
        t.text,
        t.seq,
        t.created_at,
        f.score
    from (select * from hits union all select * from neighbors) as f
    cross join lateral (
        select t.* from memories.turns as t where t.user_id = v_user_id and t.id = f.id offset 0
    ) as t
    cross join lateral (
        select s.* from memories.sessions as s where s.user_id = v_user_id and s.id = t.session_id offset 0
    ) as s
    order by f.score desc, t.created_at desc, t.seq desc;
end
$$;

revoke all on function memories.match_embedding(text, extensions.halfvec, uuid, integer) from public;
revoke all on function memories.match_text(text, uuid, integer) from public;
revoke all on function memories.fetch_context(
    uuid, boolean, integer, text, text, extensions.halfvec, integer, integer
) from public;
grant execute on function memories.match_embedding(text, extensions.halfvec, uuid, integer) to authenticated;
grant execute on function memories.match_text(text, uuid, integer) to authenticated;
grant execute on function memories.fetch_context(
    uuid, boolean, integer, text, text, extensions.halfvec, integer, integer
) to authenticated;
