-- The sweeper: takes what was not finished in time, of all users, so that the loss
-- of QStash, of a reply or of an instance loses nothing. It runs as memory_sweeper,
-- which sees ids and counts through these functions and no table of a user.

-- One row: who sweeps until when, and what is done only now and then.
create table memories.sweeps (
    one boolean primary key default true check (one),
    swept_at timestamptz,
    busy_until timestamptz,
    adopted_at timestamptz
);

insert into memories.sweeps default values;
alter table memories.sweeps enable row level security;

-- Pending turns whose job is not queued any more, though nothing of ours takes one
-- away without the other: an operator purged a queue, or restored half a backup.
-- They get new jobs, one per 100. Looked for every ten minutes, among the 10,000 of an
-- adapter that wait for longest: a backlog must not hold up the sweep, and as long as
-- those do not get done, no others would either.
create function memories.adopt_orphans(p_limit integer) returns integer
language plpgsql volatile security definer
set search_path = ''
as $$
declare
    v_group record;
    v_turn_ids uuid[];
    v_job_id bigint;
    v_adopted integer := 0;
begin
    for v_group in
        select w.adapter, w.user_id, w.session_id, array_agg(w.turn_id) as turn_ids
        from (
            select
                o.*,
                row_number() over (
                    partition by o.adapter, o.user_id, o.session_id order by o.turn_id
                ) as place
            from (
                select p.adapter, p.user_id, p.session_id, p.turn_id
                from memories.adapter_states as s
                cross join lateral (
                    select a.adapter, a.user_id, a.session_id, a.turn_id, a.job_id
                    from memories.adapter_syncs as a
                    where a.adapter = s.adapter
                        and a.state = 'pending'
                        and a.enqueued_at < now() - make_interval(secs => 10 * memories.job_patience())
                    order by a.enqueued_at
                    limit 10000
                ) as p
                -- One look into the queue for each, whatever the planner thinks of their number.
                left join lateral (
                    select q.msg_id
                    from pgmq.q_memory_embed as q
                    where p.adapter = 'embed' and q.msg_id = p.job_id
                    union all
                    select q.msg_id
                    from pgmq.q_memory_mem0 as q
                    where p.adapter = 'mem0' and q.msg_id = p.job_id
                    offset 0
                ) as j on true
                where j.msg_id is null
                limit p_limit
            ) as o
        ) as w
        group by w.adapter, w.user_id, w.session_id, (w.place - 1) / 100
    loop
        -- A sync may be giving them new jobs at this moment.
        select array_agg(l.turn_id) into v_turn_ids
        from (
            select a.turn_id
            from memories.adapter_syncs as a
            where a.user_id = v_group.user_id
                and a.turn_id = any(v_group.turn_ids)
                and a.adapter = v_group.adapter
                and a.state = 'pending'
                and (a.job_id is null or not memories.has_job(a.adapter, a.job_id))
            for update skip locked
        ) as l;
        continue when v_turn_ids is null;
        v_job_id := memories.send_job(v_group.adapter, v_group.user_id, v_group.session_id, v_turn_ids);
        perform from pgmq.set_vt(('memory_' || v_group.adapter)::text, v_job_id::bigint, 0::integer);
        update memories.adapter_syncs as a
        set job_id = v_job_id, updated_at = now()
        where a.user_id = v_group.user_id
            and a.turn_id = any(v_turn_ids)
            and a.adapter = v_group.adapter;
        v_adopted := v_adopted + cardinality(v_turn_ids);
    end loop;
    return v_adopted;
end
$$;

-- Begins a sweep of at most `p_batch` jobs for each of some adapters, for `p_seconds`. Answers
-- {busy: true} while another runs, else {jobs: [{adapter, userId, id, sweeps}],
-- adopted}. What is taken is not taken again before twice the patience has passed, then
-- four times, and so on up to an hour. An adapter whose circuit is open is left alone.
create function memories.begin_sweep(p_adapters text[], p_batch integer, p_seconds integer)
returns jsonb
language plpgsql volatile security definer
set search_path = ''
-- A queue that was long once has far more pages than jobs, and the planner takes reading them all
-- for the cheaper way: 13 ms instead of 0.1 after a million jobs.
set enable_seqscan = off
set enable_bitmapscan = off
as $$
declare
    v_adapter text;
    v_patience integer := memories.job_patience();
    v_jobs jsonb := '[]';
    v_taken jsonb;
    v_adopted integer := 0;
begin
    -- The lock keeps two beginnings apart, the row two sweeps.
    if not pg_try_advisory_xact_lock(hashtextextended('memories.sweep', 0)) then
        return jsonb_build_object('busy', true);
    end if;
    update memories.sweeps as s
    set busy_until = now() + make_interval(secs => p_seconds), swept_at = now()
    where s.busy_until is null or s.busy_until <= now();
    if not found then
        return jsonb_build_object('busy', true);
    end if;

    update memories.sweeps as s
    set adopted_at = now()
    where s.adopted_at is null or s.adopted_at < now() - make_interval(secs => 10 * v_patience);
    if found then
        v_adopted := memories.adopt_orphans(10 * p_batch);
        delete from memories.adapter_failures as f
        where f.minute < now() - interval '7 days';
    end if;

    for v_adapter in
        select a.adapter
        from memories.adapter_states as a
        where a.adapter = any(p_adapters) and (a.state = 'closed' or a.retry_at <= now())
        order by a.adapter
    loop
        -- Not pgmq.read: it asks for `vt <= clock_timestamp()`, which no index can answer, and so reads
        -- the whole queue, with the room that jobs of a busy day have left in it.
        execute format(
            'with late as (
                select q.msg_id
                from pgmq.%1$I as q
                where q.vt <= $1
                order by q.vt
                limit $2
                for update skip locked
            ),
            taken as (
                update pgmq.%1$I as q
                set read_ct = q.read_ct + 1,
                    vt = $1 + make_interval(secs => least(3600, $3 * 2 ^ least(q.read_ct + 1, 10)))
                from late as l
                where q.msg_id = l.msg_id
                returning q.msg_id, q.read_ct, q.message ->> ''userId'' as user_id
            )
            select coalesce(
                jsonb_agg(
                    jsonb_build_object(
                        ''adapter'', $4, ''userId'', t.user_id, ''id'', t.msg_id, ''sweeps'', t.read_ct
                    )
                    order by t.msg_id
                ),
                ''[]''
            )
            from taken as t',
            'q_memory_' || v_adapter
        ) into v_taken using clock_timestamp(), p_batch, v_patience, v_adapter;
        v_jobs := v_jobs || v_taken;
    end loop;

    return jsonb_build_object('jobs', v_jobs, 'adopted', v_adopted);
end
$$;

-- Lets the next sweep begin at once.
create function memories.end_sweep() returns void
language sql volatile security definer
set search_path = ''
as $$
    update memories.sweeps set busy_until = null;
$$;

revoke all on function memories.adopt_orphans(integer) from public;
revoke all on function memories.begin_sweep(text[], integer, integer) from public;
revoke all on function memories.end_sweep() from public;
grant execute on function memories.begin_sweep(text[], integer, integer) to memory_sweeper;
grant execute on function memories.end_sweep() to memory_sweeper;
