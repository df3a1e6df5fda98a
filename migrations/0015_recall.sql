-- Recall: who speaks is known and searched, words weigh by how rare they are with this user, and a turn's
-- score takes in its neighbours, its session, its speaker and its date. docs/recall.md has the formula and
-- how each part of it was measured.

-- What is searched --------------------------------------------------------------

-- Made anew with the speaker's name in it (weight A), which rewrites the table and drops its index.
alter table memories.turns drop column tsv;

alter table memories.turns
add column name text check (length(name) between 1 and 64),
add column tsv tsvector not null generated always as (
    setweight(to_tsvector('pg_catalog.english'::regconfig, coalesce(name, '')), 'A')
    || to_tsvector('pg_catalog.english'::regconfig, "left"(text, 100000))
) stored,
-- A question is seldom what is looked for, and what follows it often is.
add column asks boolean not null generated always as (
    "right"(text, 8) ~ '[?？؟][[:space:]"''”’»)*_]*$'
) stored;

-- A user's words, as numbers that are no other user's. Made of them, an index finds a word's turns of one
-- user alone, whatever the others talk about. Postgres keeps these hashes from version to version, since
-- hash partitions stand on them.
create function memories.word_keys(p_user_id uuid, p_words text[])
returns bigint[]
language sql immutable parallel safe
set search_path = ''
as $$
    select coalesce(array_agg(hashtextextended(w.word, uuid_hash_extended(p_user_id, 0))), '{}')
    from unnest(p_words) as w (word)
$$;

-- Without a list of pending entries: a search would have to read it whole.
create index turns_by_word on memories.turns
using gin (memories.word_keys(user_id, tsvector_to_array(tsv))) with (fastupdate = off);

-- Writing -----------------------------------------------------------------------

-- As before, and with `name`.
create or replace function memories.record_turns(
    p_session_id uuid,
    p_session_external_id text,
    p_title text,
    p_turns jsonb,
    p_replace boolean,
    p_adapters jsonb
)
returns jsonb
language plpgsql volatile
set search_path = ''
as $$
declare
    v_user_id uuid := memories.user_id();
    v_last_seq integer;
    v_conflicts jsonb;
    v_created uuid[];
    v_replaced uuid[];
    v_changed uuid[];
    v_adapter text;
    v_roles text[];
    v_jobs jsonb := '{}';
begin
    -- Requests for one session queue up here, so that sequence numbers have no
    -- gaps and a repeat sent at the same time sees what the first one wrote.
    select s.last_seq into v_last_seq
    from memories.sessions as s
    where s.user_id = v_user_id and s.id = p_session_id
    for update;
    if not found then
        insert into memories.sessions (user_id, id, external_id, title)
        values (v_user_id, p_session_id, p_session_external_id, p_title)
        on conflict (user_id, id) do nothing;
        select s.last_seq into v_last_seq
        from memories.sessions as s
        where s.user_id = v_user_id and s.id = p_session_id
        for update;
    end if;

    if p_replace then
        with replaced as (
            update memories.turns as t
            set role = i.turn ->> 'role',
                name = i.turn ->> 'name',
                content = i.turn -> 'content',
                text = i.turn ->> 'text',
                attachments = i.turn -> 'attachments',
                tool_calls = i.turn -> 'toolCalls',
                tool_results = i.turn -> 'toolResults',
                metadata = i.turn -> 'metadata',
                body_hash = decode(i.turn ->> 'bodyHash', 'hex'),
                created_at = coalesce((i.turn ->> 'createdAt')::timestamptz, t.created_at),
                revision = t.revision + 1,
                pii_scrubbed = false
            from jsonb_array_elements(p_turns) as i (turn)
            where t.user_id = v_user_id
                and t.session_id = p_session_id
                and t.id = (i.turn ->> 'id')::uuid
                and t.body_hash <> decode(i.turn ->> 'bodyHash', 'hex')
            returning t.id
        )
        select array_agg(r.id) into v_replaced from replaced as r;

        if v_replaced is not null then
            delete from memories.turn_embeddings as e
            where e.user_id = v_user_id and e.turn_id = any(v_replaced);
        end if;
    end if;

    -- In the order of the ids, so that two sessions which are sent the same turns at once do not wait
    -- for each other; the one that comes second skips them here, and is told so below.
    with created as (
        insert into memories.turns (
            user_id, id, session_id, external_id, seq, role, name, content, text,
            attachments, tool_calls, tool_results, metadata, body_hash, created_at
        )
        select
            v_user_id,
            (i.turn ->> 'id')::uuid,
            p_session_id,
            i.turn ->> 'externalId',
            v_last_seq + row_number() over (order by i.ordinality),
            i.turn ->> 'role',
            i.turn ->> 'name',
            i.turn -> 'content',
            i.turn ->> 'text',
            i.turn -> 'attachments',
            i.turn -> 'toolCalls',
            i.turn -> 'toolResults',
            i.turn -> 'metadata',
            decode(i.turn ->> 'bodyHash', 'hex'),
            coalesce((i.turn ->> 'createdAt')::timestamptz, now())
        from jsonb_array_elements(p_turns) with ordinality as i (turn, ordinality)
        where not exists (
            select from memories.turns as t
            where t.user_id = v_user_id and t.id = (i.turn ->> 'id')::uuid
        )
        order by i.turn ->> 'id'
        on conflict (user_id, id) do nothing
        returning id
    )
    select array_agg(c.id) into v_created from created as c;

    -- Every turn is there now. One that differs is another session's, or has another body: then
    -- nothing of the request stays written.
    select jsonb_agg(i.ordinality - 1 order by i.ordinality) into v_conflicts
    from jsonb_array_elements(p_turns) with ordinality as i (turn, ordinality)
    join memories.turns as t
        on t.user_id = v_user_id and t.id = (i.turn ->> 'id')::uuid
    where t.session_id <> p_session_id
        or (not p_replace and t.body_hash <> decode(i.turn ->> 'bodyHash', 'hex'));
    if v_conflicts is not null then
        raise exception using
            errcode = 'MO409',
            message = 'a known turn was sent with another body',
            detail = v_conflicts::text;
    end if;

    v_changed := coalesce(v_created, '{}') || coalesce(v_replaced, '{}');
    if cardinality(v_changed) > 0 then
        update memories.sessions as s
        set last_seq = v_last_seq + coalesce(cardinality(v_created), 0),
            title = coalesce(p_title, s.title),
            updated_at = now()
        where s.user_id = v_user_id and s.id = p_session_id;

        for v_adapter, v_roles in
            select a.key, array(select jsonb_array_elements_text(a.value))
            from jsonb_each(p_adapters) as a
        loop
            -- A request has 100 turns at most: one job.
            v_jobs := v_jobs || jsonb_strip_nulls(
                jsonb_build_object(
                    v_adapter,
                    (memories.ask_adapter(v_adapter, v_roles, p_session_id, v_changed))[1]
                )
            );
        end loop;
    end if;

    return jsonb_build_object(
        'jobs', v_jobs,
        'down', memories.open_circuits(),
        'turns', (
            select jsonb_agg(
                jsonb_build_object(
                    'seq', t.seq,
                    'created', t.id = any(coalesce(v_created, '{}')),
                    'revision', t.revision
                )
                order by i.ordinality
            )
            from jsonb_array_elements(p_turns) with ordinality as i (turn, ordinality)
            join memories.turns as t
                on t.user_id = v_user_id and t.id = (i.turn ->> 'id')::uuid
        )
    );
end
$$;

-- Search ------------------------------------------------------------------------

-- Whether the user's turns are searched by an index of their own.
create function memories.has_large_index(p_model text, p_dimensions integer) returns boolean
language plpgsql stable
set search_path = ''
as $$
begin
    return exists (
        select
        from pg_catalog.pg_index as i
        where i.indexrelid = to_regclass(
                'memories.' || memories.large_index_name(memories.user_id(), p_model, p_dimensions)
            )
            and i.indisvalid
    );
end
$$;

-- Turns and how near they are. With a limit the nearest, in order; without one all, in no order, but of a
-- user with an index of their own the nearest 200.
create or replace function memories.match_embedding(
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
    if p_session_id is null
        and coalesce(p_limit, 200) <= 1000
        and memories.has_large_index(p_model, extensions.vector_dims(p_embedding))
    then
        return query
        select l.turn_id, l.similarity
        from memories.match_large(v_user_id, p_model, p_embedding, coalesce(p_limit, 200)) as l;
    elsif extensions.vector_dims(p_embedding) <= 1024 then
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
        order by case when p_limit > 0 then e.embedding operator(extensions.<#>) p_embedding end
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
        order by case when p_limit > 0 then e.embedding operator(extensions.<#>) p_embedding end
        limit p_limit;
    end if;
end
$$;

drop function memories.match_text(text, uuid, integer);

-- Turns that share words with the query, and how much that says: the sum of what each shared word says by
-- being rare (Robertson and Sparck Jones' idf) over the turn's length. `p_turns` is how many turns there
-- are. A word of more than a fifth of them says nothing, and is not counted to its end; should all be
-- such, what was found of them has to do. Thirty-two words at most, the longest, which are the rarest.
-- `security definer`: `@>` is not leakproof, so under row level security no index could serve it; it
-- filters on the user itself, by a condition that no other index takes.
create function memories.match_text(p_query text, p_session_id uuid, p_turns integer)
returns table (turn_id uuid, weight double precision)
language plpgsql stable security definer
set search_path = ''
as $$
declare
    v_user_id uuid := memories.user_id();
    v_most integer := least(1000, greatest(50, p_turns / 5));
    v_keys bigint[];
begin
    select memories.word_keys(v_user_id, array_agg(w.lexeme)) into v_keys
    from (
        select w.lexeme
        from unnest(to_tsvector('pg_catalog.english'::regconfig, "left"(p_query, 10000))) as w
        order by length(w.lexeme) desc, w.lexeme
        limit 32
    ) as w;

    return query
    with matches as materialized (
        select
            t.id,
            1 / (1 + 0.01::double precision * length(t.tsv)) as brevity,
            count(*) over (partition by k.key)::double precision as turns
        from unnest(v_keys) as k (key)
        cross join lateral (
            select t.id, t.tsv
            from memories.turns as t
            where memories.word_keys(t.user_id, tsvector_to_array(t.tsv)) @> array[k.key]
                and (t.user_id = v_user_id) is true
                and (p_session_id is null or t.session_id = p_session_id)
            limit v_most + 1
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
    uuid, boolean, integer, text, text, extensions.halfvec, integer, integer
);

-- `p_session_only` narrows relevance to the session. `p_recent` is how many of the latest turns count by
-- themselves: the session's, or without a session the user's. A recent turn scores 0.9 to the power of
-- its age in turns. Whether the query asks for a time, and which days it names in which time zone, the
-- service has read; memories.asked_ranges takes it. A relevant turn scores
--
--   fit     = half its words' weight over the largest, and half its cosine over the largest
--             (the words' part alone of a turn that is not embedded, or when the query is not)
--   own     = fit
--             + the larger of 0.4 (0.6 if that asks) of the fit of the turn before and 0.4 of the next
--             + 0.3 if the query names its speaker + 0.3 if its date is one that the query names
--             + 0.1 if the query asks for a time and it tells one - 0.1 if it asks itself
--   score   = (own + 0.3 of the best own of its session) / 3, which is between 0 and 1
--
-- looked for among the 100 best matches and the turns beside them; `parts` tells these parts when
-- `p_explain`. All constants are double precision: numeric arithmetic would double the time it takes.
-- Without nested loops where there is a choice: the planner takes every list for a row or two.
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
    score double precision,
    parts jsonb
)
language plpgsql stable
set search_path = ''
set enable_nestloop = off
set jit = off
as $$
#variable_conflict use_column
declare
    v_user_id uuid := memories.user_id();
    v_searched_session uuid := case when p_session_only then p_session_id end;
    -- Then a turn without a cosine may be a far one.
    v_is_large boolean := v_searched_session is null
        and p_embedding is not null
        and memories.has_large_index(p_model, extensions.vector_dims(p_embedding));
    v_turns integer;
    v_named tsquery;
    v_told tsquery := case when p_for_a_time then memories.time_words() end;
    v_asked tstzmultirange := memories.asked_ranges(p_spans, p_time_zone, now());
begin
    if p_query is not null then
        select coalesce(sum(s.last_seq), 0) into v_turns
        from memories.sessions as s
        where s.user_id = v_user_id and (v_searched_session is null or s.id = v_searched_session);

        select string_agg(
            '''' || replace(replace(w.lexeme, '\', '\\'), '''', '''''') || ''':A', ' | '
        )::tsquery into v_named
        from (
            select w.lexeme
            from unnest(to_tsvector('pg_catalog.english'::regconfig, "left"(p_query, 10000))) as w
            limit 200
        ) as w;
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
    by_embedding as materialized (
        select m.turn_id as id, greatest(m.similarity, 0) as cosine
        from memories.match_embedding(p_model, p_embedding, v_searched_session, null) as m
        where p_embedding is not null and p_query is not null
    ),
    by_text as materialized (
        select m.turn_id as id, m.weight
        from memories.match_text(p_query, v_searched_session, v_turns) as m
        where p_query is not null
    ),
    best as materialized (
        select
            (select nullif(max(e.cosine), 0) from by_embedding as e) as cosine,
            (select nullif(max(w.weight), 0) from by_text as w) as weight
    ),
    matches as materialized (
        select
            m.id,
            m.cosine,
            m.words,
            case when m.is_embedded then (m.cosine + m.words) / 2 else m.words end as fit
        from (
            select
                id,
                e.id is not null or v_is_large as is_embedded,
                coalesce(e.cosine / best.cosine, 0) as cosine,
                coalesce(w.weight / best.weight, 0) as words
            from (by_embedding as e full join by_text as w using (id))
            cross join best
        ) as m
    ),
    places as (
        select distinct c.session_id, c.seq + step.by as seq
        from (
            select t.session_id, t.seq
            from (select m.id from matches as m order by m.fit desc, m.id limit 100) as m
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
    relevant as (
        select
            o.*,
            0.3::double precision * max(o.own) over (partition by o.session_id) as session
        from (
            select
                n.*,
                n.fit + n.neighbors + n.speaker + n.date + n."time" + n.question as own
            from with_neighbors as n
        ) as o
    ),
    hits as (
        select h.*
        from (
            select distinct on (u.id) u.*
            from (
                select
                    l.id,
                    'recent' as source,
                    power(0.9, l.place - 1)::double precision as score,
                    null::jsonb as parts
                from latest as l
                union all
                select
                    r.id,
                    case when r.fit > 0 then 'relevant' else 'neighbor' end,
                    least(1, greatest(0, (r.own + r.session) / 3)),
                    case
                        when p_explain
                            then jsonb_build_object(
                                'words', r.words,
                                'cosine', r.cosine,
                                'fit', r.fit,
                                'neighbors', r.neighbors,
                                'speaker', r.speaker,
                                'date', r.date,
                                'time', r."time",
                                'question', r.question,
                                'session', r.session
                            )
                    end
                from relevant as r
            ) as u
            order by u.id, u.score desc
        ) as h
        order by h.score desc, h.id
        limit p_limit
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
        h.score,
        h.parts
    from hits as h
    cross join lateral (
        select t.* from memories.turns as t where t.user_id = v_user_id and t.id = h.id offset 0
    ) as t
    cross join lateral (
        select s.* from memories.sessions as s where s.user_id = v_user_id and s.id = t.session_id offset 0
    ) as s
    order by h.score desc, t.created_at desc, t.seq desc;
end
$$;

revoke all on function memories.word_keys(uuid, text[]) from public;
revoke all on function memories.has_large_index(text, integer) from public;
revoke all on function memories.match_text(text, uuid, integer) from public;
revoke all on function memories.fetch_context(
    uuid, boolean, integer, text, text, extensions.halfvec, integer, boolean, jsonb, text, boolean
) from public;
grant execute on function memories.word_keys(uuid, text[]) to authenticated, memory_worker;
grant execute on function memories.has_large_index(text, integer) to authenticated;
grant execute on function memories.match_text(text, uuid, integer) to authenticated;
grant execute on function memories.fetch_context(
    uuid, boolean, integer, text, text, extensions.halfvec, integer, boolean, jsonb, text, boolean
) to authenticated;
