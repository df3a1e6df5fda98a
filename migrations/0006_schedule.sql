-- The sweeper's second driver: pg_cron calls it through pg_net, so that it goes on when QStash's
-- schedule is lost. Both extensions are optional; without them QStash alone drives it, and
-- memories.schedule_sweep says what is missing.

-- Where a server has them, as Supabase does; pg_cron lives in one database of a server only. A
-- refusal is no error: the owner can still create them, and schedule the sweep afterwards.
do $$
declare
    v_extension record;
begin
    for v_extension in
        select a.name, w.schema_name
        from (values ('pg_cron', 'pg_catalog'), ('pg_net', 'extensions')) as w (name, schema_name)
        join pg_catalog.pg_available_extensions as a on a.name = w.name
        where a.installed_version is null
    loop
        begin
            execute format(
                'create extension %I with schema %I', v_extension.name, v_extension.schema_name
            );
        exception
            when others then
                raise notice '% was not created: %', v_extension.name, sqlerrm;
        end;
    end loop;
end
$$;

-- Whom to call. One row at most, for the owner alone. The token is null where Supabase's Vault
-- keeps it.
create table memories.sweep_target (
    only_row boolean primary key default true check (only_row),
    url text not null check (url ~ '^https?://[^/]'),
    token text,
    updated_at timestamptz not null default now()
);

alter table memories.sweep_target enable row level security;

-- Has pg_cron sweep: POST {p_url}/api/jobs/sweep with the service token, each minute or as
-- p_schedule says. Called again it replaces url, token and schedule. The job's command, which many
-- may read, holds no secret.
create function memories.schedule_sweep(
    p_url text,
    p_token text,
    p_schedule text default '* * * * *'
)
returns void
language plpgsql volatile security definer
set search_path = ''
as $$
declare
    v_secret_id uuid;
    v_in_vault boolean := to_regprocedure('vault.create_secret(text, text, text, uuid)') is not null;
begin
    if to_regclass('cron.job') is null then
        raise feature_not_supported using
            message = 'pg_cron is not in this database: the sweep can only be scheduled by QStash',
            hint = 'create extension pg_cron with schema pg_catalog';
    end if;
    if to_regnamespace('net') is null then
        raise feature_not_supported using
            message = 'pg_net is not in this database, and pg_cron calls the sweep through it',
            hint = 'create extension pg_net with schema extensions';
    end if;
    if coalesce(p_token, '') = '' then
        raise invalid_parameter_value using message = 'the sweep needs the service token';
    end if;

    if v_in_vault then
        select s.id into v_secret_id from vault.secrets as s where s.name = 'memory_sweep_token';
        if v_secret_id is null then
            perform vault.create_secret(p_token, 'memory_sweep_token', 'calls the memory sweeper');
        else
            perform vault.update_secret(v_secret_id, p_token);
        end if;
    end if;
    insert into memories.sweep_target as old (url, token)
    values (rtrim(p_url, '/'), case when not v_in_vault then p_token end)
    on conflict (only_row) do update
    set url = excluded.url, token = excluded.token, updated_at = now();

    perform cron.schedule('memory-sweep', p_schedule, 'select memories.request_sweep()');
    -- pg_cron keeps a row of each run for ever, and its table has no index for them.
    perform cron.schedule('memory-sweep-history', '17 3 * * *', 'select memories.prune_sweep_history()');
end
$$;

-- Ends it and forgets the token. True when it was scheduled.
create function memories.unschedule_sweep()
returns boolean
language plpgsql volatile security definer
set search_path = ''
as $$
declare
    v_name text;
    v_found boolean := false;
begin
    if to_regclass('cron.job') is not null then
        for v_name in
            select j.jobname
            from cron.job as j
            where j.username = current_user
                and j.jobname in ('memory-sweep', 'memory-sweep-history')
        loop
            perform cron.unschedule(v_name);
            v_found := true;
        end loop;
    end if;
    delete from memories.sweep_target;
    if to_regclass('vault.secrets') is not null then
        delete from vault.secrets as s where s.name = 'memory_sweep_token';
    end if;
    return v_found;
end
$$;

-- What the job runs: asks for one sweep and does not wait for its end. A minute is more than a
-- sweep may take. Answers pg_net's number of the request.
create function memories.request_sweep()
returns bigint
language plpgsql volatile security definer
set search_path = ''
as $$
declare
    v_target memories.sweep_target;
    v_token text;
begin
    select t.* into v_target from memories.sweep_target as t;
    if not found then
        raise object_not_in_prerequisite_state using
            message = 'nobody said whom to call: see memories.schedule_sweep';
    end if;
    v_token := v_target.token;
    if v_token is null then
        select s.decrypted_secret into v_token
        from vault.decrypted_secrets as s
        where s.name = 'memory_sweep_token';
    end if;
    return net.http_post(
        url := v_target.url || '/api/jobs/sweep',
        body := '{}'::jsonb,
        headers := jsonb_build_object(
            'content-type', 'application/json',
            'authorization', 'Bearer ' || v_token
        ),
        timeout_milliseconds := 60000
    );
end
$$;

-- Deletes pg_cron's rows of our own jobs' runs, a week after they ended.
create function memories.prune_sweep_history()
returns void
language plpgsql volatile security definer
set search_path = ''
as $$
begin
    delete from cron.job_run_details as d
    where d.end_time < now() - interval '7 days'
        and d.username = current_user
        and d.command like '%memories.%';
end
$$;

revoke all on function memories.schedule_sweep(text, text, text) from public;
revoke all on function memories.unschedule_sweep() from public;
revoke all on function memories.request_sweep() from public;
revoke all on function memories.prune_sweep_history() from public;
