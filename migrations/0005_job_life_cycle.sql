-- The life of a job, which docs/jobs.md draws: pending until an attempt succeeds,
-- given up after the last one, and at most one attempt at a time. The state is
-- kept per turn and adapter; the queued job is only the reason to look.

do $$
begin
    create role memory_sweeper nologin noinherit;
exception
    when duplicate_object or unique_violation then null;
end
$$;

grant memory_sweeper to memory_orchestrator;
grant usage on schema memories to memory_sweeper;

-- What is known of a turn and an adapter ---------------------------------------

alter table memories.adapter_syncs
-- When it was last asked for.
add column enqueued_at timestamptz not null default now(),
-- When the latest attempt began. Never taken back: it says that the other side may have the turn.
add column started_at timestamptz,
-- Until then the running attempt has it for itself.
add column leased_until timestamptz,
-- When it stopped being pending.
add column finished_at timestamptz;

update memories.adapter_syncs
set finished_at = updated_at, job_id = null
where state <> 'pending';

alter table memories.adapter_syncs
add constraint pending_is_unfinished check ((state = 'pending') = (finished_at is null)),
add constraint job_is_pending check (job_id is null or state = 'pending'),
add constraint lease_is_an_attempt check (
    leased_until is null or (job_id is not null and started_at is not null)
),
add constraint done_was_tried check (state <> 'done' or attempts > 0),
add constraint dead_has_a_reason check (state <> 'dead' or last_error_code is not null);

-- What a session still waits for, or has lost.
drop index memories.adapter_syncs_pending;
create index adapter_syncs_open on memories.adapter_syncs (user_id, session_id, adapter)
where state in ('pending', 'dead');

-- The oldest that waits, of all users.
create index adapter_syncs_waiting on memories.adapter_syncs (adapter, enqueued_at)
where state = 'pending';

create index adapter_syncs_dead on memories.adapter_syncs (adapter, finished_at)
where state = 'dead';

-- How each adapter fares --------------------------------------------------------
-- The circuit breaker is here because instances come and go: five different jobs
-- in a row that found the other side down open it, refused credentials at once.
-- While it is open no attempt is made, and none is counted. After `retry_at` one
-- attempt may look; it closes the circuit or puts `retry_at` further off.

create table memories.adapter_states (
    adapter text primary key check (adapter in ('embed', 'mem0')),
    state text not null default 'closed' check (state in ('closed', 'open')),
    -- In a row, of different jobs.
    failures integer not null default 0 check (failures >= 0),
    -- Which job failed last: one that always fails must not close the way for all others.
    failed_job_id bigint,
    -- The code of the last failure.
    reason text check (length(reason) <= 100),
    retry_at timestamptz,
    updated_at timestamptz not null default now(),
    check ((state = 'open') = (retry_at is not null)),
    check (state = 'closed' or reason is not null)
);

insert into memories.adapter_states (adapter) values ('embed'), ('mem0');

-- Failed attempts, by the minute.
create table memories.adapter_failures (
    adapter text not null check (adapter in ('embed', 'mem0')),
    minute timestamptz not null,
    code text not null check (length(code) <= 100),
    attempts integer not null check (attempts > 0),
    primary key (adapter, minute, code)
);

alter table memories.adapter_states enable row level security;
alter table memories.adapter_failures enable row level security;

-- Nothing of a user stands in it.
create policy everybody on memories.adapter_states for select
to authenticated, memory_worker, memory_sweeper using (true);
grant select on memories.adapter_states to authenticated, memory_worker, memory_sweeper;

-- Queue -------------------------------------------------------------------------

-- How many seconds a job is QStash's before the sweeper takes it for late. A
-- deployment may set another: alter database … set memories.job_patience = '30'.
-- (In plpgsql, like all that is called for each request: it keeps its plan, which a function
-- in plain SQL makes anew for each call.)
create function memories.job_patience() returns integer
language plpgsql stable parallel safe
set search_path = ''
as $$
begin
    return coalesce(nullif(current_setting('memories.job_patience', true), '')::integer, 60);
end
$$;

-- Puts a job for any user into a queue. For the functions of this schema alone.
create function memories.send_job(p_adapter text, p_user_id uuid, p_session_id uuid, p_turn_ids uuid[])
returns bigint
language plpgsql volatile security definer
set search_path = ''
as $$
declare
    v_job_id bigint;
begin
    select s into v_job_id
    from pgmq.send(
        ('memory_' || p_adapter)::text,
        jsonb_build_object(
            'version', 1,
            'userId', p_user_id,
            'sessionId', p_session_id,
            'turnIds', to_jsonb(p_turn_ids)
        )::jsonb,
        memories.job_patience()::integer
    ) as s;
    return v_job_id;
end
$$;

create or replace function memories.enqueue_job(p_adapter text, p_session_id uuid, p_turn_ids uuid[])
returns bigint
language plpgsql volatile security definer
set search_path = ''
as $$
declare
    v_user_id uuid := memories.user_id();
begin
    if v_user_id is null or p_adapter not in ('embed', 'mem0') then
        raise insufficient_privilege using message = 'a job needs a user and a known adapter';
    end if;
    return memories.send_job(p_adapter, v_user_id, p_session_id, p_turn_ids);
end
$$;

-- Whether a job is queued, without touching when it is swept.
create function memories.has_job(p_adapter text, p_job_id bigint) returns boolean
language sql stable security definer
set search_path = ''
as $$
    select case p_adapter
        when 'embed' then exists (select from pgmq.q_memory_embed as q where q.msg_id = p_job_id)
        when 'mem0' then exists (select from pgmq.q_memory_mem0 as q where q.msg_id = p_job_id)
        else false
    end;
$$;

-- Attempts ----------------------------------------------------------------------

-- 0 when an attempt may be made now, else the seconds until one may.
create function memories.circuit_wait(p_adapter text) returns integer
language plpgsql volatile security definer
set search_path = ''
as $$
declare
    v_retry_at timestamptz;
begin
    select a.retry_at into v_retry_at
    from memories.adapter_states as a
    where a.adapter = p_adapter and a.state = 'open';
    if not found then
        return 0;
    end if;
    -- After `retry_at` one attempt in five seconds finds out for all.
    update memories.adapter_states as a
    set retry_at = now() + interval '5 seconds', updated_at = now()
    where a.adapter = p_adapter and a.state = 'open' and a.retry_at <= now();
    if found then
        return 0;
    end if;
    return greatest(1, ceil(extract(epoch from v_retry_at - now())))::integer;
end
$$;

-- Notes what an attempt says of its adapter: `p_trouble` is null when the other
-- side did its work; `p_opens` is for what only a person can mend.
create function memories.note_outcome(p_adapter text, p_job_id bigint, p_trouble text, p_opens boolean)
returns void
language plpgsql volatile security definer
set search_path = ''
as $$
begin
    if p_trouble is null then
        update memories.adapter_states as a
        set state = 'closed',
            failures = 0,
            failed_job_id = null,
            reason = null,
            retry_at = null,
            updated_at = now()
        where a.adapter = p_adapter and (a.state = 'open' or a.failures > 0);
        return;
    end if;
    update memories.adapter_states as a
    set failures = n.failures,
        failed_job_id = p_job_id,
        reason = p_trouble,
        state = case when n.opens then 'open' else 'closed' end,
        retry_at = case
            when n.opens
            then now() + make_interval(secs => least(300, 15 * 2 ^ least(greatest(n.failures - 5, 0), 5)))
        end,
        updated_at = now()
    from (
        select
            f.failures,
            old.state = 'open' or p_opens or f.failures >= 5 as opens
        from memories.adapter_states as old
        cross join lateral (
            select old.failures + (old.failed_job_id is distinct from p_job_id)::integer as failures
        ) as f
        where old.adapter = p_adapter
        for update of old
    ) as n
    where a.adapter = p_adapter;
end
$$;

-- Counts failed attempts for `sync_health`.
create function memories.count_failures(p_adapter text, p_codes text[]) returns void
language sql volatile security definer
set search_path = ''
as $$
    insert into memories.adapter_failures as f (adapter, minute, code, attempts)
    select p_adapter, date_trunc('minute', now()), c.code, count(*)
    from unnest(p_codes) as c (code)
    where c.code is not null
    group by c.code
    order by c.code
    on conflict (adapter, minute, code) do update set attempts = f.attempts + excluded.attempts;
$$;

-- Lets the sweeper have a job of this user in `p_wait` seconds.
create function memories.postpone_job(p_adapter text, p_job_id bigint, p_wait integer) returns void
language sql volatile security definer
set search_path = ''
as $$
    select memories.claim_job(p_adapter, p_job_id, p_wait);
$$;

-- Puts turns of this user among the dead letters.
create function memories.bury_turns(p_adapter text, p_turn_ids uuid[], p_codes text[]) returns integer
language plpgsql volatile
set search_path = ''
as $$
declare
    v_buried integer;
begin
    with buried as (
        update memories.adapter_syncs as s
        set state = 'dead',
            job_id = null,
            leased_until = null,
            last_error_code = d.code,
            finished_at = now(),
            updated_at = now()
        from unnest(p_turn_ids, p_codes) as d (turn_id, code)
        where s.user_id = memories.user_id()
            and s.turn_id = d.turn_id
            and s.adapter = p_adapter
            and s.state = 'pending'
        returning s.user_id, s.turn_id, s.session_id, s.attempts, s.last_error_code
    ),
    noted as (
        insert into memories.audit (user_id, kind, details)
        select
            b.user_id,
            'dead_letter',
            jsonb_build_object(
                'adapter', p_adapter,
                'turnId', b.turn_id,
                'sessionId', b.session_id,
                'attempts', b.attempts,
                'reason', b.last_error_code
            )
        from buried as b
    )
    select count(*) into v_buried from buried;
    return v_buried;
end
$$;

-- Begins an attempt: takes the job's pending turns for `p_lease` seconds and
-- returns them, one row each, with `outcome` 'work'. Otherwise one row says why not:
-- 'gone' (nothing is left to do), 'leased' (another attempt runs) or 'open' (the
-- circuit is), the last two with the seconds to wait. An attempt is counted when it
-- begins, so that one which kills its process counts as well; a turn with
-- `p_max_attempts` attempts that all ended so is given up here.
create function memories.begin_job(
    p_adapter text,
    p_job_id bigint,
    p_lease integer,
    p_max_attempts integer
)
returns table (
    outcome text,
    wait integer,
    version integer,
    session_id uuid,
    turn_id uuid,
    revision integer,
    role text,
    text text,
    created_at timestamptz,
    -- The attempt: what settles it has to name it.
    started_at timestamptz,
    -- An earlier attempt may have had its effect.
    repeated boolean,
    -- The models whose vector of this revision was made since the turn was asked for.
    models text[]
)
language plpgsql volatile
set search_path = ''
as $$
declare
    v_user_id uuid := memories.user_id();
    v_job jsonb := memories.claim_job(p_adapter, p_job_id, p_lease);
    v_version integer := (v_job ->> 'version')::integer;
    v_session_id uuid;
    v_turn_ids uuid[];
    v_leased_until timestamptz;
    v_lost uuid[];
    v_wait integer;
begin
    if v_job is null then
        outcome := 'gone';
        return next;
        return;
    end if;
    if v_version is distinct from 1 then
        outcome := 'unknown';
        version := v_version;
        return next;
        return;
    end if;

    v_session_id := (v_job ->> 'sessionId')::uuid;
    select array_agg(j.id::uuid) into v_turn_ids
    from jsonb_array_elements_text(v_job -> 'turnIds') as j (id);

    select
        array_agg(s.turn_id) filter (
            where s.attempts >= p_max_attempts and coalesce(s.leased_until <= now(), true)
        ),
        array_agg(s.turn_id) filter (
            where s.attempts < p_max_attempts and coalesce(s.leased_until <= now(), true)
        ),
        max(s.leased_until)
    into v_lost, v_turn_ids, v_leased_until
    from (
        select a.turn_id, a.attempts, a.leased_until
        from memories.adapter_syncs as a
        where a.user_id = v_user_id
            and a.turn_id = any(v_turn_ids)
            and a.adapter = p_adapter
            and a.state = 'pending'
            and a.job_id = p_job_id
        for update
    ) as s;

    if v_lost is not null then
        perform memories.bury_turns(
            p_adapter,
            v_lost,
            (
                select array_agg(coalesce(a.last_error_code, 'unfinished') order by l.place)
                from unnest(v_lost) with ordinality as l (turn_id, place)
                join memories.adapter_syncs as a
                    on a.user_id = v_user_id and a.turn_id = l.turn_id and a.adapter = p_adapter
            )
        );
    end if;

    if v_turn_ids is null then
        if v_leased_until > now() then
            outcome := 'leased';
            wait := greatest(1, ceil(extract(epoch from v_leased_until - now())))::integer;
            return next;
        else
            perform memories.finish_job(p_adapter, p_job_id);
            outcome := 'gone';
            return next;
        end if;
        return;
    end if;

    v_wait := memories.circuit_wait(p_adapter);
    if v_wait > 0 then
        perform memories.postpone_job(p_adapter, p_job_id, v_wait);
        outcome := 'open';
        wait := v_wait;
        return next;
        return;
    end if;

    return query
    with mine as (
        select a.turn_id, a.started_at is not null or a.external_id is not null as repeated
        from memories.adapter_syncs as a
        where a.user_id = v_user_id and a.turn_id = any(v_turn_ids) and a.adapter = p_adapter
    ),
    begun as (
        update memories.adapter_syncs as a
        set attempts = a.attempts + 1,
            started_at = now(),
            leased_until = now() + make_interval(secs => p_lease),
            updated_at = now()
        from mine as m
        where a.user_id = v_user_id and a.turn_id = m.turn_id and a.adapter = p_adapter
        returning a.turn_id, a.enqueued_at, m.repeated
    )
    select
        'work',
        0,
        v_version,
        v_session_id,
        t.id,
        t.revision,
        t.role,
        t.text,
        t.created_at,
        now(),
        b.repeated,
        case
            when p_adapter = 'embed' then array(
                select e.model
                from memories.turn_embeddings as e
                where e.user_id = v_user_id
                    and e.turn_id = t.id
                    and e.revision = t.revision
                    and e.created_at >= b.enqueued_at
            )
        end
    from begun as b
    join memories.turns as t on t.user_id = v_user_id and t.id = b.turn_id
    order by t.seq;
end
$$;

-- Ends the attempt that began at `p_started_at`, in the transaction of its effect. `p_done`: turns with the
-- revision that was used and what the other side calls them; a turn that was
-- replaced meanwhile has a newer job and is left to it. `p_failed`: turns with a code
-- and whether the attempt counts; the last that counts makes a dead letter. The job goes
-- when none of its turns is pending. A failed turn without a code was not got to.
-- Answers 'done', 'left' (turns of it are still pending), or 'gone' when the job was
-- gone: then nothing is done.
create function memories.settle_job(
    p_adapter text,
    p_job_id bigint,
    p_session_id uuid,
    p_started_at timestamptz,
    p_done uuid[],
    p_done_revisions integer[],
    p_done_external_ids text[],
    p_failed uuid[],
    p_failed_codes text[],
    p_failed_counts boolean[],
    p_max_attempts integer,
    p_trouble text,
    p_opens boolean
)
returns text
language plpgsql volatile
set search_path = ''
as $$
declare
    v_user_id uuid := memories.user_id();
    v_dead uuid[];
    v_dead_codes text[];
    v_attempts integer;
begin
    -- The session first, then the job, then the turns: every intent locks in this order, so that
    -- no two wait for each other.
    perform from memories.sessions as s
    where s.user_id = v_user_id and s.id = p_session_id
    for no key update;

    -- A turn that was asked for again meanwhile has another job, which waits for this attempt.
    update memories.adapter_syncs as s
    set leased_until = null, updated_at = now()
    where s.user_id = v_user_id
        and s.turn_id = any(p_done)
        and s.adapter = p_adapter
        and s.state = 'pending'
        and s.started_at = p_started_at
        and s.job_id is distinct from p_job_id
        and s.leased_until is not null;

    -- The job is gone: another attempt has done all this.
    if memories.claim_job(p_adapter, p_job_id, memories.job_patience()) is null then
        return 'gone';
    end if;

    update memories.adapter_syncs as s
    set state = 'done',
        job_id = null,
        leased_until = null,
        external_id = coalesce(d.external_id, s.external_id),
        last_error_code = null,
        finished_at = now(),
        updated_at = now()
    from unnest(p_done, p_done_revisions, p_done_external_ids) as d (turn_id, revision, external_id)
    join memories.turns as t
        on t.user_id = v_user_id and t.id = d.turn_id and t.revision = d.revision
    where s.user_id = v_user_id
        and s.turn_id = d.turn_id
        and s.adapter = p_adapter
        and s.state = 'pending'
        and s.job_id = p_job_id
        and s.started_at = p_started_at;

    if cardinality(p_failed) > 0 then
        update memories.adapter_syncs as s
        set attempts = greatest(0, s.attempts - (not f.counts)::integer),
            -- What Mem0 did not answer it may still be working at, and a repeat that looked for it now
            -- would miss it: the lease stays as long as it would have.
            leased_until = case
                when p_adapter = 'mem0' and f.code in ('timeout', 'unreachable') then s.leased_until
            end,
            last_error_code = coalesce(f.code, s.last_error_code),
            updated_at = now()
        from unnest(p_failed, p_failed_codes, p_failed_counts) as f (turn_id, code, counts)
        where s.user_id = v_user_id
            and s.turn_id = f.turn_id
            and s.adapter = p_adapter
            and s.state = 'pending'
            and s.job_id = p_job_id
            and s.started_at = p_started_at
            -- Not for a second time, should this statement be sent twice.
            and s.leased_until is not null;
        perform memories.count_failures(p_adapter, p_failed_codes);

        select array_agg(s.turn_id), array_agg(s.last_error_code) into v_dead, v_dead_codes
        from memories.adapter_syncs as s
        where s.user_id = v_user_id
            and s.turn_id = any(p_failed)
            and s.adapter = p_adapter
            and s.state = 'pending'
            and s.job_id = p_job_id
            and s.attempts >= p_max_attempts;
        if v_dead is not null then
            perform memories.bury_turns(p_adapter, v_dead, v_dead_codes);
        end if;
    end if;

    perform memories.note_outcome(p_adapter, p_job_id, p_trouble, p_opens);

    select max(s.attempts) into v_attempts
    from memories.adapter_syncs as s
    where s.user_id = v_user_id
        and s.session_id = p_session_id
        and s.adapter = p_adapter
        and s.state = 'pending'
        and s.job_id = p_job_id;
    if v_attempts is null then
        perform memories.finish_job(p_adapter, p_job_id);
        perform memories.note_synced(p_session_id);
        return 'done';
    end if;
    -- QStash tries again by itself; when it has given up, the sweeper does, less and less often.
    perform memories.postpone_job(
        p_adapter,
        p_job_id,
        least(3600, memories.job_patience() * 2 ^ least(greatest(v_attempts - 1, 0), 10))::integer
    );
    return 'left';
end
$$;

-- Notes when a session misses nothing any more.
create function memories.note_synced(p_session_id uuid) returns void
language sql volatile
set search_path = ''
as $$
    update memories.sessions as s
    set last_synced_at = now()
    where s.user_id = (select memories.user_id())
        and s.id = p_session_id
        and not exists (
            select
            from memories.adapter_syncs as a
            where a.user_id = (select memories.user_id())
                and a.session_id = p_session_id
                and a.state in ('pending', 'dead')
        );
$$;

-- Writes an attempt's vectors, one per turn and model, and settles the job.
create function memories.settle_embed_job(
    p_job_id bigint,
    p_session_id uuid,
    p_started_at timestamptz,
    p_turn_ids uuid[],
    p_revisions integer[],
    p_models text[],
    p_embeddings extensions.halfvec[],
    p_done uuid[],
    p_done_revisions integer[],
    p_failed uuid[],
    p_failed_codes text[],
    p_failed_counts boolean[],
    p_max_attempts integer,
    p_trouble text,
    p_opens boolean
)
returns text
language plpgsql volatile
set search_path = ''
as $$
declare
    v_user_id uuid := memories.user_id();
begin
    perform from memories.sessions as s
    where s.user_id = v_user_id and s.id = p_session_id
    for no key update;

    insert into memories.turn_embeddings as old (user_id, turn_id, model, revision, dimensions, embedding)
    select t.user_id, t.id, e.model, t.revision, extensions.vector_dims(e.embedding), e.embedding
    from unnest(p_turn_ids, p_revisions, p_models, p_embeddings) as e (turn_id, revision, model, embedding)
    join memories.turns as t
        on t.user_id = v_user_id and t.id = e.turn_id and t.revision = e.revision
    on conflict (user_id, turn_id, model) do update
    set revision = excluded.revision,
        dimensions = excluded.dimensions,
        embedding = excluded.embedding,
        created_at = now();

    return memories.settle_job(
        'embed',
        p_job_id,
        p_session_id,
        p_started_at,
        p_done,
        p_done_revisions,
        array_fill(null::text, array[cardinality(p_done)]),
        p_failed,
        p_failed_codes,
        p_failed_counts,
        p_max_attempts,
        p_trouble,
        p_opens
    );
end
$$;

-- QStash gave up delivering a job. `p_final`: the endpoint said that it can never
-- succeed, so its turns are dead letters; otherwise the sweeper goes on with it.
create function memories.give_up_job(p_adapter text, p_job_id bigint, p_code text, p_final boolean)
returns integer
language plpgsql volatile
set search_path = ''
as $$
declare
    v_job jsonb := memories.claim_job(p_adapter, p_job_id, memories.job_patience());
    v_turn_ids uuid[];
    v_buried integer := 0;
begin
    if v_job is null then
        return 0;
    end if;
    select array_agg(a.turn_id) into v_turn_ids
    from memories.adapter_syncs as a
    where a.user_id = memories.user_id()
        and a.adapter = p_adapter
        and a.state = 'pending'
        and a.job_id = p_job_id
        and a.turn_id in (select j.id::uuid from jsonb_array_elements_text(v_job -> 'turnIds') as j (id));
    if v_turn_ids is null then
        perform memories.finish_job(p_adapter, p_job_id);
    elsif p_final then
        v_buried := memories.bury_turns(
            p_adapter, v_turn_ids, array_fill(p_code, array[cardinality(v_turn_ids)])
        );
        perform memories.finish_job(p_adapter, p_job_id);
    else
        update memories.adapter_syncs as a
        set last_error_code = p_code, updated_at = now()
        where a.user_id = memories.user_id()
            and a.turn_id = any(v_turn_ids)
            and a.adapter = p_adapter
            and a.last_error_code is null;
    end if;
    return v_buried;
end
$$;

drop function memories.begin_embed_job(bigint, integer);
drop function memories.finish_embed_job(bigint, uuid, text, uuid[], integer[], extensions.halfvec[]);
drop function memories.note_job_failure(text, bigint, text);

revoke all on function memories.job_patience() from public;
revoke all on function memories.send_job(text, uuid, uuid, uuid[]) from public;
revoke all on function memories.has_job(text, bigint) from public;
revoke all on function memories.circuit_wait(text) from public;
revoke all on function memories.note_outcome(text, bigint, text, boolean) from public;
revoke all on function memories.count_failures(text, text[]) from public;
revoke all on function memories.postpone_job(text, bigint, integer) from public;
revoke all on function memories.bury_turns(text, uuid[], text[]) from public;
revoke all on function memories.begin_job(text, bigint, integer, integer) from public;
revoke all on function memories.settle_job(
    text, bigint, uuid, timestamptz, uuid[], integer[], text[], uuid[], text[], boolean[], integer, text, boolean
) from public;
revoke all on function memories.note_synced(uuid) from public;
revoke all on function memories.settle_embed_job(
    bigint, uuid, timestamptz, uuid[], integer[], text[], extensions.halfvec[], uuid[], integer[], uuid[],
    text[], boolean[], integer, text, boolean
) from public;
revoke all on function memories.give_up_job(text, bigint, text, boolean) from public;
revoke execute on function memories.claim_job(text, bigint, integer) from authenticated;

grant execute on function memories.job_patience() to authenticated, memory_worker, memory_sweeper;
grant execute on function memories.has_job(text, bigint) to authenticated;
grant execute on function memories.circuit_wait(text) to memory_worker;
grant execute on function memories.note_outcome(text, bigint, text, boolean) to memory_worker;
grant execute on function memories.count_failures(text, text[]) to memory_worker;
grant execute on function memories.postpone_job(text, bigint, integer) to memory_worker;
grant execute on function memories.bury_turns(text, uuid[], text[]) to memory_worker;
grant execute on function memories.begin_job(text, bigint, integer, integer) to memory_worker;
grant execute on function memories.settle_job(
    text, bigint, uuid, timestamptz, uuid[], integer[], text[], uuid[], text[], boolean[], integer, text, boolean
) to memory_worker;
grant execute on function memories.note_synced(uuid) to authenticated, memory_worker;
grant execute on function memories.settle_embed_job(
    bigint, uuid, timestamptz, uuid[], integer[], text[], extensions.halfvec[], uuid[], integer[], uuid[],
    text[], boolean[], integer, text, boolean
) to memory_worker;
grant execute on function memories.give_up_job(text, bigint, text, boolean) to memory_worker;
