//! What travels through QStash: versions and ids, never text.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ids::UserId;

/// The version of [`Delivery`] and of the queued payload that this code writes and reads.
pub const VERSION: u32 = 1;

/// What a job brings a turn to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobAdapter {
    /// The embeddings provider: vectors into Postgres.
    Embed,
    /// Mem0.
    Mem0,
}

impl JobAdapter {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Embed, Self::Mem0];

    /// As it stands in the database, in addresses and in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Embed => "embed",
            Self::Mem0 => "mem0",
        }
    }

    /// The one of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|adapter| adapter.name() == name)
    }
}

/// The body of a delivery. One body goes to every endpoint of the topic; each takes its own job
/// from it. The ids are ours, since a message that is sent again from QStash's dead letters has a
/// new message id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// [`VERSION`].
    pub version: u32,
    /// Whose jobs these are.
    pub user_id: Uuid,
    /// The jobs.
    pub jobs: Jobs,
    /// The how manieth sweep sends them again; 0 when they are sent for the first time, or because an
    /// app asks. Not part of the body: it tells this message from one that QStash may still hold.
    #[serde(skip)]
    pub sweeps: u32,
}

/// The id of each adapter's job, or of an erasure's, in its queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Jobs {
    /// In the queue `memory_embed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embed: Option<i64>,
    /// In the queue `memory_mem0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mem0: Option<i64>,
    /// In the queue `memory_erase`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erase: Option<i64>,
}

impl Jobs {
    /// One job.
    pub fn one(adapter: JobAdapter, id: i64) -> Self {
        let mut jobs = Self::default();
        match adapter {
            JobAdapter::Embed => jobs.embed = Some(id),
            JobAdapter::Mem0 => jobs.mem0 = Some(id),
        }
        jobs
    }

    /// The job of an erasure.
    pub fn erasure(id: i64) -> Self {
        Self {
            erase: Some(id),
            ..Self::default()
        }
    }

    /// An adapter's job.
    pub fn of(&self, adapter: JobAdapter) -> Option<i64> {
        match adapter {
            JobAdapter::Embed => self.embed,
            JobAdapter::Mem0 => self.mem0,
        }
    }

    /// Whether there is nothing to deliver.
    pub fn is_empty(&self) -> bool {
        self.embed.is_none() && self.mem0.is_none() && self.erase.is_none()
    }
}

impl Delivery {
    /// The delivery of some jobs of a user.
    pub fn new(user: UserId, jobs: Jobs) -> Self {
        Self {
            version: VERSION,
            user_id: user.0,
            jobs,
            sweeps: 0,
        }
    }

    /// The same, sent again by a sweep.
    #[must_use]
    pub fn again(self, sweeps: u32) -> Self {
        Self { sweeps, ..self }
    }
}
