//! The embeddings provider, and the one that is being moved to: both are read alike.

#[cfg(test)]
mod tests;

use reqwest::Url;

use super::env::{self, Variable};
use super::source::fault;
use super::{ConfigError, Secret, Source};

/// Whose dialect of OpenAI's `POST /v1/embeddings` is spoken. What the dialects differ in stands in
/// one table, the adapter's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EmbeddingsProvider {
    /// OpenAI's shape without anything that not all have.
    #[default]
    Compatible,
    /// OpenAI itself.
    OpenAi,
    /// Azure OpenAI.
    Azure,
    /// Voyage AI.
    Voyage,
    /// Ollama's compatible endpoint.
    Ollama,
    /// Hugging Face's text-embeddings-inference.
    Tei,
    /// The project's own Edge Function.
    Supabase,
}

impl EmbeddingsProvider {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Compatible,
        Self::OpenAi,
        Self::Azure,
        Self::Voyage,
        Self::Ollama,
        Self::Tei,
        Self::Supabase,
    ];

    /// As it stands in the environment.
    pub fn name(self) -> &'static str {
        match self {
            Self::Compatible => "compatible",
            Self::OpenAi => "openai",
            Self::Azure => "azure",
            Self::Voyage => "voyage",
            Self::Ollama => "ollama",
            Self::Tei => "tei",
            Self::Supabase => "supabase",
        }
    }

    /// Whether there is no use in calling it without a key.
    fn needs_key(self) -> bool {
        match self {
            Self::Compatible | Self::Ollama | Self::Tei => false,
            Self::OpenAi | Self::Azure | Self::Voyage | Self::Supabase => true,
        }
    }

    /// The length of the vectors of its usual model.
    fn dimensions(self) -> usize {
        match self {
            Self::Compatible | Self::Ollama | Self::Tei | Self::Supabase => 384,
            // text-embedding-3-small
            Self::OpenAi | Self::Azure => 1536,
            // voyage-4, and all that go before it since voyage-3
            Self::Voyage => 1024,
        }
    }
}

/// A provider of embeddings.
#[derive(Debug, Clone)]
pub struct Embeddings {
    /// How it is spoken to.
    pub provider: EmbeddingsProvider,
    /// The endpoint, whole.
    pub url: String,
    /// Its key.
    pub key: Option<Secret>,
    /// As it is sent, and as it stands beside each embedding.
    pub model: String,
    /// The length of a vector.
    pub dimensions: usize,
    /// Whether it is the team's own, and may see what users said as they said it.
    pub trusted: bool,
}

/// The variables of one provider.
struct Names {
    provider: Variable,
    url: Variable,
    key: Variable,
    model: Variable,
    /// Whether it may go unsaid; the one that is moved to must differ from the first.
    has_default_model: bool,
    dimensions: Variable,
    trusted: Variable,
}

const FIRST: Names = Names {
    provider: env::EMBEDDINGS_PROVIDER,
    url: env::EMBEDDINGS_URL,
    key: env::EMBEDDINGS_API_KEY,
    model: env::EMBEDDINGS_MODEL,
    has_default_model: true,
    dimensions: env::EMBEDDINGS_DIMENSIONS,
    trusted: env::EMBEDDINGS_TRUSTED,
};

const NEXT: Names = Names {
    provider: env::EMBEDDINGS_NEXT_PROVIDER,
    url: env::EMBEDDINGS_NEXT_URL,
    key: env::EMBEDDINGS_NEXT_API_KEY,
    model: env::EMBEDDINGS_NEXT_MODEL,
    has_default_model: false,
    dimensions: env::EMBEDDINGS_NEXT_DIMENSIONS,
    trusted: env::EMBEDDINGS_NEXT_TRUSTED,
};

/// Azure's latest version that is no preview; its `/openai/v1/` needs none.
const AZURE_VERSION: (&str, &str) = ("api-version", "2024-10-21");

impl<F: Fn(&str) -> Option<String>> Source<'_, F> {
    pub(super) fn embeddings(&self) -> Result<Option<Embeddings>, ConfigError> {
        self.embeddings_of(&FIRST)
    }

    pub(super) fn next_embeddings(&self) -> Result<Option<Embeddings>, ConfigError> {
        self.embeddings_of(&NEXT)
    }

    /// Used when its address or its name is set.
    fn embeddings_of(&self, names: &Names) -> Result<Option<Embeddings>, ConfigError> {
        let named = self.get(names.provider);
        if named.is_none() && self.get(names.url).is_none() {
            return Ok(None);
        }
        let provider = match named {
            None => EmbeddingsProvider::default(),
            Some(name) => EmbeddingsProvider::ALL
                .into_iter()
                .find(|provider| provider.name() == name)
                .ok_or_else(|| fault(names.provider, &format!("is none of {}", listed())))?,
        };
        let key = match provider.needs_key() {
            true => Some(self.required(names.key)?),
            false => self.get(names.key),
        };
        // Only the Edge Function has a usual model, and what was meant before providers had names.
        let usual = matches!(
            provider,
            EmbeddingsProvider::Compatible | EmbeddingsProvider::Supabase
        );
        Ok(Some(Embeddings {
            provider,
            url: self.endpoint(provider, names.url)?,
            key: key.map(Secret::new),
            model: match usual && names.has_default_model {
                true => self.or(names.model, "gte-small"),
                false => self.required(names.model)?,
            },
            dimensions: self.whole(names.dimensions, 1..=4000, provider.dimensions())?,
            trusted: self.flag(names.trusted, false)?,
        }))
    }

    /// The endpoint, whole: as it is set, or where everybody's is.
    fn endpoint(
        &self,
        provider: EmbeddingsProvider,
        variable: Variable,
    ) -> Result<String, ConfigError> {
        match provider {
            EmbeddingsProvider::OpenAi => {
                self.url(variable, "https://api.openai.com/v1/embeddings")
            }
            EmbeddingsProvider::Voyage => {
                self.url(variable, "https://api.voyageai.com/v1/embeddings")
            }
            EmbeddingsProvider::Supabase if self.get(env::SUPABASE_URL).is_some() => {
                let project = self.url(env::SUPABASE_URL, "")?;
                self.url(variable, &format!("{project}/functions/v1/embed"))
            }
            EmbeddingsProvider::Azure => self.url_that_is_set(variable).map(with_version),
            EmbeddingsProvider::Compatible
            | EmbeddingsProvider::Ollama
            | EmbeddingsProvider::Tei
            | EmbeddingsProvider::Supabase => self.url_that_is_set(variable),
        }
    }

    fn url_that_is_set(&self, variable: Variable) -> Result<String, ConfigError> {
        self.required(variable)?;
        self.url(variable, "")
    }
}

fn listed() -> String {
    EmbeddingsProvider::ALL
        .map(EmbeddingsProvider::name)
        .join(", ")
}

/// The same with a version of Azure's API, unless it names one or needs none.
fn with_version(url: String) -> String {
    let Ok(mut parsed) = Url::parse(&url) else {
        return url;
    };
    let (name, version) = AZURE_VERSION;
    let versioned = parsed.query_pairs().any(|(key, _)| key == name);
    if versioned || parsed.path().contains("/v1/") {
        return url;
    }
    parsed.query_pairs_mut().append_pair(name, version);
    parsed.into()
}
