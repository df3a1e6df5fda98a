//! `POST /api/context`: items, the parts of their scores, and the prompt.

use uuid::Uuid;

use super::{AdapterReport, Source};
use crate::contract::bodies::Role;
use crate::contract::scalars::Moment;
use crate::contract::shape::object;

object! { answer
    /// One piece of context.
    ContextItem {
        /// Why it is here.
        source: Source,
        /// Our id of the turn; of a fact the turn it was learnt from, when that is known.
        turn_id: Option<Uuid>,
        /// The client's id of the turn; a fact's id at Mem0.
        id: String,
        /// The client's id of the session; of a fact our id, when it is known.
        session_id: Option<String>,
        /// Who said it; a fact is the `system`'s.
        role: Role,
        /// Their name, when the turn came with one.
        name: Option<String>,
        /// What was said.
        text: String,
        /// From 0 to 1.
        score: f64,
        /// When it was said.
        created_at: Moment,
        /// What the score of a relevant turn or a neighbour is made of, when that was asked for.
        parts: Option<ScoreParts>,
    }
}

object! { answer
    /// What a score is made of: a third of the sum of `fit`, `neighbors`, `speaker`, `date`, `time`, `question`
    /// and `session`.
    #[derive(serde::Deserialize)]
    ScoreParts {
        /// The weight of the words that it shares with the query, over the largest; from 0 to 1.
        words: f64,
        /// How near its embedding is to the query's, over the nearest; from 0 to 1.
        cosine: f64,
        /// The mean of these two; the first alone when nothing is embedded.
        fit: f64,
        /// From how well the turns beside it fit.
        neighbors: f64,
        /// For being said by somebody whom the query names.
        speaker: f64,
        /// For being said when the query says.
        date: f64,
        /// For telling a time when the query asks for one.
        time: f64,
        /// Less, for being a question itself.
        question: f64,
        /// From the best turn of its session.
        session: f64,
    }
}

object! { answer
    /// The adapters of a context.
    ContextAdapters {
        /// Postgres.
        supabase: AdapterReport,
        /// The provider of the query's embedding; `skipped` when that was cached.
        embeddings: AdapterReport,
        /// Mem0.
        mem0: AdapterReport,
        /// The cache.
        redis: AdapterReport,
    }
}

object! { answer
    /// `POST /api/context`
    FetchContextAnswer {
        /// In rank order: the score falls.
        items: Vec<ContextItem>,
        /// The same in order of time, ready for a system message.
        prompt: String,
        /// At least the prompt's tokens, as OpenAI's models and Llama 3 count them; never over `maxTokens`.
        tokens: u32,
        /// The adapters that were late or failed, so that their part is missing.
        degraded: Vec<&'static str>,
        /// What else is worth knowing: `query_cut` when only the beginning of the query counted.
        notices: Vec<&'static str>,
        /// Each adapter's part.
        adapters: ContextAdapters,
    }
}
