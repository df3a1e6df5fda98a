-- What pg_net provides on Supabase, for the full local stack only: development and tests. It
-- cannot be had here as a package, so `net.http_post` is made anew after its documented signature.
--
-- pg_net sends after the commit, from a worker of its own; this one sends at once and waits for the
-- answer. Alike are the arguments, the id, the row in `net._http_response`, and that a request that
-- fails raises nothing.

create extension if not exists plpython3u;

create schema if not exists net;
comment on schema net is 'memory-orchestrator local shim';

create table if not exists net._http_response (
  id bigint generated always as identity,
  status_code integer,
  content_type text,
  headers jsonb,
  content text,
  timed_out boolean,
  error_msg text,
  created timestamptz not null default now()
);

create or replace function net.http_post(
  url text,
  body jsonb default '{}'::jsonb,
  params jsonb default '{}'::jsonb,
  headers jsonb default '{"Content-Type": "application/json"}'::jsonb,
  timeout_milliseconds integer default 5000
)
returns bigint
language plpython3u volatile
as $$
import json
import urllib.error
import urllib.parse
import urllib.request

sent_headers = json.loads(headers)
lowered = {name.lower(): value for name, value in sent_headers.items()}
if lowered.setdefault("content-type", "application/json") != "application/json":
    plpy.error('Content-Type header must be "application/json"')

query = urllib.parse.urlencode(json.loads(params))
request = urllib.request.Request(
    url + ("?" + query if query else ""), data=body.encode(), headers=lowered, method="POST"
)
status = content_type = answer_headers = content = error = None
timed_out = False
try:
    try:
        answer = urllib.request.urlopen(request, timeout=timeout_milliseconds / 1000)
    except urllib.error.HTTPError as refused:
        # An answer like any other.
        answer = refused
    with answer:
        status = answer.status
        content_type = answer.headers.get("content-type")
        answer_headers = json.dumps(dict(answer.headers))
        content = answer.read().decode(errors="replace")
except (OSError, ValueError) as failure:
    reason = getattr(failure, "reason", failure)
    timed_out = isinstance(reason, TimeoutError)
    error = str(reason)

insert = plpy.prepare(
    """insert into net._http_response
         (status_code, content_type, headers, content, timed_out, error_msg)
       values ($1, $2, $3, $4, $5, $6) returning id""",
    ["integer", "text", "jsonb", "text", "boolean", "text"],
)
row = plpy.execute(insert, [status, content_type, answer_headers, content, timed_out, error])
return row[0]["id"]
$$;
