-- The intents again, now that an adapter takes the turns of some roles only and
-- what was given up counts. `p_adapters` is {adapter: [role]}.

-- Gives turns of a session to an adapter: those that it wants, by their role and
-- because they have text, become pending, one job per 100; the others are skipped.
-- What Mem0 may have of a turn that it would not get any more, it has to be told to
-- forget: that is a job too. Returns the jobs' ids.
create function memories.ask_adapter(p_adapter text, p_roles text[], p_session_id uuid, p_turn_ids uuid[])
returns bigint[]
language plpgsql volatile
set search_path = ''
as $$
declare
    v_user_id uuid := memories.user_id();
    v_wanted uuid[];
    v_unwanted uuid[];
    v_turn_ids uuid[];
    v_job_id bigint;
    v_jobs bigint[] := '{}';
begin
    select
        array_agg(w.id order by w.seq) filter (where w.wanted),
        array_agg(w.id) filter (where not w.wanted)
    into v_wanted, v_unwanted
    from (
        select
            t.id,
            t.seq,
            (t.text <> '' and t.role = any(p_roles))
            or (p_adapter = 'mem0' and a.started_at is not null) as wanted
        from memories.turns as t
        left join memories.adapter_syncs as a
            on a.user_id = v_user_id and a.turn_id = t.id and a.adapter = p_adapter
        where t.user_id = v_user_id and t.id = any(p_turn_ids)
    ) as w;

    if v_unwanted is not null then
        insert into memories.adapter_syncs (user_id, turn_id, session_id, adapter, state, finished_at)
        select v_user_id, u.id, p_session_id, p_adapter, 'skipped', now()
        from unnest(v_unwanted) as u (id)
        on conflict (user_id, turn_id, adapter) do update
        set state = excluded.state,
            job_id = null,
            leased_until = null,
            attempts = 0,
            last_error_code = null,
            finished_at = now(),
            updated_at = now();
    end if;

    for v_place in 1..coalesce(cardinality(v_wanted), 0) by 100 loop
        v_turn_ids := v_wanted[v_place:v_place + 99];
        v_job_id := memories.enqueue_job(p_adapter, p_session_id, v_turn_ids);
        v_jobs := v_jobs || v_job_id;
        insert into memories.adapter_syncs as old (user_id, turn_id, session_id, adapter, state, job_id)
        select v_user_id, w.id, p_session_id, p_adapter, 'pending', v_job_id
        from unnest(v_turn_ids) as w (id)
        on conflict (user_id, turn_id, adapter) do update
        set state = excluded.state,
            job_id = excluded.job_id,
            -- Two pushes of a turn at once would be two memories; two vectors of it are one.
            leased_until = case when p_adapter = 'mem0' then old.leased_until end,
            attempts = 0,
            last_error_code = null,
            enqueued_at = now(),
            finished_at = null,
            updated_at = now();
    end loop;
    return v_jobs;
end
$$;

-- The adapters that are known to be down: {adapter: reason}.
create function memories.open_circuits() returns jsonb
language plpgsql stable
set search_path = ''
as $$
begin
    return (
        select coalesce(jsonb_object_agg(a.adapter, a.reason), '{}')
        from memories.adapter_states as a
        where a.state = 'open'
    );
end
$$;

drop function memories.record_turns(uuid, text, text, jsonb, boolean, text[]);
drop function memories.sync_session(uuid, text[]);
drop function memories.backfill_session(uuid, text[]);

-- onTurnCommitted. `p_turns`: [{id, externalId, role, content, text, attachments,
-- toolCalls, toolResults, metadata, bodyHash (hex), createdAt}], no id twice. Answers
-- {turns: [{seq, created, revision}] in the order sent, jobs: {adapter: id}, down: {adapter: reason}}.
create function memories.record_turns(
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

-- How far a session's adapters are: {pending: {adapter: count}, dead: {adapter: count},
-- lastSyncedAt, down: {adapter: reason}}.
create or replace function memories.sync_state(p_session_id uuid)
returns jsonb
language sql stable
set search_path = ''
as $$
    select jsonb_build_object(
        'lastSyncedAt', s.last_synced_at,
        'pending', coalesce(o.pending, '{}'),
        'dead', coalesce(o.dead, '{}'),
        'down', memories.open_circuits()
    )
    from memories.sessions as s
    cross join lateral (
        select
            jsonb_object_agg(n.adapter, n.turns) filter (where n.state = 'pending') as pending,
            jsonb_object_agg(n.adapter, n.turns) filter (where n.state = 'dead') as dead
        from (
            select a.adapter, a.state, count(*) as turns
            from memories.adapter_syncs as a
            where a.user_id = s.user_id and a.session_id = s.id and a.state in ('pending', 'dead')
            group by a.adapter, a.state
        ) as n
    ) as o
    where s.user_id = (select memories.user_id()) and s.id = p_session_id;
$$;

-- syncSession: a pending turn whose job is still queued has that job sent again; one
-- whose job is lost, or that an adapter has never seen, gets a new one. What was given
-- up stays so. Answers sync_state and jobs: [{adapter, id}].
create function memories.sync_session(p_session_id uuid, p_adapters jsonb)
returns jsonb
language plpgsql volatile
set search_path = ''
as $$
declare
    v_user_id uuid := memories.user_id();
    v_adapter text;
    v_roles text[];
    v_jobs jsonb := '[]';
    v_queued bigint[];
    v_missing uuid[];
begin
    perform from memories.sessions as s
    where s.user_id = v_user_id and s.id = p_session_id
    for update;
    if not found then
        raise exception using errcode = 'MO404', message = 'no such session';
    end if;

    for v_adapter, v_roles in
        select a.key, array(select jsonb_array_elements_text(a.value))
        from jsonb_each(p_adapters) as a
    loop
        select coalesce(array_agg(j.job_id order by j.job_id), '{}') into v_queued
        from (
            select distinct a.job_id
            from memories.adapter_syncs as a
            where a.user_id = v_user_id
                and a.session_id = p_session_id
                and a.adapter = v_adapter
                and a.state = 'pending'
        ) as j
        where memories.has_job(v_adapter, j.job_id);

        select array_agg(t.id) into v_missing
        from memories.turns as t
        left join memories.adapter_syncs as a
            on a.user_id = v_user_id and a.turn_id = t.id and a.adapter = v_adapter
        where t.user_id = v_user_id
            and t.session_id = p_session_id
            and (
                a.turn_id is null
                or (a.state = 'pending' and (a.job_id is null or a.job_id <> all(v_queued)))
            );

        if v_missing is not null then
            v_queued := v_queued || memories.ask_adapter(v_adapter, v_roles, p_session_id, v_missing);
        end if;
        v_jobs := v_jobs || (
            select coalesce(jsonb_agg(jsonb_build_object('adapter', v_adapter, 'id', q.id)), '[]')
            from unnest(v_queued) as q (id)
        );
    end loop;

    -- A session without anything to do is as synced as it will ever be.
    if (
        select s.last_synced_at is null
        from memories.sessions as s
        where s.user_id = v_user_id and s.id = p_session_id
    ) then
        perform memories.note_synced(p_session_id);
    end if;

    return memories.sync_state(p_session_id) || jsonb_build_object('jobs', v_jobs);
end
$$;

-- backfillSession: every turn goes to every adapter again, what was given up as well.
create function memories.backfill_session(p_session_id uuid, p_adapters jsonb)
returns jsonb
language plpgsql volatile
set search_path = ''
as $$
declare
    v_user_id uuid := memories.user_id();
    v_turn_ids uuid[];
    v_adapter text;
    v_roles text[];
begin
    perform from memories.sessions as s
    where s.user_id = v_user_id and s.id = p_session_id
    for update;

    select array_agg(t.id) into v_turn_ids
    from memories.turns as t
    where t.user_id = v_user_id and t.session_id = p_session_id;

    for v_adapter, v_roles in
        select a.key, array(select jsonb_array_elements_text(a.value))
        from jsonb_each(p_adapters) as a
    loop
        perform memories.ask_adapter(v_adapter, v_roles, p_session_id, v_turn_ids);
    end loop;

    -- Answers MO404 too, where there is no such session.
    return memories.sync_session(p_session_id, p_adapters);
end
$$;

revoke all on function memories.ask_adapter(text, text[], uuid, uuid[]) from public;
revoke all on function memories.open_circuits() from public;
revoke all on function memories.record_turns(uuid, text, text, jsonb, boolean, jsonb) from public;
revoke all on function memories.sync_session(uuid, jsonb) from public;
revoke all on function memories.backfill_session(uuid, jsonb) from public;
grant execute on function memories.ask_adapter(text, text[], uuid, uuid[]) to authenticated;
grant execute on function memories.open_circuits() to authenticated, memory_sweeper;
grant execute on function memories.record_turns(uuid, text, text, jsonb, boolean, jsonb) to authenticated;
grant execute on function memories.sync_session(uuid, jsonb) to authenticated;
grant execute on function memories.backfill_session(uuid, jsonb) to authenticated;
