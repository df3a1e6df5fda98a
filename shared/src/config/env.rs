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
    SUPABASE_JWT_SECRET true "The secret that signs Supabase's access tokens (HS256).";
    SUPABASE_JWT_AUDIENCE false "The `aud` of a user's token. Default `authenticated`.";
    SUPABASE_JWT_ISSUER false "The `iss` a token must have, when set.";
    MEMORY_PUBLIC_URL false "Where QStash reaches this deployment, as in `https://memory.example.com`: signatures are checked against it.";
    QSTASH_URL false "QStash's API. Default `https://qstash.upstash.io`.";
    QSTASH_TOKEN true "QStash's token. Without it nothing is published, and jobs wait in Postgres.";
    QSTASH_TOPIC false "The URL group that the jobs are published to. Default `memory.sync`.";
    QSTASH_CURRENT_SIGNING_KEY true "The key that signs QStash's deliveries now.";
    QSTASH_NEXT_SIGNING_KEY true "The key that will sign them after a rotation.";
    EMBEDDINGS_URL false "An endpoint in the shape of OpenAI's `/v1/embeddings`, whole. Without it context is found by words and recency.";
    EMBEDDINGS_API_KEY true "Its key, sent as a bearer token.";
    EMBEDDINGS_MODEL false "The model's name. Default `gte-small`.";
    EMBEDDINGS_DIMENSIONS false "The length of its vectors, 1 to 4000. Default 384.";
    OUTBOUND_CA_PEM false "Roots to trust beside Mozilla's on HTTPS calls, as PEM: a company's proxy, a local stack.";
    MEMORY_ORCHESTRATOR_ENABLED false "`false` answers every intent with 503 at once. Default `true`.";
    MEMORY_LOG false "The least level that is logged: `error`, `warn`, `info`, `debug`. Default `info`.";
}
