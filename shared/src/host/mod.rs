//! What both hosts do around an endpoint. Only [`vercel`] and [`lambda`] know their runtime.

#[cfg(any(feature = "lambda", feature = "vercel"))]
mod cors;
#[cfg(feature = "lambda")]
pub mod lambda;
#[cfg(any(feature = "lambda", feature = "vercel"))]
mod rate_limit;
#[cfg(any(feature = "lambda", feature = "vercel"))]
mod serve;
#[cfg(feature = "vercel")]
pub mod vercel;

/// What a main returns when the runtime itself gave up.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
