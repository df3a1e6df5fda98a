//! How to start a stack.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use crate::{functions::BuiltFunctions, qstash::faults::Faults};

/// Which embedder the functions ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbedderChoice {
    /// No provider is configured.
    None,
    /// Instant, deterministic, by words.
    Lexical,
    /// all-MiniLM-L6-v2; minutes to build the first time.
    MiniLm,
}

impl EmbedderChoice {
    /// As it is chosen on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lexical => "lexical",
            Self::MiniLm => "minilm",
        }
    }
}

impl std::str::FromStr for EmbedderChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::None, Self::Lexical, Self::MiniLm]
            .into_iter()
            .find(|choice| choice.name() == text)
            .ok_or_else(|| "there are none, lexical and minilm".to_owned())
    }
}

/// How to start a [`Stack`](super::Stack).
pub struct StackSettings {
    /// The functions of one host.
    pub functions: BuiltFunctions,
    /// The router's port; a free one if none is given.
    pub port: Option<u16>,
    /// A migrated database, with the functions' login.
    pub database_url: String,
    /// The authority of its certificate, PEM.
    pub database_ca: Option<String>,
    /// For access tokens.
    pub jwt_secret: String,
    /// The embedder.
    pub embedder: EmbedderChoice,
    /// See [`crate::qstash::Settings::time_scale`].
    pub qstash_time_scale: f64,
    /// What goes wrong with QStash.
    pub qstash_faults: Arc<dyn Faults>,
    /// Whether a Redis caches. Where none can be had the stack does without, and says so.
    pub redis: bool,
    /// Whether Mem0's fake is there.
    pub mem0: bool,
    /// Whether QStash's schedule calls for a sweep each minute.
    pub sweeps: bool,
    /// Where the functions log.
    pub log_dir: PathBuf,
    /// Added to the functions' environment, or put in the place of what stands there.
    pub env: BTreeMap<String, String>,
}
