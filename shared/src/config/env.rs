//! Every environment variable, once. Nothing else of the service reads the environment.

/// A variable: its name, whether a secret stands in it, and what it is for.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// As it stands in the environment.
    pub name: &'static str,
    /// Whether its value may never be printed.
    pub secret: bool,
    /// One sentence, and the default.
    pub about: &'static str,
}

macro_rules! variables {
    ($($konst:ident $secret:literal $about:literal;)*) => {
        $(#[doc = $about] pub const $konst: Variable = Variable {
            name: stringify!($konst), secret: $secret, about: $about,
        };)*
        /// All of them, in the order of the README's table.
        pub const ALL: &[Variable] = &[$($konst),*];
    };
}

variables! {
    DATABASE_URL true "Postgres as the role `memory_orchestrator`, through the transaction pooler (port 6543 on Supabase). TLS with verification unless it says `sslmode=disable`.";
    DATABASE_CA_PEM false "The root that signs the database's certificate, as PEM (Supabase: Settings, Database, SSL). Required unless `sslmode=disable`.";
    DATABASE_POOL_SIZE false "Connections that one function instance may hold, 1 to 50. Default 4.";
    SUPABASE_URL false "The Supabase project, as in `https://<ref>.supabase.co`: the default of the next one.";
    SUPABASE_JWKS_URL false "Where the public keys of its access tokens stand (ES256, RS256, EdDSA). Default `<SUPABASE_URL>/auth/v1/.well-known/jwks.json`.";
    SUPABASE_JWT_SECRET true "The secret that signs access tokens, where a shared one does (HS256). Required unless there is a JWKS URL.";
    SUPABASE_JWT_AUDIENCE false "The `aud` of a user's token. Default `authenticated`.";
    SUPABASE_JWT_ISSUER false "The `iss` that a user's token must have, when set.";
    MEMORY_HASH_SECRET true "What keyed hashes are made with: names in the cache, redacted values in the audit. Default `SUPABASE_JWT_SECRET`, else `DATABASE_URL`.";
    MEMORY_REDACT_CLASSES false "Changes to what is replaced in texts before they leave, as in `+URL,-PHONE_NUMBER`. Without it the classes of `docs/redaction.md`.";
    MEMORY_REDACT_PATTERNS false "Patterns to replace too, one a line, as in `EMPLOYEE_ID=EMP-\\d{6}`, 32 at most.";
    MEMORY_REDACT_ALLOW false "Values to let pass, with commas between: a support address, a hotline; `@example.com` is a domain.";
    MEMORY_CORS_ORIGINS false "Origins whose pages may call, with commas between, as in `https://app.example.com`. Without it no browser may.";
    MEMORY_PUBLIC_URL false "Where QStash reaches this deployment, as in `https://memory.example.com`: signatures are checked against it.";
    QSTASH_URL false "QStash's API. Default `https://qstash.upstash.io`.";
    QSTASH_TOKEN true "QStash's token. Without it nothing is published, and jobs wait in Postgres.";
    QSTASH_TOPIC false "The URL group that the jobs are published to. Default `memory.sync`.";
    QSTASH_RETRIES false "How often QStash delivers again before it gives up and leaves the job to the sweeper, 0 to 20; plans differ in what they allow. Default 3.";
    QSTASH_USER_PARALLELISM false "How many deliveries of one user QStash makes at once, 1 to 100. Default 4.";
    QSTASH_BACKFILL_RATE false "How many backfill jobs of one user, of 100 turns each, QStash delivers a minute, 1 to 1000. Default 30.";
    QSTASH_CURRENT_SIGNING_KEY true "The key that signs QStash's deliveries now.";
    QSTASH_NEXT_SIGNING_KEY true "The key that will sign them after a rotation.";
    EMBEDDINGS_PROVIDER false "Who embeds: `openai`, `azure`, `voyage`, `ollama`, `tei`, `supabase`, or `compatible` with OpenAI's shape. Default `compatible`.";
    EMBEDDINGS_URL false "Its endpoint in the shape of OpenAI's `/v1/embeddings`, whole; `openai`, `voyage` and `supabase` have a default. Without it and a provider, context is found by words and recency.";
    EMBEDDINGS_API_KEY true "Its key, sent as a bearer token; to Azure as `api-key`.";
    EMBEDDINGS_MODEL false "The model's name. Default `gte-small`, with `compatible` and `supabase`.";
    EMBEDDINGS_DIMENSIONS false "The length of its vectors, 1 to 4000. Default 384, with `openai` and `azure` 1536, with `voyage` 1024.";
    EMBEDDINGS_TRUSTED false "`true` when that provider is your own, as an Edge Function of the project or a server in your network: it gets texts as they were said. Default `false`: redacted.";
    EMBEDDINGS_NEXT_PROVIDER false "Who embeds with a model that is being moved to. Default `compatible`.";
    EMBEDDINGS_NEXT_URL false "The endpoint of a model that is being moved to: turns are embedded under both, searches keep to the first.";
    EMBEDDINGS_NEXT_API_KEY true "Its key.";
    EMBEDDINGS_NEXT_MODEL false "Its name. Required with a next provider or URL.";
    EMBEDDINGS_NEXT_DIMENSIONS false "The length of its vectors, 1 to 4000. Default as for the first.";
    EMBEDDINGS_NEXT_TRUSTED false "The same of that provider. Default `false`, whatever the first one is.";
    MEM0_API false "Which of Mem0's two APIs: `platform` or `server` (self-hosted). Default `platform`.";
    MEM0_URL false "Mem0's base. Default `https://api.mem0.ai`; required with `MEM0_API=server`.";
    MEM0_API_KEY true "Mem0's key. Without it, and without `MEM0_URL`, nothing goes to Mem0.";
    MEM0_ROLES false "Whose turns go to Mem0, of `user`, `assistant`, `system`, `tool`. Default `user,assistant`.";
    MEM0_INFER false "Whether Mem0 extracts facts (`true`) or keeps what was said (`false`). Default `true`.";
    MEM0_CONCURRENCY false "Calls to Mem0 that one function instance makes at once, 1 to 50. Default 4.";
    UPSTASH_REDIS_REST_URL false "Upstash Redis, a cache. Without it nothing is cached.";
    UPSTASH_REDIS_REST_TOKEN true "Its token.";
    MEMORY_LIMITS false "How much a user may ask for, as in `turns=sliding:600/60s context=bucket:20/10s:120`; counted in Redis. Without it nothing is limited.";
    MEMORY_JOB_ATTEMPTS false "Failed attempts after which a turn goes to the dead letters, 1 to 100. Default 10.";
    MEMORY_JOB_SECONDS false "How long a provider may take for one attempt at a job, 1 to 40. Default 20.";
    MEMORY_SWEEP_BATCH false "Jobs per adapter that one sweep takes, 1 to 1000. Default 100.";
    MEMORY_SWEEP_SECONDS false "How long one sweep may work jobs by itself when QStash cannot be reached, 1 to 50. Default 20.";
    OUTBOUND_CA_PEM false "Roots to trust beside Mozilla's on HTTPS calls, as PEM: a company's proxy, a local stack.";
    MEMORY_ORCHESTRATOR_ENABLED false "`false` answers every intent with 503 at once. Default `true`.";
    MEMORY_LOG false "The least level that is logged: `error`, `warn`, `info`, `debug`. Default `info`.";
}
