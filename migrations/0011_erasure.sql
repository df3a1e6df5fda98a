-- Forgetting. What a user had is deleted in one transaction; what other systems still hold of it is
-- deleted by a job, until they confirm that nothing is left. What proves it, and what keeps an erased
-- turn from coming back, names nobody: keyed hashes instead of ids. docs/erasure.md tells the whole.

-- Hashes --------------------------------------------------------------------------

-- One row: 244 random bits, for the functions of this file alone. Whoever has the hashes without it can
-- try every id there is and learn nothing.
create table memories.erasure_key (
    one boolean primary key default true check (one),
    key bytea not null default decode(
        replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'
    )
);

insert into memories.erasure_key default values;
alter table memories.erasure_key enable row level security;

-- 128 bits of a keyed hash. SHA-256 twice, so that nothing can be appended to what was hashed.
create function memories.keyed_hash(p_key bytea, p_message bytea) returns uuid
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
    return encode(substring(sha256(p_key || sha256(p_key || p_message)) for 16), 'hex')::uuid;
end
$$;

-- Who asks, for policies and records: the same for all of a user's erasures, and no way back to the user.
create function memories.subject() returns uuid
language plpgsql stable security definer
set search_path = ''
as $$
begin
    return memories.keyed_hash(k.key, 'subject'::bytea || uuid_send(memories.user_id()))
    from memories.erasure_key as k;
end
$$;

-- Tables --------------------------------------------------------------------------

-- What was erased, when, and who has confirmed it.
create table memories.erasures (
    id uuid primary key default gen_random_uuid(),
    subject uuid not null,
    scope text not null check (scope in ('all', 'session', 'retention')),
    -- The hash of the session, so that a repeated request is told of the first one.
    target uuid check ((target is not null) = (scope = 'session')),
    requested_at timestamptz not null default clock_timestamp(),
    -- How many rows went, per kind.
    rows jsonb not null check (jsonb_typeof(rows) = 'object'),
    mem0 text not null check (mem0 in ('pending', 'done', 'skipped')),
    redis text not null check (redis in ('pending', 'done', 'skipped')),
    -- From then on nothing that was under way can write any more, so that a look is the last one.
    settles_at timestamptz not null,
    attempts integer not null default 0 check (attempts >= 0),
    leased_until timestamptz,
    last_error_code text check (length(last_error_code) <= 100),
    confirmed_at timestamptz,
    check (confirmed_at is null or (mem0 <> 'pending' and redis <> 'pending' and leased_until is null))
);

create index erasures_by_subject on memories.erasures (subject, requested_at desc);
create index erasures_open on memories.erasures (requested_at) where confirmed_at is null;

alter table memories.erasures enable row level security;

create policy own_erasures on memories.erasures for select to authenticated
using (subject = (select memories.subject()));

grant select on memories.erasures to authenticated;

-- The turns that may not come back.
create table memories.tombstones (
    hash uuid primary key,
    erased_at timestamptz not null default now()
);

alter table memories.tombstones enable row level security;

-- Its payload is {version, userId, erasureId, sessionId?, turnIds?}: the only place where an erasure has the
-- user's id, and gone once it is confirmed.
select pgmq.create('memory_erase'::text);

-- The wall --------------------------------------------------------------------------
-- Whatever writes turns, an erased one stays out. It looks after the insert: one that waited for an
-- erasure to commit then sees what that left behind.

create function memories.refuse_erased() returns trigger
language plpgsql volatile security definer
set search_path = ''
as $$
declare
    v_erased jsonb;
begin
    select jsonb_agg(f.id) into v_erased
    from memories.erasure_key as k
    cross join fresh as f
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

create trigger refuse_erased
after insert on memories.turns
referencing new table as fresh
for each statement execute function memories.refuse_erased();

-- Erasing ---------------------------------------------------------------------------

-- Takes the jobs of some sessions of a user out of every queue and archive of ours but the erasures'; with
-- `p_all` also those whose session is not there any more.
create function memories.remove_jobs(p_user_id uuid, p_session_ids uuid[], p_all boolean) returns integer
language plpgsql volatile security definer
set search_path = ''
as $$
declare
    v_table text;
    v_removed integer;
    v_all integer := 0;
begin
    foreach v_table in array array['q_memory_embed', 'q_memory_mem0', 'a_memory_embed', 'a_memory_mem0'] loop
        execute format(
            'delete from pgmq.%I as q
            where q.message ->> ''userId'' = $1::text
                and (
                    q.message ->> ''sessionId'' = any($2::text[])
                    or (
                        $3
                        and not exists (
                            select from memories.sessions as s
                            where s.user_id = $1 and s.id::text = q.message ->> ''sessionId''
                        )
                    )
                )',
            v_table
        ) using p_user_id, p_session_ids, p_all;
        get diagnostics v_removed = row_count;
        v_all := v_all + v_removed;
    end loop;
    return v_all;
end
$$;

-- Writes an erasure down, and queues its job unless nobody else has anything to erase. Answers
-- {erasureId, jobId}.
create function memories.open_erasure(
    p_user_id uuid,
    p_subject uuid,
    p_scope text,
    p_session_id uuid,
    p_turn_ids uuid[],
    p_rows jsonb,
    p_mem0 boolean,
    p_redis boolean,
    p_settles_at timestamptz
)
returns jsonb
language plpgsql volatile security definer
set search_path = ''
as $$
declare
    v_id uuid;
    v_job_id bigint;
begin
    insert into memories.erasures (subject, scope, target, rows, mem0, redis, settles_at, confirmed_at)
    select
        p_subject,
        p_scope,
        case when p_scope = 'session' then memories.keyed_hash(k.key, uuid_send(p_user_id) || uuid_send(p_session_id)) end,
        p_rows,
        case when p_mem0 then 'pending' else 'skipped' end,
        case when p_redis then 'pending' else 'skipped' end,
        p_settles_at,
        case when not p_mem0 and not p_redis then clock_timestamp() end
    from memories.erasure_key as k
    returning id into v_id;
    if p_mem0 or p_redis then
        select s into v_job_id
        from pgmq.send(
            'memory_erase'::text,
            jsonb_strip_nulls(
                jsonb_build_object(
                    'version', 1,
                    'userId', p_user_id,
                    'erasureId', v_id,
                    'sessionId', p_session_id,
                    'turnIds', to_jsonb(p_turn_ids)
                )
            )::jsonb,
            memories.job_patience()::integer
        ) as s;
    end if;
    return jsonb_build_object('erasureId', v_id, 'jobId', v_job_id);
end
$$;

-- Erases all that there is of the transaction's user, or one session of theirs (else MO404; one that is
-- erased already answers as it did). `p_mem0` and `p_redis`: whether they are used here. A push to Mem0
-- that began at most `p_push` seconds ago may still arrive there, a request that is under way may write to
-- Redis for `p_request` seconds more. Answers {erasureId, jobId}.
--
-- What is erased are the sessions that were there when it began, and are locked: nothing can be added to them any
-- more. A session that somebody begins meanwhile comes after the erasure, with all that is in it.
create function memories.erase(
    p_session_id uuid,
    p_mem0 boolean,
    p_redis boolean,
    p_push integer,
    p_request integer
)
returns jsonb
language plpgsql volatile security definer
set search_path = ''
-- One session and everything want other plans.
set plan_cache_mode = force_custom_plan
as $$
declare
    v_user_id uuid := memories.user_id();
    v_subject uuid := memories.subject();
    v_known jsonb;
    v_rows jsonb;
    v_jobs integer;
    v_pushed_at timestamptz;
    v_settles_at timestamptz := clock_timestamp();
    v_session_ids uuid[];
    -- Of a session: its turns, by which the other tables have indexes.
    v_turn_ids uuid[];
    v_count integer;
begin
    if v_user_id is null then
        raise insufficient_privilege using message = 'an erasure needs a user';
    end if;

    -- The sessions, then the jobs, then the turns, as everybody locks them. In the order of the ids, so
    -- that two erasures do not wait for each other.
    select array_agg(l.id) into v_session_ids
    from (
        select s.id from memories.sessions as s
        where s.user_id = v_user_id and (p_session_id is null or s.id = p_session_id)
        order by s.id
        for update
    ) as l;
    if v_session_ids is null then
        v_session_ids := '{}';
        select jsonb_build_object(
            'erasureId', e.id,
            'jobId', (
                select q.msg_id from pgmq.q_memory_erase as q where q.message ->> 'erasureId' = e.id::text
            )
        ) into v_known
        from memories.erasure_key as k
        join memories.erasures as e
            on e.subject = v_subject
            and e.target = memories.keyed_hash(k.key, uuid_send(v_user_id) || uuid_send(p_session_id))
        order by e.requested_at desc
        limit 1;
        if v_known is not null then
            return v_known;
        elsif p_session_id is not null then
            raise exception using errcode = 'MO404', message = 'no such session';
        end if;
    end if;
    v_jobs := memories.remove_jobs(v_user_id, v_session_ids, p_session_id is null);
    if p_session_id is not null then
        select coalesce(array_agg(t.id), '{}') into v_turn_ids
        from memories.turns as t
        where t.user_id = v_user_id and t.session_id = p_session_id;
    end if;

    -- No attempt can begin any more. The latest that did may be under way.
    select max(a.started_at) into v_pushed_at
    from memories.adapter_syncs as a
    where a.user_id = v_user_id
        and (
            (v_turn_ids is null and a.session_id = any(v_session_ids)) or a.turn_id = any(v_turn_ids)
        )
        and a.adapter = 'mem0';
    if v_pushed_at is not null then
        v_settles_at := greatest(v_settles_at, v_pushed_at + make_interval(secs => p_push));
    end if;
    if p_redis then
        v_settles_at := greatest(v_settles_at, clock_timestamp() + make_interval(secs => p_request));
    end if;
    -- What an earlier erasure waits for, this one waits for too.
    select greatest(v_settles_at, max(e.settles_at)) into v_settles_at
    from memories.erasures as e
    where e.subject = v_subject and e.confirmed_at is null;

    insert into memories.tombstones (hash)
    select memories.keyed_hash(k.key, uuid_send(t.user_id) || uuid_send(t.id))
    from memories.erasure_key as k
    cross join memories.turns as t
    where t.user_id = v_user_id and t.session_id = any(v_session_ids)
    on conflict (hash) do nothing;

    -- One statement per table: left to the foreign keys, each turn would be looked up in each of them.
    delete from memories.turn_embeddings as e
    where e.user_id = v_user_id
        and (
            e.turn_id = any(v_turn_ids)
            or (
                v_turn_ids is null
                and e.turn_id in (
                    select t.id from memories.turns as t
                    where t.user_id = v_user_id and t.session_id = any(v_session_ids)
                )
            )
        );
    get diagnostics v_count = row_count;
    v_rows := jsonb_build_object('embeddings', v_count);
    delete from memories.adapter_syncs as a
    where a.user_id = v_user_id and (
            (v_turn_ids is null and a.session_id = any(v_session_ids)) or a.turn_id = any(v_turn_ids)
        );
    get diagnostics v_count = row_count;
    v_rows := v_rows || jsonb_build_object('syncs', v_count);
    -- Of a session: what the audit says of it or of its turns. It is in the trail by their ids.
    delete from memories.audit as n
    where n.user_id = v_user_id
        and (
            p_session_id is null
            or n.details ->> 'sessionId' = p_session_id::text
            or n.details ->> 'turnId' = any(v_turn_ids::text[])
        );
    get diagnostics v_count = row_count;
    v_rows := v_rows || jsonb_build_object('audit', v_count);
    delete from memories.turns as t
    where t.user_id = v_user_id and t.session_id = any(v_session_ids);
    get diagnostics v_count = row_count;
    v_rows := v_rows || jsonb_build_object('turns', v_count);
    delete from memories.sessions as s
    where s.user_id = v_user_id and s.id = any(v_session_ids);
    get diagnostics v_count = row_count;
    v_rows := v_rows || jsonb_build_object('sessions', v_count);
    if p_session_id is null then
        delete from memories.large_users as l where l.user_id = v_user_id;
        delete from memories.retention as r where r.user_id = v_user_id;
    end if;
    -- Again, for one that the sweeper queued meanwhile: its turns it has lost while we waited for it.
    v_jobs := v_jobs + memories.remove_jobs(v_user_id, v_session_ids, p_session_id is null);

    return memories.open_erasure(
        v_user_id,
        v_subject,
        case when p_session_id is null then 'all' else 'session' end,
        p_session_id,
        null,
        v_rows || jsonb_build_object('jobs', v_jobs),
        -- Switched off here, it may have been on: then the erasure waits until it is again.
        p_mem0 or v_pushed_at is not null,
        p_redis,
        v_settles_at
    );
end
$$;

-- The job ---------------------------------------------------------------------------

-- Begins an attempt at an erasure of this user. Answers {outcome}: 'gone' (it is confirmed), 'leased' (another
-- attempt runs, with `wait` in seconds), 'unknown' (a payload of another version), or 'work' with {erasureId,
-- sessionId, turnIds, last}: `last` when nothing that was under way can write any more.
create function memories.begin_erasure(p_job_id bigint, p_lease integer) returns jsonb
language plpgsql volatile security definer
set search_path = ''
as $$
declare
    v_message jsonb;
    v_erasure memories.erasures;
begin
    select m.message into v_message
    from pgmq.set_vt('memory_erase'::text, p_job_id::bigint, p_lease::integer) as m;
    if v_message is null then
        return jsonb_build_object('outcome', 'gone');
    end if;
    if v_message ->> 'userId' is distinct from memories.user_id()::text then
        raise exception using errcode = 'MO404', message = 'no such job';
    end if;
    if (v_message ->> 'version')::integer is distinct from 1 then
        return jsonb_build_object('outcome', 'unknown');
    end if;
    select e.* into v_erasure
    from memories.erasures as e
    where e.id = (v_message ->> 'erasureId')::uuid
    for update;
    if v_erasure.id is null or v_erasure.confirmed_at is not null then
        perform from pgmq.delete('memory_erase'::text, p_job_id::bigint);
        return jsonb_build_object('outcome', 'gone');
    end if;
    if v_erasure.leased_until > clock_timestamp() then
        return jsonb_build_object(
            'outcome', 'leased',
            'wait', greatest(1, ceil(extract(epoch from v_erasure.leased_until - clock_timestamp())))::integer
        );
    end if;
    update memories.erasures as e
    set attempts = e.attempts + 1,
        leased_until = clock_timestamp() + make_interval(secs => p_lease)
    where e.id = v_erasure.id;
    return jsonb_build_object(
        'outcome', 'work',
        'erasureId', v_erasure.id,
        'sessionId', v_message -> 'sessionId',
        'turnIds', v_message -> 'turnIds',
        'mem0', v_erasure.mem0 <> 'skipped',
        'redis', v_erasure.redis <> 'skipped',
        'last', v_erasure.settles_at <= clock_timestamp()
    );
end
$$;

-- Ends an attempt. `p_mem0` and `p_redis`: whether nothing is left there. Both after a look that was `p_last`
-- confirm the erasure, and the job goes, and with it the user's id. Answers null then, else the seconds until
-- the next attempt can be of use.
create function memories.settle_erasure(
    p_job_id bigint,
    p_last boolean,
    p_mem0 boolean,
    p_redis boolean,
    p_code text
)
returns integer
language plpgsql volatile security definer
set search_path = ''
as $$
declare
    v_message jsonb;
    v_erasure memories.erasures;
    v_wait integer;
begin
    select m.message into v_message
    from pgmq.set_vt('memory_erase'::text, p_job_id::bigint, memories.job_patience()::integer) as m;
    if v_message is null then
        return null;
    end if;
    if v_message ->> 'userId' is distinct from memories.user_id()::text then
        raise exception using errcode = 'MO404', message = 'no such job';
    end if;
    select e.* into v_erasure
    from memories.erasures as e
    where e.id = (v_message ->> 'erasureId')::uuid
    for update;
    if p_last and p_mem0 and p_redis then
        update memories.erasures as e
        set mem0 = case when e.mem0 = 'skipped' then 'skipped' else 'done' end,
            redis = case when e.redis = 'skipped' then 'skipped' else 'done' end,
            leased_until = null,
            last_error_code = null,
            confirmed_at = clock_timestamp()
        where e.id = v_erasure.id;
        perform from pgmq.delete('memory_erase'::text, p_job_id::bigint);
        delete from pgmq.a_memory_erase as a where a.message ->> 'erasureId' = v_erasure.id::text;
        return null;
    end if;
    update memories.erasures as e
    set leased_until = null, last_error_code = p_code
    where e.id = v_erasure.id;
    -- It is tried for ever, less and less often.
    v_wait := greatest(
        1,
        case
            when p_mem0 and p_redis
            then ceil(extract(epoch from v_erasure.settles_at - clock_timestamp()))
            else least(3600, memories.job_patience() * 2 ^ least(greatest(v_erasure.attempts - 1, 0), 10))
        end
    )::integer;
    perform from pgmq.set_vt('memory_erase'::text, p_job_id::bigint, v_wait::integer);
    return v_wait;
end
$$;

-- As before, but that nothing goes to Mem0 of a user who is being erased there: it would be erased with the
-- rest, and nobody would know.
create or replace function memories.circuit_wait(p_adapter text) returns integer
language plpgsql volatile security definer
set search_path = ''
as $$
declare
    v_retry_at timestamptz;
    v_settles_at timestamptz;
begin
    if p_adapter = 'mem0' then
        select max(e.settles_at) into v_settles_at
        from memories.erasures as e
        where e.subject = memories.subject() and e.confirmed_at is null and e.mem0 = 'pending';
        if v_settles_at is not null then
            return greatest(3, ceil(extract(epoch from v_settles_at - clock_timestamp())))::integer;
        end if;
    end if;
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

-- For the sweeper: erasures whose next attempt is due, [{userId, id, sweeps}]. What is taken is not taken again
-- before twice the patience has passed, then four times, up to an hour.
create function memories.late_erasures(p_limit integer) returns jsonb
language plpgsql volatile security definer
set search_path = ''
as $$
declare
    v_jobs jsonb;
begin
    with late as (
        select q.msg_id
        from pgmq.q_memory_erase as q
        where q.vt <= clock_timestamp()
        order by q.vt
        limit p_limit
        for update skip locked
    ),
    taken as (
        update pgmq.q_memory_erase as q
        set read_ct = q.read_ct + 1,
            vt = clock_timestamp()
                + make_interval(secs => least(3600, memories.job_patience() * 2 ^ least(q.read_ct + 1, 10)))
        from late as l
        where q.msg_id = l.msg_id
        returning q.msg_id, q.read_ct, q.message ->> 'userId' as user_id
    )
    select coalesce(
        jsonb_agg(
            jsonb_build_object('userId', t.user_id, 'id', t.msg_id, 'sweeps', t.read_ct) order by t.msg_id
        ),
        '[]'
    ) into v_jobs
    from taken as t;
    return v_jobs;
end
$$;

-- For operators: what waits, and why.
create view memories.erasure_health as
select
    count(*) filter (where e.confirmed_at is null) as pending,
    min(e.requested_at) filter (where e.confirmed_at is null) as oldest_pending_at,
    coalesce(
        extract(epoch from clock_timestamp() - min(e.requested_at) filter (where e.confirmed_at is null)), 0
    )::double precision as oldest_pending_seconds,
    array_agg(distinct e.last_error_code) filter (
        where e.confirmed_at is null and e.last_error_code is not null
    ) as reasons,
    count(e.confirmed_at) as confirmed
from memories.erasures as e;

revoke all on memories.erasure_health from public;

-- Retention -------------------------------------------------------------------------
-- Turns that are older than the policy's days go in the sweep, the oldest first. Age counts from when a turn
-- was said, and of one that claims the future from when it came. Policies are the owner's to set.

-- A user's own days. They count before the default; null keeps everything.
create table memories.retention (
    user_id uuid primary key,
    days integer check (days > 0),
    created_at timestamptz not null default now()
);

alter table memories.retention enable row level security;

create policy own_retention on memories.retention for select to authenticated
using (user_id = (select memories.user_id()));

grant select on memories.retention to authenticated;

-- Everybody else's; null keeps everything. And how far the rounds over the users have come.
create table memories.retention_default (
    one boolean primary key default true check (one),
    days integer check (days > 0),
    looked_after uuid not null default '00000000-0000-0000-0000-000000000000'
);

insert into memories.retention_default default values;
alter table memories.retention_default enable row level security;

-- One step of the rounds: looks at `p_users` users from where the last step ended, and erases at most
-- `p_turns` turns. Returns how many.
create function memories.expire_turns(p_users integer, p_turns integer) returns integer
language plpgsql volatile security definer
set search_path = ''
as $$
declare
    v_default memories.retention_default;
    v_users uuid[];
    v_user_id uuid;
    v_cutoff timestamptz;
    v_session_id uuid;
    v_old uuid[];
    v_turn_ids uuid[];
    v_count integer;
    v_pushed boolean;
    v_rows jsonb;
    v_left integer := p_turns;
begin
    select d.* into v_default from memories.retention_default as d for update skip locked;
    if not found then
        return 0;
    end if;
    if v_default.days is null then
        select array_agg(r.user_id order by r.user_id) into v_users
        from (
            select o.user_id from memories.retention as o
            where o.user_id > v_default.looked_after and o.days is not null
            order by o.user_id
            limit p_users
        ) as r;
    else
        -- From one user to the next by the index, however many sessions each has.
        with recursive walk as (
            (
                select s.user_id, 1 as step from memories.sessions as s
                where s.user_id > v_default.looked_after
                order by s.user_id
                limit 1
            )
            union all
            select n.user_id, w.step + 1
            from walk as w
            cross join lateral (
                select s.user_id from memories.sessions as s
                where s.user_id > w.user_id
                order by s.user_id
                limit 1
            ) as n
            where w.step < p_users
        )
        select array_agg(w.user_id order by w.user_id) into v_users from walk as w;
    end if;

    foreach v_user_id in array coalesce(v_users, '{}') loop
        exit when v_left <= 0;
        v_cutoff := now() - make_interval(
            days => case
                when exists (select from memories.retention as r where r.user_id = v_user_id)
                then (select r.days from memories.retention as r where r.user_id = v_user_id)
                else v_default.days
            end
        );
        select array_agg(o.id) into v_old
        from (
            (
                select t.id from memories.turns as t
                where t.user_id = v_user_id and t.created_at < v_cutoff
                order by t.created_at, t.seq
                limit v_left
            )
            union all
            (
                select t.id from memories.turns as t
                where t.user_id = v_user_id and t.created_at > now() and t.recorded_at < v_cutoff
                order by t.created_at, t.seq
                limit v_left
            )
            limit v_left
        ) as o;

        for v_session_id in
            select distinct t.session_id from memories.turns as t
            where t.user_id = v_user_id and t.id = any(v_old)
            order by t.session_id
        loop
            -- A session that somebody is writing to is for the next round.
            perform from memories.sessions as s
            where s.user_id = v_user_id and s.id = v_session_id
            for update skip locked;
            continue when not found;
            select array_agg(t.id) into v_turn_ids
            from memories.turns as t
            where t.user_id = v_user_id and t.session_id = v_session_id and t.id = any(v_old);
            v_pushed := exists (
                select from memories.adapter_syncs as a
                where a.user_id = v_user_id
                    and a.turn_id = any(v_turn_ids)
                    and a.adapter = 'mem0'
                    and a.started_at is not null
            );
            insert into memories.tombstones (hash)
            select memories.keyed_hash(k.key, uuid_send(v_user_id) || uuid_send(i.id))
            from memories.erasure_key as k
            cross join unnest(v_turn_ids) as i (id)
            on conflict (hash) do nothing;
            delete from memories.audit as n
            where n.user_id = v_user_id
                and n.details ->> 'turnId' in (select i.id::text from unnest(v_turn_ids) as i (id));
            delete from memories.turns as t where t.user_id = v_user_id and t.id = any(v_turn_ids);
            get diagnostics v_count = row_count;
            v_left := v_left - v_count;
            v_rows := jsonb_build_object('turns', v_count);
            delete from memories.sessions as s
            where s.user_id = v_user_id
                and s.id = v_session_id
                and not exists (
                    select from memories.turns as t where t.user_id = v_user_id and t.session_id = v_session_id
                );
            get diagnostics v_count = row_count;
            perform memories.open_erasure(
                v_user_id,
                (
                    select memories.keyed_hash(k.key, 'subject'::bytea || uuid_send(v_user_id))
                    from memories.erasure_key as k
                ),
                'retention',
                v_session_id,
                v_turn_ids,
                v_rows || jsonb_build_object('sessions', v_count),
                v_pushed,
                false,
                clock_timestamp()
            );
        end loop;
    end loop;

    -- With some left to erase the next step begins with the same user, else after the last, or anew.
    update memories.retention_default as d
    set looked_after = case
        when v_left <= 0 then v_default.looked_after
        when cardinality(v_users) = p_users then v_users[p_users]
        else '00000000-0000-0000-0000-000000000000'
    end;
    return p_turns - v_left;
end
$$;

revoke all on function memories.keyed_hash(bytea, bytea) from public;
revoke all on function memories.subject() from public;
revoke all on function memories.refuse_erased() from public;
revoke all on function memories.remove_jobs(uuid, uuid[], boolean) from public;
revoke all on function memories.open_erasure(
    uuid, uuid, text, uuid, uuid[], jsonb, boolean, boolean, timestamptz
) from public;
revoke all on function memories.erase(uuid, boolean, boolean, integer, integer) from public;
revoke all on function memories.begin_erasure(bigint, integer) from public;
revoke all on function memories.settle_erasure(bigint, boolean, boolean, boolean, text) from public;
revoke all on function memories.late_erasures(integer) from public;
revoke all on function memories.expire_turns(integer, integer) from public;
grant execute on function memories.subject() to authenticated;
grant execute on function memories.erase(uuid, boolean, boolean, integer, integer) to authenticated;
grant execute on function memories.begin_erasure(bigint, integer) to memory_worker;
grant execute on function memories.settle_erasure(bigint, boolean, boolean, boolean, text) to memory_worker;
grant execute on function memories.late_erasures(integer) to memory_sweeper;
grant execute on function memories.expire_turns(integer, integer) to memory_sweeper;
