-- Recording with less work: what a request of new turns does is the same, and so is what it answers. It no
-- longer plans anew what is the same in each request, looks up what it has just written, or reads more of a
-- user's turns than it is sent.

-- What each statement calls -------------------------------------------------------

-- Bound when they are created, these need no search_path; and without one the planner puts them into the
-- statement that calls them. A function with a search_path is called, and in plain SQL each call parses and
-- plans its body: row level security did so in every statement.
create or replace function memories.user_id() returns uuid
language sql stable parallel safe
return auth.uid();

create or replace function memories.job_patience() returns integer
language sql stable parallel safe
return coalesce(nullif(current_setting('memories.job_patience', true), '')::integer, 60);

create or replace function memories.keyed_hash(p_key bytea, p_message bytea) returns uuid
language sql immutable parallel safe
return encode(substring(sha256(p_key || sha256(p_key || p_message)) for 16), 'hex')::uuid;

-- In plpgsql, which keeps the plan: what has a query of its own is never put into another.
create or replace function memories.word_keys(p_user_id uuid, p_words text[])
returns bigint[]
language plpgsql immutable parallel safe
set search_path = ''
as $$
declare
    v_seed bigint := uuid_hash_extended(p_user_id, 0);
begin
    return (
        select coalesce(array_agg(hashtextextended(w.word, v_seed)), '{}')
        from unnest(p_words) as w (word)
    );
end
$$;

-- Told that there is one key, the planner looks tombstones up instead of reading them all.
create or replace function memories.refuse_erased() returns trigger
language plpgsql volatile security definer
set search_path = ''
as $$
declare
    v_erased jsonb;
begin
    select jsonb_agg(f.id) into v_erased
    from fresh as f
    join memories.erasure_key as k on k.one
    join memories.tombstones as t
        on t.hash = memories.keyed_hash(k.key, uuid_send(f.user_id) || uuid_send(f.id));
    if v_erased is not null then
        raise exception using
            errcode = 'MO410',
            message = 'an erased turn was sent again',
            detail = v_erased::text;
    end if;
    return null;
end
$$;

-- What `pgmq.send` does to a queue's table, whatever its version; but that makes the statement anew for each
-- message.
create or replace function memories.send_job(
    p_adapter text, p_user_id uuid, p_session_id uuid, p_turn_ids uuid[]
)
returns bigint
language plpgsql volatile security definer
set search_path = ''
as $$
declare
    v_due timestamptz := clock_timestamp() + make_interval(secs => memories.job_patience());
    v_message jsonb := jsonb_build_object(
        'version', 1,
        'userId', p_user_id,
        'sessionId', p_session_id,
        'turnIds', to_jsonb(p_turn_ids)
    );
    v_job_id bigint;
begin
    case p_adapter
        when 'embed' then
            insert into pgmq.q_memory_embed (vt, message) values (v_due, v_message)
            returning msg_id into v_job_id;
        when 'mem0' then
            insert into pgmq.q_memory_mem0 (vt, message) values (v_due, v_message)
            returning msg_id into v_job_id;
    end case;
    return v_job_id;
end
$$;

-- onTurnCommitted -------------------------------------------------------------------

-- As before. `= any(v_ids)` makes each look-up one of the primary key: a join alone, of a table whose
-- statistics are young or missing, was planned as a walk through all turns of the user.
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
    v_count integer := jsonb_array_length(p_turns);
    v_ids uuid[] := array[(p_turns -> 0 ->> 'id')::uuid];
    v_last_seq integer;
    v_new jsonb := p_turns;
    v_conflicts jsonb;
    v_created uuid[];
    v_replaced uuid[];
    v_adapter text;
    v_roles jsonb;
    v_turn jsonb;
    v_wanted uuid[];
    v_job_id bigint;
    v_jobs jsonb := '{}';
    v_answers jsonb := '[]';
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

    -- A turn that comes alone is new or skipped below, and leaves no gap either way.
    if v_count > 1 then
        select array_agg((i.turn ->> 'id')::uuid) into v_ids
        from jsonb_array_elements(p_turns) as i (turn);
        select coalesce(jsonb_agg(i.turn order by i.ordinality), '[]') into v_new
        from jsonb_array_elements(p_turns) with ordinality as i (turn, ordinality)
        where (i.turn ->> 'id')::uuid <> all(array(
            select t.id from memories.turns as t
            where t.user_id = v_user_id and t.id = any(v_ids)
        ));
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
                and t.id = any(v_ids)
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
            v_last_seq + i.ordinality,
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
        from jsonb_array_elements(v_new) with ordinality as i (turn, ordinality)
        order by i.turn ->> 'id'
        on conflict (user_id, id) do nothing
        returning id
    )
    select coalesce(array_agg(c.id), '{}') into v_created from created as c;

    -- Every turn is there now. One that differs is another session's, or has another body: then
    -- nothing of the request stays written.
    if cardinality(v_created) < v_count then
        select jsonb_agg(i.ordinality - 1 order by i.ordinality) into v_conflicts
        from jsonb_array_elements(p_turns) with ordinality as i (turn, ordinality)
        join memories.turns as t
            on t.user_id = v_user_id and t.id = any(v_ids) and t.id = (i.turn ->> 'id')::uuid
        where t.session_id <> p_session_id
            or (not p_replace and t.body_hash <> decode(i.turn ->> 'bodyHash', 'hex'));
        if v_conflicts is not null then
            raise exception using
                errcode = 'MO409',
                message = 'a known turn was sent with another body',
                detail = v_conflicts::text;
        end if;
    end if;

    if cardinality(v_created) > 0 or v_replaced is not null then
        update memories.sessions as s
        set last_seq = v_last_seq + cardinality(v_created),
            title = coalesce(p_title, s.title),
            updated_at = now()
        where s.user_id = v_user_id and s.id = p_session_id;

        -- A request has 100 turns at most: one job.
        foreach v_adapter in array array['embed', 'mem0'] loop
            v_roles := p_adapters -> v_adapter;
            continue when v_roles is null;
            if v_replaced is not null then
                v_job_id := (memories.ask_adapter(
                    v_adapter,
                    array(select jsonb_array_elements_text(v_roles)),
                    p_session_id,
                    v_created || v_replaced
                ))[1];
            else
                -- The same for turns that no adapter was ever asked about: all of v_new was created, or what
                -- was not is a conflict.
                v_wanted := null;
                for v_place in 0..jsonb_array_length(v_new) - 1 loop
                    v_turn := v_new -> v_place;
                    if v_turn ->> 'text' <> '' and v_roles ? (v_turn ->> 'role') then
                        v_wanted := v_wanted || (v_turn ->> 'id')::uuid;
                    end if;
                end loop;
                v_job_id := case
                    when v_wanted is not null then memories.enqueue_job(v_adapter, p_session_id, v_wanted)
                end;
                insert into memories.adapter_syncs (
                    user_id, turn_id, session_id, adapter, state, job_id, finished_at
                )
                select
                    v_user_id,
                    c.id,
                    p_session_id,
                    v_adapter,
                    case when w.wanted then 'pending' else 'skipped' end,
                    case when w.wanted then v_job_id end,
                    case when not w.wanted then now() end
                from unnest(v_created) as c (id)
                cross join lateral (select coalesce(c.id = any(v_wanted), false) as wanted) as w;
            end if;
            if v_job_id is not null then
                v_jobs := v_jobs || jsonb_build_object(v_adapter, v_job_id);
            end if;
        end loop;
    end if;

    if cardinality(v_created) = v_count then
        for v_place in 1..v_count loop
            v_answers := v_answers
                || jsonb_build_object('seq', v_last_seq + v_place, 'created', true, 'revision', 1);
        end loop;
    else
        select jsonb_agg(
            jsonb_build_object('seq', t.seq, 'created', t.id = any(v_created), 'revision', t.revision)
            order by i.ordinality
        )
        into v_answers
        from jsonb_array_elements(p_turns) with ordinality as i (turn, ordinality)
        join memories.turns as t
            on t.user_id = v_user_id and t.id = any(v_ids) and t.id = (i.turn ->> 'id')::uuid;
    end if;
    return jsonb_build_object('jobs', v_jobs, 'down', memories.open_circuits(), 'turns', v_answers);
end
$$;
