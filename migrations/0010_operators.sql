-- What an operator looks at and does: the health of each adapter, and the dead
-- letters. The views belong to the owner and are granted to nobody; a dashboard
-- gets a role of its own that may read `sync_health`, which holds counts alone.

create view memories.sync_health as
select
    s.adapter,
    s.state as circuit,
    s.reason,
    s.retry_at,
    coalesce(w.pending, 0) as pending,
    w.oldest as oldest_pending_at,
    coalesce(extract(epoch from now() - w.oldest), 0)::double precision as oldest_pending_seconds,
    coalesce(f.attempts, 0) as failures_last_hour,
    coalesce(d.dead, 0) as dead
from memories.adapter_states as s
left join lateral (
    select count(*) as pending, min(a.enqueued_at) as oldest
    from memories.adapter_syncs as a
    where a.adapter = s.adapter and a.state = 'pending'
) as w on true
left join lateral (
    select count(*) as dead
    from memories.adapter_syncs as a
    where a.adapter = s.adapter and a.state = 'dead'
) as d on true
left join lateral (
    select sum(n.attempts) as attempts
    from memories.adapter_failures as n
    where n.adapter = s.adapter and n.minute > now() - interval '1 hour'
) as f on true;

-- What was given up, with its reason; no text.
create view memories.dead_letters as
select
    a.adapter,
    a.turn_id,
    a.user_id,
    a.session_id,
    t.role,
    t.revision,
    a.last_error_code as reason,
    a.attempts,
    a.enqueued_at,
    a.started_at as last_attempt_at,
    a.finished_at as died_at
from memories.adapter_syncs as a
join memories.turns as t on t.user_id = a.user_id and t.id = a.turn_id
where a.state = 'dead';

revoke all on memories.sync_health from public;
revoke all on memories.dead_letters from public;

-- Gives dead letters another life, whole jobs of a session at a time; the sweeper takes
-- them at its next run. Returns how many.
create function memories.replay_dead_letters(p_adapter text, p_user_ids uuid[], p_turn_ids uuid[])
returns integer
language plpgsql volatile
set search_path = ''
as $$
declare
    v_group record;
    v_job_id bigint;
    v_replayed integer := 0;
begin
    for v_group in
        select w.user_id, w.session_id, array_agg(w.turn_id) as turn_ids
        from (
            select
                a.user_id,
                a.session_id,
                a.turn_id,
                row_number() over (partition by a.user_id, a.session_id order by a.turn_id) as place
            from (
                select l.user_id, l.session_id, l.turn_id
                from memories.adapter_syncs as l
                join unnest(p_user_ids, p_turn_ids) as p (user_id, turn_id)
                    on p.user_id = l.user_id and p.turn_id = l.turn_id
                where l.adapter = p_adapter and l.state = 'dead'
                for update of l
            ) as a
        ) as w
        group by w.user_id, w.session_id, (w.place - 1) / 100
    loop
        v_job_id := memories.send_job(p_adapter, v_group.user_id, v_group.session_id, v_group.turn_ids);
        perform from pgmq.set_vt(('memory_' || p_adapter)::text, v_job_id::bigint, 0::integer);
        update memories.adapter_syncs as a
        set state = 'pending',
            job_id = v_job_id,
            attempts = 0,
            last_error_code = null,
            enqueued_at = now(),
            finished_at = null,
            updated_at = now()
        where a.user_id = v_group.user_id
            and a.turn_id = any(v_group.turn_ids)
            and a.adapter = p_adapter;
        insert into memories.audit (user_id, kind, details)
        select
            v_group.user_id,
            'dead_letter',
            jsonb_build_object('adapter', p_adapter, 'turnId', r.turn_id, 'replayed', true)
        from unnest(v_group.turn_ids) as r (turn_id);
        v_replayed := v_replayed + cardinality(v_group.turn_ids);
    end loop;
    return v_replayed;
end
$$;

-- Takes dead letters off the list for good: the adapter goes without those turns.
create function memories.discard_dead_letters(p_adapter text, p_user_ids uuid[], p_turn_ids uuid[])
returns integer
language plpgsql volatile
set search_path = ''
as $$
declare
    v_discarded integer;
begin
    with discarded as (
        update memories.adapter_syncs as a
        set state = 'skipped', last_error_code = 'discarded', finished_at = now(), updated_at = now()
        from unnest(p_user_ids, p_turn_ids) as p (user_id, turn_id)
        where a.user_id = p.user_id
            and a.turn_id = p.turn_id
            and a.adapter = p_adapter
            and a.state = 'dead'
        returning a.user_id, a.turn_id, a.session_id
    ),
    noted as (
        insert into memories.audit (user_id, kind, details)
        select
            d.user_id,
            'dead_letter',
            jsonb_build_object('adapter', p_adapter, 'turnId', d.turn_id, 'discarded', true)
        from discarded as d
    ),
    synced as (
        update memories.sessions as s
        set last_synced_at = now()
        where (s.user_id, s.id) in (select d.user_id, d.session_id from discarded as d)
            and not exists (
                select
                from memories.adapter_syncs as a
                where a.user_id = s.user_id
                    and a.session_id = s.id
                    and a.state in ('pending', 'dead')
                    and not exists (
                        select
                        from discarded as d
                        where d.user_id = a.user_id and d.turn_id = a.turn_id and a.adapter = p_adapter
                    )
            )
    )
    select count(*) into v_discarded from discarded;
    return v_discarded;
end
$$;

revoke all on function memories.replay_dead_letters(text, uuid[], uuid[]) from public;
revoke all on function memories.discard_dead_letters(text, uuid[], uuid[]) from public;
