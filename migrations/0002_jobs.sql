-- Jobs live in pgmq, one queue per adapter, and are enqueued in the transaction
-- that makes them necessary. A payload carries a version and ids, never text.
-- Only the functions of this file touch a queue. Each is `security definer`,
-- since nobody else has rights on pgmq, and each acts for the user of the
-- transaction and for nobody else. Older pgmq versions are met by using its six
-- oldest functions alone, with every argument cast.

select pgmq.create('memory_embed'::text);
select pgmq.create('memory_mem0'::text);

-- Enqueues one job for some turns of a session and returns its id. A reader of
-- the queue (the sweeper) sees it only after a minute: until then it is QStash's.
create function memories.enqueue_job(p_adapter text, p_session_id uuid, p_turn_ids uuid[])
returns bigint
language plpgsql volatile security definer
set search_path = ''
as $$
declare
    v_user_id uuid := memories.user_id();
    v_job_id bigint;
begin
    if v_user_id is null or p_adapter not in ('embed', 'mem0') then
        raise insufficient_privilege using message = 'a job needs a user and a known adapter';
    end if;
    select s into v_job_id
    from pgmq.send(
        ('memory_' || p_adapter)::text,
        jsonb_build_object(
            'version', 1,
            'userId', v_user_id,
            'sessionId', p_session_id,
            'turnIds', to_jsonb(p_turn_ids)
        )::jsonb,
        60::integer
    ) as s;
    return v_job_id;
end
$$;

-- Takes a job for `p_lease` seconds and returns its payload, or null when it is
-- done. Another user's job raises MO404, so that its lease is left as it was.
create function memories.claim_job(p_adapter text, p_job_id bigint, p_lease integer)
returns jsonb
language plpgsql volatile security definer
set search_path = ''
as $$
declare
    v_message jsonb;
begin
    if p_adapter not in ('embed', 'mem0') then
        raise insufficient_privilege using message = 'unknown adapter';
    end if;
    select m.message into v_message
    from pgmq.set_vt(
        ('memory_' || p_adapter)::text, p_job_id::bigint, least(p_lease, 3600)::integer
    ) as m;
    if v_message ->> 'userId' <> coalesce(memories.user_id()::text, '') then
        raise exception using errcode = 'MO404', message = 'no such job';
    end if;
    return v_message;
end
$$;

-- Removes a job of this user. True when it was there.
create function memories.finish_job(p_adapter text, p_job_id bigint)
returns boolean
language plpgsql volatile security definer
set search_path = ''
as $$
begin
    if memories.claim_job(p_adapter, p_job_id, 60) is null then
        return false;
    end if;
    return pgmq.delete(('memory_' || p_adapter)::text, p_job_id::bigint);
end
$$;

-- What an embedding job has to read: one row per turn that is still there and
-- still wanted, or one row without a turn when the job itself is still there.
create function memories.begin_embed_job(p_job_id bigint, p_lease integer)
returns table (version integer, session_id uuid, turn_id uuid, revision integer, text text)
language plpgsql volatile
set search_path = ''
as $$
declare
    v_job jsonb := memories.claim_job('embed', p_job_id, p_lease);
begin
    if v_job is null then
        return;
    end if;
    return query
    select (v_job ->> 'version')::integer, (v_job ->> 'sessionId')::uuid, t.id, t.revision, t.text
    from (select 1) as one
    left join memories.turns as t
        on t.user_id = memories.user_id()
        and t.id in (select jsonb_array_elements_text(v_job -> 'turnIds')::uuid)
        and t.text <> '';
end
$$;

-- The effect of an embedding job and the job's removal, in one transaction. A
-- turn that was replaced meanwhile keeps its pending state: it has a newer job.
create function memories.finish_embed_job(
    p_job_id bigint,
    p_session_id uuid,
    p_model text,
    p_turn_ids uuid[],
    p_revisions integer[],
    p_embeddings extensions.halfvec[]
)
returns boolean
language plpgsql volatile
set search_path = ''
as $$
declare
    v_user_id uuid := memories.user_id();
begin
    -- The session first, then the job, then the turns: every intent locks in this order, so that
    -- no two wait for each other.
    perform from memories.sessions as s
    where s.user_id = v_user_id and s.id = p_session_id
    for no key update;

    -- The job is gone: another delivery of it has done all this.
    if memories.claim_job('embed', p_job_id, 60) is null then
        return false;
    end if;

    insert into memories.turn_embeddings as old (user_id, turn_id, model, revision, dimensions, embedding)
    select t.user_id, t.id, p_model, t.revision, extensions.vector_dims(e.embedding), e.embedding
    from unnest(p_turn_ids, p_revisions, p_embeddings) as e (turn_id, revision, embedding)
    join memories.turns as t
        on t.user_id = v_user_id and t.id = e.turn_id and t.revision = e.revision
    on conflict (user_id, turn_id, model) do update
    set revision = excluded.revision,
        dimensions = excluded.dimensions,
        embedding = excluded.embedding,
        created_at = now();

    update memories.adapter_syncs as s
    set state = 'done',
        job_id = null,
        attempts = s.attempts + 1,
        last_error_code = null,
        updated_at = now()
    from unnest(p_turn_ids, p_revisions) as e (turn_id, revision)
    join memories.turns as t
        on t.user_id = v_user_id and t.id = e.turn_id and t.revision = e.revision
    where s.user_id = v_user_id
        and s.turn_id = e.turn_id
        and s.adapter = 'embed';

    perform memories.finish_job('embed', p_job_id);

    update memories.sessions as s
    set last_synced_at = now()
    where s.user_id = v_user_id
        and s.id = p_session_id
        and not exists (
            select from memories.adapter_syncs as a
            where a.user_id = v_user_id and a.session_id = p_session_id and a.state = 'pending'
        );
    return true;
end
$$;

-- Notes why a job did not succeed this time, per turn; the job stays queued.
create function memories.note_job_failure(p_adapter text, p_job_id bigint, p_error_code text)
returns void
language sql volatile
set search_path = ''
as $$
    update memories.adapter_syncs
    set attempts = attempts + 1, last_error_code = p_error_code, updated_at = now()
    where user_id = (select memories.user_id())
        and adapter = p_adapter
        and job_id = p_job_id
        and state = 'pending';
$$;

revoke all on function memories.enqueue_job(text, uuid, uuid[]) from public;
revoke all on function memories.claim_job(text, bigint, integer) from public;
revoke all on function memories.finish_job(text, bigint) from public;
revoke all on function memories.begin_embed_job(bigint, integer) from public;
revoke all on function memories.finish_embed_job(bigint, uuid, text, uuid[], integer[], extensions.halfvec[])
from public;
revoke all on function memories.note_job_failure(text, bigint, text) from public;

grant execute on function memories.enqueue_job(text, uuid, uuid[]) to authenticated;
-- syncSession looks whether a job is still queued, as the user.
grant execute on function memories.claim_job(text, bigint, integer) to authenticated, memory_worker;
grant execute on function memories.finish_job(text, bigint) to memory_worker;
grant execute on function memories.begin_embed_job(bigint, integer) to memory_worker;
grant execute on function memories.finish_embed_job(bigint, uuid, text, uuid[], integer[], extensions.halfvec[])
to memory_worker;
grant execute on function memories.note_job_failure(text, bigint, text) to memory_worker;
