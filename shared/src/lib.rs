//! The memory orchestrator.
