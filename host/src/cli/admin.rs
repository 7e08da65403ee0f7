//! `skysieve admin`: what only whoever has the host's machine may do, straight in the registry.
//!
//! In: the registry's settings, a name. Out: the first administrator, and a token on standard output, once.
//! Never: a second first administrator.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};

use crate::registry::{self, By, Name, NewToken, Registry, Role, Scope};

/// Arguments of `skysieve admin`.
#[derive(Debug, clap::Args)]
pub struct AdminArgs {
    /// The configuration; without it ./skysieve.toml, else the embedded defaults.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Add the first administrator; prints their token, once. They add everybody else over HTTP.
    Init {
        /// Lower-case letters, digits and hyphens.
        #[arg(long, value_name = "NAME")]
        user: String,
    },
}

/// Does what the arguments say; `read` reads the configuration: the registry's settings and the host's
/// data folder.
///
/// # Errors
/// When the configuration or the registry cannot be used, or there is an administrator.
pub fn run(
    arguments: AdminArgs,
    read: impl FnOnce(Option<&Path>) -> anyhow::Result<(registry::Settings, PathBuf)>,
) -> anyhow::Result<ExitCode> {
    let (settings, data) = read(arguments.config.as_deref())?;
    let Command::Init { user } = arguments.command;
    let name = Name::parse(&user).context("--user")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let registry = Registry::open(&settings, &data).await.context("registry")?;
        let done = init(&registry, &name).await;
        registry.close().await;
        done.map(|()| ExitCode::SUCCESS)
    })
}

/// The token alone on standard output, so that a script can take it.
async fn init(registry: &Registry, name: &Name) -> anyhow::Result<()> {
    if registry.has_administrator().await? {
        bail!(
            "there is an administrator already; one of them adds others (`POST /v1/users`), or use \
             `skysieve token create --role administrator`"
        );
    }
    let by = By::command_line();
    let user = match registry.user(name.as_str()).await? {
        Some(user) => {
            registry.set_role(&user, Role::Administrator, &by).await?;
            user
        }
        None => registry.create_user(name, Role::Administrator, &by).await?,
    };
    let new = NewToken {
        name: "first",
        scope: Scope::Full,
        expires_ms: None,
    };
    let (_, secret) = registry.create_token(&user, new, &by).await?;
    eprintln!("{name} is the first administrator; the token is shown this once:");
    println!("{}", secret.reveal());
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        arguments: AdminArgs,
    }

    fn init(folder: &Path, user: &str) -> anyhow::Result<ExitCode> {
        let words = ["admin", "init", "--user", user];
        let arguments = Program::try_parse_from(words)?.arguments;
        run(arguments, |_| {
            Ok((registry::Settings::default(), folder.to_owned()))
        })
    }

    #[test]
    fn there_is_one_first_administrator() {
        let folder = tempfile::tempdir().unwrap();
        assert!(init(folder.path(), "Root!").is_err());
        init(folder.path(), "root").unwrap();
        let again = format!("{:#}", init(folder.path(), "other").unwrap_err());
        assert!(again.contains("an administrator already"), "{again}");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let role = runtime.block_on(async {
            let settings = registry::Settings::default();
            let registry = Registry::open(&settings, folder.path()).await.unwrap();
            let root = registry.user("root").await.unwrap().unwrap();
            assert_eq!(registry.user("other").await.unwrap(), None);
            root.role
        });
        assert_eq!(role, Role::Administrator);
    }
}
