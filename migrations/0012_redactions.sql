-- What was replaced in turns before they left for a third party: class, number, count and keyed hash, a
-- row each in the audit, never a value. They give a value its number, which is the same throughout a
-- session: [EMAIL_2] of one turn is [EMAIL_2] of the next. An erasure takes them along by the ids of
-- session and turn (0011).

create index audit_redactions on memories.audit (user_id, (details ->> 'sessionId'))
where kind = 'redaction';

grant update (pii_scrubbed) on memories.turns to memory_worker;

-- Before texts leave, for those with findings: gives the numbers of their values, writes down what is
-- new of a turn's revision, and marks the turns. A finding is a class and hash with its count in a turn;
-- all arrays are of one length. Of a turn that is gone nothing is written.
create function memories.number_redactions(
    p_session_id uuid,
    p_turn_ids uuid[],
    p_revisions integer[],
    p_classes text[],
    p_hashes text[],
    p_counts integer[]
)
returns table (class text, hash text, number integer)
language plpgsql volatile
set search_path = ''
as $$
#variable_conflict use_column
declare
    v_user_id uuid := memories.user_id();
begin
    -- Attempts of a session queue up here, so that no number is given twice.
    perform from memories.sessions as s
    where s.user_id = v_user_id and s.id = p_session_id
    for no key update;

    return query
    with found as (
        select f.turn_id, f.revision, f.class, f.hash, f.count, f.place
        from unnest(p_turn_ids, p_revisions, p_classes, p_hashes, p_counts) with ordinality
            as f (turn_id, revision, class, hash, count, place)
    ),
    noted as (
        select
            n.details ->> 'turnId' as turn_id,
            (n.details ->> 'revision')::integer as revision,
            n.details ->> 'class' as class,
            n.details ->> 'hash' as hash,
            (n.details ->> 'number')::integer as number
        from memories.audit as n
        where n.user_id = v_user_id
            and n.kind = 'redaction'
            and n.details ->> 'sessionId' = p_session_id::text
    ),
    numbered as (
        select n.class, n.hash, max(n.number) as number
        from noted as n
        where exists (select from found as f where f.class = n.class and f.hash = n.hash)
        group by n.class, n.hash
        union all
        select
            f.class,
            f.hash,
            coalesce((select max(n.number) from noted as n where n.class = f.class), 0)
                + row_number() over (partition by f.class order by min(f.place))::integer
        from found as f
        where not exists (select from noted as n where n.class = f.class and n.hash = f.hash)
        group by f.class, f.hash
    ),
    written as (
        insert into memories.audit (user_id, kind, details)
        select
            v_user_id,
            'redaction',
            jsonb_build_object(
                'sessionId', p_session_id,
                'turnId', f.turn_id,
                'revision', f.revision,
                'class', f.class,
                'number', n.number,
                'count', f.count,
                'hash', f.hash
            )
        from found as f
        join numbered as n on n.class = f.class and n.hash = f.hash
        join memories.turns as t
            on t.user_id = v_user_id and t.session_id = p_session_id and t.id = f.turn_id
        where not exists (
            select from noted as o
            where o.turn_id = f.turn_id::text
                and o.revision = f.revision
                and o.class = f.class
                and o.hash = f.hash
        )
    ),
    marked as (
        update memories.turns as t
        set pii_scrubbed = true
        from found as f
        where t.user_id = v_user_id
            and t.session_id = p_session_id
            and t.id = f.turn_id
            and t.revision = f.revision
            and not t.pii_scrubbed
    )
    select n.class, n.hash, n.number from numbered as n;
end
$$;

revoke all on function memories.number_redactions(uuid, uuid[], integer[], text[], text[], integer[]) from public;
grant execute on function memories.number_redactions(uuid, uuid[], integer[], text[], text[], integer[])
to memory_worker;
