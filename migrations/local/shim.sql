-- What Supabase provides and a plain PostgreSQL lacks: development and tests only.
--
-- The runner applies it when it was allowed to (`local_shim`), on every run, so each statement is
-- idempotent. It never runs on Supabase, and never over an `auth` schema that somebody else made.

do $$
begin
  if exists (select from pg_roles where rolname = 'supabase_admin') then
    raise exception 'the local shim must not run on Supabase';
  end if;
end
$$;

-- Roles belong to the whole server, so another database may have made them already, or be at it.
do $$
declare
  role_name text;
begin
  foreach role_name in array array['anon', 'authenticated', 'service_role'] loop
    begin
      if not exists (select from pg_roles where rolname = role_name) then
        execute format('create role %I nologin noinherit', role_name);
        if role_name = 'service_role' then
          alter role service_role bypassrls;
        end if;
      end if;
    exception when duplicate_object or unique_violation then
      null;
    end;
  end loop;
end
$$;

create schema if not exists extensions;
grant usage on schema extensions to anon, authenticated, service_role;

create schema if not exists auth;
comment on schema auth is 'memory-orchestrator local shim';
grant usage on schema auth to anon, authenticated, service_role;

create table if not exists auth.users (
  id uuid primary key,
  email text unique,
  is_anonymous boolean not null default false,
  created_at timestamptz not null default now(),
  deleted_at timestamptz
);

-- The three functions as Supabase defines them: the older one-claim setting first, then the whole
-- set of claims as JSON; an empty setting (left behind by a transaction that ended) counts as none.
create or replace function auth.uid() returns uuid
language sql stable
as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.sub', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
  )::uuid
$$;

create or replace function auth.role() returns text
language sql stable
as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.role', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'
  )::text
$$;

create or replace function auth.jwt() returns jsonb
language sql stable
as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')
  )::jsonb
$$;

grant execute on function auth.uid(), auth.role(), auth.jwt() to anon, authenticated, service_role;
