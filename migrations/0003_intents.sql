-- The intents, one function each, so that each is one round trip and its plans
-- are kept by the pooled connection. All run as the caller: row level security
-- applies inside them. They answer with one jsonb document.
--
-- Own error codes: MO404 no such session, MO409 a known turn with another body
-- (DETAIL is the json array of its places in the request, from 0).

-- onTurnCommitted. `p_turns`: [{id, externalId, role, content, text, attachments,
-- toolCalls, toolResults, metadata, bodyHash (hex), createdAt}], no id twice.
-- Answers {turns: [{seq, created, revision}] in the order sent, jobs: {adapter: id}}.
create function memories.record_turns(
    p_session_id uuid,
    p_session_external_id text,
    p_title text,
    p_turns jsonb,
    p_replace boolean,
    p_adapters text[]
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
    v_embeddable uuid[];
    v_adapter text;
    v_job_id bigint;
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
            user_id, id, session_id, external_id, seq, role, content, text, attachments,
            tool_calls, tool_results, metadata, body_hash, created_at
        )
        select
            v_user_id,
            (i.turn ->> 'id')::uuid,
            p_session_id,
            i.turn ->> 'externalId',
            v_last_seq + row_number() over (order by i.ordinality),
            i.turn ->> 'role',
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

        select array_agg(t.id) into v_embeddable
        from memories.turns as t
        where t.user_id = v_user_id and t.id = any(v_changed) and t.text <> '';

        foreach v_adapter in array p_adapters loop
            v_job_id := null;
            if v_embeddable is not null then
                v_job_id := memories.enqueue_job(v_adapter, p_session_id, v_embeddable);
                v_jobs := v_jobs || jsonb_build_object(v_adapter, v_job_id);
            end if;
            insert into memories.adapter_syncs as s (user_id, turn_id, session_id, adapter, state, job_id)
            select
                v_user_id,
                c.id,
                p_session_id,
                v_adapter,
                case when c.id = any(v_embeddable) then 'pending' else 'skipped' end,
                case when c.id = any(v_embeddable) then v_job_id end
            from unnest(v_changed) as c (id)
            on conflict (user_id, turn_id, adapter) do update
            set state = excluded.state,
                job_id = excluded.job_id,
                attempts = 0,
                last_error_code = null,
                updated_at = now();
        end loop;
    end if;

    return jsonb_build_object(
        'jobs', v_jobs,
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

-- How far a session's adapters are: {pending: {adapter: count}, lastSyncedAt}.
create function memories.sync_state(p_session_id uuid)
returns jsonb
language sql stable
set search_path = ''
as $$
    select jsonb_build_object(
        'lastSyncedAt', s.last_synced_at,
        'pending', (
            select coalesce(jsonb_object_agg(p.adapter, p.turns), '{}')
            from (
                select a.adapter, count(*) as turns
                from memories.adapter_syncs as a
                where a.user_id = s.user_id and a.session_id = s.id and a.state = 'pending'
                group by a.adapter
            ) as p
        )
    )
    from memories.sessions as s
    where s.user_id = (select memories.user_id()) and s.id = p_session_id;
$$;

-- syncSession: a pending turn whose job is still queued has that job sent again;
-- any other that misses an adapter gets a new one, 100 turns a job. Answers
-- sync_state and jobs: [{adapter, id}].
create function memories.sync_session(p_session_id uuid, p_adapters text[])
returns jsonb
language plpgsql volatile
set search_path = ''
as $$
declare
    v_user_id uuid := memories.user_id();
    v_adapter text;
    v_job_id bigint;
    v_turn_ids uuid[];
    v_jobs jsonb := '[]';
begin
    perform from memories.sessions as s
    where s.user_id = v_user_id and s.id = p_session_id
    for update;
    if not found then
        raise exception using errcode = 'MO404', message = 'no such session';
    end if;

    foreach v_adapter in array p_adapters loop
        -- Turns recorded while this adapter was off have no row yet.
        insert into memories.adapter_syncs (user_id, turn_id, session_id, adapter, state)
        select t.user_id, t.id, t.session_id, v_adapter, case when t.text = '' then 'skipped' else 'pending' end
        from memories.turns as t
        where t.user_id = v_user_id
            and t.session_id = p_session_id
            and not exists (
                select from memories.adapter_syncs as a
                where a.user_id = v_user_id and a.turn_id = t.id and a.adapter = v_adapter
            )
        on conflict do nothing;

        for v_job_id in
            select distinct a.job_id
            from memories.adapter_syncs as a
            where a.user_id = v_user_id
                and a.session_id = p_session_id
                and a.adapter = v_adapter
                and a.state = 'pending'
                and a.job_id is not null
        loop
            if memories.claim_job(v_adapter, v_job_id, 60) is null then
                update memories.adapter_syncs as a
                set job_id = null
                where a.user_id = v_user_id
                    and a.session_id = p_session_id
                    and a.adapter = v_adapter
                    and a.job_id = v_job_id;
            else
                v_jobs := v_jobs || jsonb_build_object('adapter', v_adapter, 'id', v_job_id);
            end if;
        end loop;

        for v_turn_ids in
            select array_agg(w.turn_id order by w.place)
            from (
                select a.turn_id, row_number() over (order by t.seq) as place
                from memories.adapter_syncs as a
                join memories.turns as t on t.user_id = a.user_id and t.id = a.turn_id
                where a.user_id = v_user_id
                    and a.session_id = p_session_id
                    and a.adapter = v_adapter
                    and a.state = 'pending'
                    and a.job_id is null
            ) as w
            group by (w.place - 1) / 100
        loop
            v_job_id := memories.enqueue_job(v_adapter, p_session_id, v_turn_ids);
            update memories.adapter_syncs as a
            set job_id = v_job_id
            where a.user_id = v_user_id and a.turn_id = any(v_turn_ids) and a.adapter = v_adapter;
            v_jobs := v_jobs || jsonb_build_object('adapter', v_adapter, 'id', v_job_id);
        end loop;
    end loop;

    -- A session without anything to do is as synced as it will ever be.
    update memories.sessions as s
    set last_synced_at = now()
    where s.user_id = v_user_id
        and s.id = p_session_id
        and s.last_synced_at is null
        and not exists (
            select from memories.adapter_syncs as a
            where a.user_id = v_user_id and a.session_id = p_session_id and a.state = 'pending'
        );

    return memories.sync_state(p_session_id) || jsonb_build_object('jobs', v_jobs);
end
$$;

-- backfillSession: every turn with text is embedded and pushed again.
create function memories.backfill_session(p_session_id uuid, p_adapters text[])
returns jsonb
language plpgsql volatile
set search_path = ''
as $$
begin
    perform from memories.sessions as s
    where s.user_id = memories.user_id() and s.id = p_session_id
    for update;

    update memories.adapter_syncs as a
    set state = 'pending', attempts = 0, last_error_code = null, updated_at = now()
    where a.user_id = memories.user_id()
        and a.session_id = p_session_id
        and a.adapter = any(p_adapters)
        and a.state in ('done', 'dead');

    return memories.sync_session(p_session_id, p_adapters);
end
$$;

revoke all on function memories.record_turns(uuid, text, text, jsonb, boolean, text[]) from public;
revoke all on function memories.sync_state(uuid) from public;
revoke all on function memories.sync_session(uuid, text[]) from public;
revoke all on function memories.backfill_session(uuid, text[]) from public;
grant execute on function memories.record_turns(uuid, text, text, jsonb, boolean, text[]) to authenticated;
grant execute on function memories.sync_state(uuid) to authenticated;
grant execute on function memories.sync_session(uuid, text[]) to authenticated;
grant execute on function memories.backfill_session(uuid, text[]) to authenticated;
