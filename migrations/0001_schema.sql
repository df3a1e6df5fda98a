-- The data model: sessions, turns, their embeddings, what each adapter has done
-- with them, and the audit trail. Every primary key begins with user_id: it is
-- the row level security key, the index prefix and, one day, the distribution key.
-- There is no foreign key to auth.users: a server may record for users that
-- another identity provider holds.

create schema if not exists extensions;
create extension if not exists vector with schema extensions;
create schema memories;

-- Roles -----------------------------------------------------------------------
-- The functions log in as memory_orchestrator, which owns nothing and may read
-- nothing; a transaction becomes `authenticated` (a user's request) or
-- `memory_worker` (a job) and row level security does the rest.

-- Roles belong to the server, not to the database: another one may have made them already, or be
-- making them now.
do $$
begin
    create role memory_worker nologin noinherit;
exception
    when duplicate_object or unique_violation then null;
end
$$;

do $$
begin
    create role memory_orchestrator login noinherit;
exception
    when duplicate_object or unique_violation then null;
end
$$;

grant authenticated to memory_orchestrator;
grant memory_worker to memory_orchestrator;
grant usage on schema memories to authenticated, memory_worker;
grant usage on schema extensions to authenticated, memory_worker, memory_orchestrator;

-- The user of the running transaction. Its body is bound when it is created, so
-- that a caller needs no rights on schema auth.
create function memories.user_id() returns uuid
language sql stable parallel safe
set search_path = ''
return (select auth.uid());

-- Tables ----------------------------------------------------------------------

create table memories.sessions (
    user_id uuid not null,
    id uuid not null,
    -- The client's own id where that is not a UUID.
    external_id text check (length(external_id) between 1 and 255),
    title text check (length(title) <= 500),
    metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
    -- The last sequence number given out. Locked and read before turns are added.
    last_seq integer not null default 0 check (last_seq >= 0),
    -- When the last pending adapter finished; null while nothing ever did.
    last_synced_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (user_id, id)
);

create index sessions_by_update on memories.sessions (user_id, updated_at desc, id desc);

create table memories.turns (
    user_id uuid not null,
    id uuid not null,
    session_id uuid not null,
    external_id text check (length(external_id) between 1 and 255),
    seq integer not null check (seq > 0),
    role text not null check (role in ('user', 'assistant', 'system', 'tool')),
    -- A string, or the AI SDK's message parts, as the client sent it.
    content jsonb not null check (jsonb_typeof(content) in ('string', 'array')),
    -- What is searched and embedded: the text parts of content.
    text text not null,
    attachments jsonb check (jsonb_typeof(attachments) = 'array'),
    tool_calls jsonb check (jsonb_typeof(tool_calls) = 'array'),
    tool_results jsonb check (jsonb_typeof(tool_results) = 'array'),
    metadata jsonb check (jsonb_typeof(metadata) = 'object'),
    -- SHA-256 of the turn as it was sent: tells a repeat from another body.
    body_hash bytea not null check (octet_length(body_hash) = 32),
    revision integer not null default 1 check (revision > 0),
    pii_scrubbed boolean not null default false,
    created_at timestamptz not null,
    recorded_at timestamptz not null default now(),
    -- A tsvector holds 1 MB at most; what stands past the first 100,000
    -- characters is kept but not searched by its words.
    tsv tsvector not null generated always as (
        to_tsvector('pg_catalog.english'::regconfig, "left"(text, 100000))
    ) stored,
    primary key (user_id, id),
    unique (user_id, session_id, seq),
    foreign key (user_id, session_id) references memories.sessions (user_id, id) on delete cascade
);

create index turns_by_time on memories.turns (user_id, created_at desc, seq desc);

-- gin over (user_id, tsv) needs btree_gin: Supabase has it, a bare build may not.
do $$
begin
    if exists (select from pg_catalog.pg_available_extensions where name = 'btree_gin') then
        create extension if not exists btree_gin with schema extensions;
        execute 'create index turns_by_text on memories.turns using gin (user_id, tsv)';
    else
        execute 'create index turns_by_text on memories.turns using gin (tsv)';
    end if;
end
$$;

create table memories.turn_embeddings (
    user_id uuid not null,
    turn_id uuid not null,
    model text not null check (length(model) between 1 and 100),
    -- The revision of the turn that was embedded.
    revision integer not null check (revision > 0),
    dimensions smallint not null check (dimensions = extensions.vector_dims(embedding)),
    -- Normalised to length 1, so that the inner product is the cosine.
    embedding extensions.halfvec not null,
    created_at timestamptz not null default now(),
    primary key (user_id, turn_id, model),
    foreign key (user_id, turn_id) references memories.turns (user_id, id) on delete cascade
)
-- Keeps an embedding of up to 4,000 dimensions in the row instead of in TOAST.
with (toast_tuple_target = 8160, autovacuum_vacuum_insert_scale_factor = 0.02);

-- Exact search reads this index and nothing else. A b-tree entry holds 2,700
-- bytes at most; wider embeddings are read from the table.
create index turn_embeddings_exact on memories.turn_embeddings (user_id, model)
include (turn_id, embedding)
where dimensions <= 1024;

create table memories.adapter_syncs (
    user_id uuid not null,
    turn_id uuid not null,
    session_id uuid not null,
    adapter text not null check (adapter in ('embed', 'mem0')),
    state text not null check (state in ('pending', 'done', 'skipped', 'dead')),
    -- The queued job that will do it; gone once it is done.
    job_id bigint,
    -- What the adapter's other side calls this turn.
    external_id text,
    attempts integer not null default 0 check (attempts >= 0),
    last_error_code text check (length(last_error_code) <= 100),
    updated_at timestamptz not null default now(),
    primary key (user_id, turn_id, adapter),
    foreign key (user_id, turn_id) references memories.turns (user_id, id) on delete cascade,
    check (state <> 'done' or last_error_code is null)
);

create index adapter_syncs_pending on memories.adapter_syncs (user_id, session_id, adapter)
where state = 'pending';

-- What was redacted (class, count, keyed hash), erased or given up. Never a value.
create table memories.audit (
    user_id uuid not null,
    id uuid not null default gen_random_uuid(),
    kind text not null check (kind in ('redaction', 'erasure', 'dead_letter')),
    details jsonb not null default '{}' check (jsonb_typeof(details) = 'object'),
    created_at timestamptz not null default now(),
    primary key (user_id, id)
);

create index audit_by_time on memories.audit (user_id, created_at desc);

-- Statistics --------------------------------------------------------------------
-- Once a table's most common users are known, the planner takes any other user to
-- have one row, until the next analyze, and joins by reading all of that user's
-- rows again and again: context took 22 s at 1,000 turns of a new user among
-- 100,000. Without statistics on user_id it takes everybody to have 1 row in 200.

alter table memories.sessions alter column user_id set statistics 0;
alter table memories.turns alter column user_id set statistics 0;
alter table memories.turn_embeddings alter column user_id set statistics 0;
alter table memories.adapter_syncs alter column user_id set statistics 0;

-- Row level security ----------------------------------------------------------
-- `(select …)` makes the planner ask once per statement instead of once per row.

alter table memories.sessions enable row level security;
alter table memories.turns enable row level security;
alter table memories.turn_embeddings enable row level security;
alter table memories.adapter_syncs enable row level security;
alter table memories.audit enable row level security;

create policy own_sessions on memories.sessions to authenticated, memory_worker
using (user_id = (select memories.user_id()))
with check (user_id = (select memories.user_id()));

create policy own_turns on memories.turns to authenticated, memory_worker
using (user_id = (select memories.user_id()))
with check (user_id = (select memories.user_id()));

create policy own_turn_embeddings on memories.turn_embeddings to authenticated, memory_worker
using (user_id = (select memories.user_id()))
with check (user_id = (select memories.user_id()));

create policy own_adapter_syncs on memories.adapter_syncs to authenticated, memory_worker
using (user_id = (select memories.user_id()))
with check (user_id = (select memories.user_id()));

create policy own_audit on memories.audit to authenticated, memory_worker
using (user_id = (select memories.user_id()))
with check (user_id = (select memories.user_id()));

grant select, insert, update on memories.sessions to authenticated;
grant select, insert, update on memories.turns to authenticated;
-- A turn that is replaced loses its embedding until the new one is made.
grant select, delete on memories.turn_embeddings to authenticated;
grant select, insert, update on memories.adapter_syncs to authenticated;
grant select on memories.audit to authenticated;

grant select, update (last_synced_at) on memories.sessions to memory_worker;
grant select on memories.turns to memory_worker;
grant select, insert, update on memories.turn_embeddings to memory_worker;
grant select, update on memories.adapter_syncs to memory_worker;
grant select, insert on memories.audit to memory_worker;

revoke all on function memories.user_id() from public;
grant execute on function memories.user_id() to authenticated, memory_worker;
