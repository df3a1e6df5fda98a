-- Very large users. An exact scan of one user's vectors takes time in proportion to their number;
-- past some 20,000 of one model a user gets an HNSW index of their own, built and dropped without
-- blocking anybody. All others stay exact, and nothing changes for the caller.

-- What indexes there should be. An hourly survey writes it; what there is stands in the catalogue,
-- and the difference of the two is the work. For the functions of this file alone.
create table memories.large_users (
    user_id uuid not null,
    model text not null,
    dimensions smallint not null,
    vectors bigint not null,
    index_name text not null unique,
    -- When the index was last asked for, so that one which cannot be built is not tried each minute.
    tried_at timestamptz,
    primary key (user_id, model, dimensions)
);

create table memories.upkeep (
    only_row boolean primary key default true check (only_row),
    surveyed_at timestamptz
);

insert into memories.upkeep default values;

alter table memories.large_users enable row level security;
alter table memories.upkeep enable row level security;

create function memories.large_index_name(p_user_id uuid, p_model text, p_dimensions integer)
returns text
language sql immutable parallel safe
set search_path = ''
return 'turn_embeddings_large_' || md5(p_user_id::text || '/' || p_dimensions::text || '/' || p_model);

-- Search ------------------------------------------------------------------------

-- The nearest by the user's own index. The literals are what lets the planner prove that the index
-- holds all that is asked for; the order is by the expression that it is built on. Sorting is off,
-- since the planner takes the user for a small one (no statistics on user_id) and would rather sort.
create function memories.match_large(
    p_user_id uuid,
    p_model text,
    p_embedding extensions.halfvec,
    p_limit integer
)
returns table (turn_id uuid, similarity double precision)
language plpgsql stable
set search_path = ''
set enable_sort = off
as $$
begin
    -- How many candidates the search keeps at hand, of 1,000 at most.
    perform set_config('hnsw.ef_search', least(1000, greatest(200, 2 * p_limit))::text, true);
    return query execute format(
        'select e.turn_id, -((e.embedding::extensions.halfvec(%1$s)) operator(extensions.<#>) $1)
        from memories.turn_embeddings as e
        where e.user_id = %2$L and e.model = %3$L and e.dimensions = %1$s
        order by (e.embedding::extensions.halfvec(%1$s)) operator(extensions.<#>) $1
        limit $2',
        extensions.vector_dims(p_embedding),
        p_user_id,
        p_model
    ) using p_embedding, p_limit;
end
$$;

-- As before, but for the first branch.
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
        and p_limit <= 1000
        and exists (
            select
            from pg_catalog.pg_index as i
            where i.indexrelid = to_regclass(
                    'memories.' || memories.large_index_name(
                        v_user_id, p_model, extensions.vector_dims(p_embedding)
                    )
                )
                and i.indisvalid
        )
    then
        return query
        select l.turn_id, l.similarity
        from memories.match_large(v_user_id, p_model, p_embedding, p_limit) as l;
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
        order by (e.embedding operator(extensions.<#>) p_embedding) + 0
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
        order by (e.embedding operator(extensions.<#>) p_embedding) + 0
        limit p_limit;
    end if;
end
$$;

-- Indexes -----------------------------------------------------------------------

-- Writes down who should have an index: from `p_threshold` vectors of a model on, until fewer than
-- half of it are left. The sessions' counters tell cheaply who may be that large, and only those are
-- counted. Fifty at most, the largest: each costs every new connection some 0.2 ms.
create function memories.survey_large_users(p_threshold integer)
returns void
language plpgsql volatile security definer
set search_path = ''
as $$
begin
    with candidates as materialized (
        select s.user_id
        from memories.sessions as s
        group by s.user_id
        having sum(s.last_seq) >= p_threshold / 2
    ),
    counted as (
        select c.user_id, n.model, n.vectors, d.dimensions
        from candidates as c
        cross join lateral (
            select e.model, count(*) as vectors
            from memories.turn_embeddings as e
            where e.user_id = c.user_id
            group by e.model
            offset 0
        ) as n
        cross join lateral (
            select e.dimensions
            from memories.turn_embeddings as e
            where e.user_id = c.user_id and e.model = n.model
            order by e.turn_id
            limit 1
        ) as d
    ),
    large as (
        select c.*
        from counted as c
        left join memories.large_users as known using (user_id, model, dimensions)
        -- What an index of half-precision vectors can hold.
        where c.dimensions <= 4000
            and c.vectors >= case when known.user_id is null then p_threshold else p_threshold / 2 end
        order by c.vectors desc
        limit 50
    ),
    gone as (
        delete from memories.large_users as old
        where not exists (
            select
            from large as l
            where (l.user_id, l.model, l.dimensions) = (old.user_id, old.model, old.dimensions)
        )
    )
    insert into memories.large_users as old (user_id, model, dimensions, vectors, index_name)
    select
        l.user_id,
        l.model,
        l.dimensions,
        l.vectors,
        memories.large_index_name(l.user_id, l.model, l.dimensions)
    from large as l
    on conflict (user_id, model, dimensions) do update set vectors = excluded.vectors;
end
$$;

-- Every index that is there or should be: `state` is 'built', 'building', or what is to be done,
-- 'build' or 'drop', with the command. The command cannot run in a transaction. One that was left
-- invalid, by a build that failed, is dropped before it is built again.
create function memories.large_user_indexes()
returns table (
    index_name text,
    state text,
    command text,
    user_id uuid,
    model text,
    vectors bigint,
    tried_at timestamptz
)
language sql stable security definer
set search_path = ''
as $$
    with present as (
        select
            c.relname::text as index_name,
            i.indisvalid as valid,
            exists (
                select from pg_catalog.pg_stat_progress_create_index as p where p.index_relid = c.oid
            ) as building
        from pg_catalog.pg_index as i
        join pg_catalog.pg_class as c on c.oid = i.indexrelid
        where i.indrelid = 'memories.turn_embeddings'::regclass
            and starts_with(c.relname::text, 'turn_embeddings_large_')
    ),
    judged as (
        select
            index_name,
            case
                when p.building then 'building'
                when p.index_name is null then 'build'
                when p.valid and l.index_name is not null then 'built'
                else 'drop'
            end as state,
            l.user_id,
            l.model,
            l.dimensions,
            l.vectors,
            l.tried_at
        from present as p
        full join memories.large_users as l using (index_name)
    )
    select
        j.index_name,
        j.state,
        case j.state
            when 'build' then format(
                'create index concurrently if not exists %I on memories.turn_embeddings '
                    || 'using hnsw ((embedding::extensions.halfvec(%s)) extensions.halfvec_ip_ops) '
                    || 'where user_id = %L and model = %L and dimensions = %s',
                j.index_name, j.dimensions, j.user_id, j.model, j.dimensions
            )
            when 'drop' then format('drop index concurrently if exists memories.%I', j.index_name)
        end,
        j.user_id,
        j.model,
        j.vectors,
        j.tried_at
    from judged as j
    order by j.state = 'drop' desc, j.vectors desc, j.index_name;
$$;

-- Hands pg_cron the next command, one at a time, and takes it back when nothing is left to do. The
-- job fires each minute until then, which does no harm: its command says `if (not) exists`. A build
-- is tried for ten minutes, and again after an hour.
create function memories.schedule_index_work()
returns void
language plpgsql volatile security definer
set search_path = ''
as $$
declare
    v_next record;
begin
    if to_regclass('cron.job') is null
        or exists (select from memories.large_user_indexes() as i where i.state = 'building')
    then
        return;
    end if;
    select i.index_name, i.command into v_next
    from memories.large_user_indexes() as i
    where i.state = 'drop'
        or (
            i.state = 'build'
            and coalesce(
                i.tried_at > now() - interval '10 minutes' or i.tried_at < now() - interval '1 hour', true
            )
        )
    limit 1;
    if not found then
        perform cron.unschedule(j.jobid)
        from cron.job as j
        where j.jobname = 'memory-index' and j.username = current_user;
        return;
    end if;
    update memories.large_users as l
    set tried_at = now()
    where l.index_name = v_next.index_name
        and coalesce(l.tried_at < now() - interval '1 hour', true);
    if not exists (
        select
        from cron.job as j
        where j.jobname = 'memory-index' and j.username = current_user and j.command = v_next.command
    ) then
        perform cron.schedule('memory-index', '* * * * *', v_next.command);
    end if;
end
$$;

-- Care, for the sweeper -----------------------------------------------------------

-- Tables whose vacuum is overdue: index-only scans, which exact search lives by, go to the table for
-- each page that is not known to be all visible.
create function memories.vacuum_overdue()
returns jsonb
language sql stable security definer
set search_path = ''
as $$
    select coalesce(
        jsonb_agg(
            jsonb_build_object(
                'table', s.relname,
                'allVisible', round((c.relallvisible / greatest(c.relpages, 1)::numeric), 3),
                'rows', s.n_live_tup,
                'dead', s.n_dead_tup,
                'insertedSinceVacuum', s.n_ins_since_vacuum,
                'lastVacuum', greatest(s.last_vacuum, s.last_autovacuum)
            )
            order by s.relname
        ),
        '[]'
    )
    from pg_catalog.pg_stat_user_tables as s
    join pg_catalog.pg_class as c on c.oid = s.relid
    where s.schemaname = 'memories'
        and s.relname in ('turns', 'turn_embeddings', 'adapter_syncs')
        and s.n_live_tup > 10000
        and (
            (c.relpages > 0 and c.relallvisible < 0.8 * c.relpages)
            or s.n_ins_since_vacuum + s.n_dead_tup > 0.2 * s.n_live_tup
        );
$$;

-- What each sweep calls. Once an hour it surveys and answers
-- {wanted: [{userId, model, vectors}], building, built, toBuild, toDrop, vacuum: [{table, …}]},
-- the indexes by name; otherwise null. Where there is pg_cron, each call sees to the next index.
create function memories.tend_large_users(p_threshold integer default 20000)
returns jsonb
language plpgsql volatile security definer
set search_path = ''
as $$
declare
    v_due boolean;
    v_report jsonb;
begin
    update memories.upkeep as u
    set surveyed_at = now()
    where u.surveyed_at is null or u.surveyed_at < now() - interval '1 hour';
    v_due := found;
    if v_due then
        perform memories.survey_large_users(p_threshold);
    end if;
    perform memories.schedule_index_work();
    if v_due then
        select jsonb_build_object(
            'wanted',
            coalesce(
                jsonb_agg(
                    jsonb_build_object('userId', i.user_id, 'model', i.model, 'vectors', i.vectors)
                ) filter (where i.user_id is not null),
                '[]'
            ),
            'building', coalesce(jsonb_agg(i.index_name) filter (where i.state = 'building'), '[]'),
            'built', coalesce(jsonb_agg(i.index_name) filter (where i.state = 'built'), '[]'),
            'toBuild', coalesce(jsonb_agg(i.index_name) filter (where i.state = 'build'), '[]'),
            'toDrop', coalesce(jsonb_agg(i.index_name) filter (where i.state = 'drop'), '[]'),
            'vacuum', memories.vacuum_overdue()
        ) into v_report
        from memories.large_user_indexes() as i;
    end if;
    return v_report;
end
$$;

revoke all on function memories.large_index_name(uuid, text, integer) from public;
revoke all on function memories.match_large(uuid, text, extensions.halfvec, integer) from public;
revoke all on function memories.survey_large_users(integer) from public;
revoke all on function memories.large_user_indexes() from public;
revoke all on function memories.schedule_index_work() from public;
revoke all on function memories.vacuum_overdue() from public;
revoke all on function memories.tend_large_users(integer) from public;

grant execute on function memories.large_index_name(uuid, text, integer) to authenticated;
-- Runs as its caller: row level security still holds, whatever user is asked for.
grant execute on function memories.match_large(uuid, text, extensions.halfvec, integer) to authenticated;
grant execute on function memories.tend_large_users(integer) to memory_sweeper;
