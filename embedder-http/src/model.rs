//! What a model is to the server.

/// Why a model could not embed; the caller sees a bare 500, the server's stderr sees this.
pub type ModelError = Box<dyn std::error::Error + Send + Sync>;

/// One text, embedded.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// A vector of length one, with as many numbers as [`EmbeddingModel::dimensions`] says.
    pub vector: Vec<f32>,
    /// How many tokens the model read, for `usage`. Text that the model cut off is not counted.
    pub tokens: usize,
}

/// A model that turns texts into vectors.
///
/// The same text gives the same vector, whatever else is in its batch (up to float rounding).
pub trait EmbeddingModel: Send + Sync + 'static {
    /// The name that requests must give in `model`.
    fn name(&self) -> &str;

    /// How many numbers a vector has.
    fn dimensions(&self) -> usize;

    /// Embeds 1 to 2048 texts, none of them empty; answers one [`Embedding`] per text, in order.
    ///
    /// Called on a thread that may block, from several requests at once.
    fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>, ModelError>;
}
