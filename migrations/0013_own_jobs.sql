-- Two things that a user could learn of others' jobs, though no text, id of a user or turn was among them:
-- whether a job of a number is queued, and the number of the job that failed last.

-- Whether a job of this user is queued, without touching when it is swept. Of another's it says what it says of
-- one that is gone.
create or replace function memories.has_job(p_adapter text, p_job_id bigint) returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
declare
    v_user_id text := memories.user_id()::text;
begin
    return case p_adapter
        when 'embed' then exists (
            select from pgmq.q_memory_embed as q
            where q.msg_id = p_job_id and q.message ->> 'userId' = v_user_id
        )
        when 'mem0' then exists (
            select from pgmq.q_memory_mem0 as q
            where q.msg_id = p_job_id and q.message ->> 'userId' = v_user_id
        )
        else false
    end;
end
$$;

-- As before, but that it looks into the queues by itself: it does so for all users.
create or replace function memories.adopt_orphans(p_limit integer) returns integer
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
                and not exists (
                    select from pgmq.q_memory_embed as q where a.adapter = 'embed' and q.msg_id = a.job_id
                )
                and not exists (
                    select from pgmq.q_memory_mem0 as q where a.adapter = 'mem0' and q.msg_id = a.job_id
                )
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

-- What `open_circuits` answers, and no more. A job asks `circuit_wait`, which needs no rights of its caller.
revoke select on memories.adapter_states from authenticated, memory_worker, memory_sweeper;
grant select (adapter, state, reason) on memories.adapter_states to authenticated, memory_sweeper;
