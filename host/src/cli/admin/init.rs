//! `skysieve admin init`: the first administrator, whom nobody could make otherwise.
//!
//! In: the registry of this machine's host, a name. Out: a token on standard output, once. Never: a
//! second first administrator.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::json;

use crate::cli::Usage;
use crate::cli::author::session::out;
use crate::registry::{self, By, Name, NewToken, Registry, Role, Scope, Secret};

/// Arguments of `skysieve admin init`.
#[derive(Debug, clap::Args)]
pub struct InitArgs {
    /// Name of the administrator: lower-case letters, digits and hyphens.
    #[arg(long, value_name = "NAME")]
    user: String,
    /// The configuration; without it ./skysieve.toml, else the embedded defaults.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Makes them where there is no administrator yet.
pub fn run(
    arguments: &InitArgs,
    json: bool,
    read: impl FnOnce(Option<&Path>) -> anyhow::Result<(registry::Settings, PathBuf)>,
) -> anyhow::Result<ExitCode> {
    let name = Name::parse(&arguments.user).map_err(|error| Usage(error.to_string()))?;
    let (settings, data) = read(arguments.config.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let secret = runtime.block_on(async {
        let registry = Registry::open(&settings, &data).await.context("registry")?;
        let made = make(&registry, &name).await;
        registry.close().await;
        made
    })?;
    let token = secret.reveal();
    if json {
        out(&json!({ "user": name.as_str(), "token": token }).to_string())?;
    } else {
        eprintln!("{name} administrates this host, with this token, which is shown this once:");
        out(token)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn make(registry: &Registry, name: &Name) -> anyhow::Result<Secret> {
    if registry.has_administrator().await? {
        anyhow::bail!(
            "there is an administrator already; one of them adds others (`skysieve admin users add`), or \
             use `skysieve token create --role administrator`"
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
    Ok(registry.create_token(&user, new, &by).await?.1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn there_is_one_first_administrator() {
        let folder = tempfile::tempdir().unwrap();
        let init = |user: &str| {
            let arguments = InitArgs {
                user: user.to_owned(),
                config: None,
            };
            run(&arguments, false, |_| {
                Ok((registry::Settings::default(), folder.path().to_owned()))
            })
        };
        init("root").unwrap();
        let again = init("other").unwrap_err().to_string();
        assert!(again.contains("already"), "{again}");
        assert!(init("No Name").unwrap_err().is::<Usage>());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let settings = registry::Settings::default();
            let registry = Registry::open(&settings, folder.path()).await.unwrap();
            let root = registry.user("root").await.unwrap().unwrap();
            assert_eq!(root.role, Role::Administrator);
            assert_eq!(registry.user("other").await.unwrap(), None);
        });
    }
}
