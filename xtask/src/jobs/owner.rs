//! The migrations' owner: nobody else may look over all users' jobs, or change them.

use devstack::postgres::connect;
use tokio_postgres::Client;

use crate::Error;

#[derive(clap::Args)]
pub(crate) struct Owner {
    /// The URL of the migrations' owner, direct or through a session pooler (on Supabase port 5432)
    #[arg(long, env = "DATABASE_ADMIN_URL", hide_env_values = true)]
    database_url: String,
    /// The root that signs the server's certificate, a PEM file
    #[arg(long)]
    ca: Option<std::path::PathBuf>,
}

impl Owner {
    pub(crate) async fn connect(&self) -> Result<Client, Error> {
        let ca = self.ca.as_ref().map(std::fs::read_to_string).transpose()?;
        Ok(connect(&self.database_url, ca.as_deref()).await?)
    }
}
