//! `skysieve token`: who may use the HTTP interface, straight in the registry.
//!
//! In: the registry's settings, a user's name. Out: a new token on standard output, once; lists.
//! Never: a token in a log, or anything through HTTP: whoever reads the database is administrator.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use comfy_table::Table;

use crate::registry::{
    self, By, Name, NewToken, Registry, RegistryError, Role, Scope, Token, TokenId, User,
};

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Arguments of `skysieve token`.
#[derive(Debug, clap::Args)]
pub struct TokenArgs {
    /// The configuration; without it ./skysieve.toml, else the embedded defaults.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a token for a user, who is added where they are new; prints the token, once.
    Create(Create),
    /// List tokens.
    List {
        /// Only this user's.
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
    /// End a token now.
    Revoke {
        /// Its number in the list.
        id: i64,
    },
}

#[derive(Debug, clap::Args)]
struct Create {
    /// Lower-case letters, digits and hyphens: it becomes part of topic names.
    #[arg(long, value_name = "NAME")]
    user: String,
    /// What the user may do; an existing user without it keeps their role.
    #[arg(long)]
    role: Option<RoleChoice>,
    /// What to call the token, for lists.
    #[arg(long, value_name = "LABEL", default_value = "command line")]
    name: String,
    /// Days until it ends; without it, it does not end by itself.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=36_500))]
    days: Option<i64>,
    /// The token reads and changes nothing.
    #[arg(long)]
    read_only: bool,
}

impl Create {
    fn scope(&self) -> Scope {
        if self.read_only {
            Scope::Read
        } else {
            Scope::Full
        }
    }
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum RoleChoice {
    Scientist,
    Administrator,
}

impl From<RoleChoice> for Role {
    fn from(choice: RoleChoice) -> Self {
        match choice {
            RoleChoice::Scientist => Self::Scientist,
            RoleChoice::Administrator => Self::Administrator,
        }
    }
}

/// Do what the arguments say; `read` reads the configuration: the registry's settings and the
/// host's data folder.
///
/// # Errors
/// When the configuration or the registry cannot be used, or there is no such user or token.
pub fn run(
    arguments: TokenArgs,
    read: impl FnOnce(Option<&Path>) -> anyhow::Result<(registry::Settings, PathBuf)>,
) -> anyhow::Result<ExitCode> {
    let (settings, data) = read(arguments.config.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let registry = Registry::open(&settings, &data).await.context("registry")?;
        let done = match arguments.command {
            Command::Create(create) => print_new(&registry, &create).await,
            Command::List { user } => print_list(&registry, user.as_deref()).await,
            Command::Revoke { id } => revoke(&registry, id).await,
        };
        registry.close().await;
        done.map(|()| ExitCode::SUCCESS)
    })
}

/// The token alone on standard output, so that a script can take it; the rest on standard error.
async fn print_new(registry: &Registry, create: &Create) -> anyhow::Result<()> {
    let name = Name::parse(&create.user).context("--user")?;
    let user = user(registry, &name, create.role.map(Role::from)).await?;
    let now = jiff::Timestamp::now().as_millisecond();
    let expires_ms = create.days.map(|days| now + days * DAY_MS);
    let new = NewToken {
        name: &create.name,
        scope: create.scope(),
        expires_ms,
    };
    let (token, secret) = registry
        .create_token(&user, new, &By::command_line())
        .await?;
    eprintln!(
        "token {} of {} ({}), ends: {}; it is shown this once:",
        token.id.0,
        user.name,
        user.role.as_str(),
        expires_ms.map_or_else(|| "never".to_owned(), day)
    );
    println!("{}", secret.reveal());
    Ok(())
}

/// The user of that name, added where they are new, with the wished role where there is a wish.
async fn user(registry: &Registry, name: &Name, role: Option<Role>) -> anyhow::Result<User> {
    let Some(mut user) = registry.user(name.as_str()).await? else {
        return match registry
            .create_user(name, role.unwrap_or(Role::Scientist), &By::command_line())
            .await
        {
            Err(RegistryError::NameTaken { .. }) => {
                anyhow::bail!("`{name}` is the name of a group, or was added a moment ago")
            }
            created => Ok(created?),
        };
    };
    if let Some(role) = role.filter(|role| *role != user.role) {
        registry.set_role(&user, role, &By::command_line()).await?;
        eprintln!(
            "{} is now {}, was {}",
            user.name,
            role.as_str(),
            user.role.as_str()
        );
        user.role = role;
    }
    Ok(user)
}

async fn print_list(registry: &Registry, user: Option<&str>) -> anyhow::Result<()> {
    let mut table = Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    table.set_header([
        "id",
        "user",
        "name",
        "scope",
        "created",
        "last used",
        "ends",
        "state",
    ]);
    let now = jiff::Timestamp::now().as_millisecond();
    for token in registry.tokens(user).await? {
        let optional = |ms: Option<i64>| ms.map_or_else(|| "-".to_owned(), day);
        table.add_row([
            token.id.0.to_string(),
            token.user.clone(),
            token.name.clone(),
            format!("{:?}", token.scope).to_lowercase(),
            day(token.created_ms),
            optional(token.last_used_ms),
            optional(token.expires_ms),
            state(&token, now).to_owned(),
        ]);
    }
    println!("{table}");
    Ok(())
}

fn state(token: &Token, now: i64) -> &'static str {
    if token.revoked_ms.is_some() {
        "revoked"
    } else if token.expires_ms.is_some_and(|end| end <= now) {
        "expired"
    } else {
        "valid"
    }
}

async fn revoke(registry: &Registry, id: i64) -> anyhow::Result<()> {
    registry
        .revoke_token(TokenId(id), None, &By::command_line())
        .await?;
    eprintln!("token {id} is revoked");
    Ok(())
}

/// The date of an instant, UTC.
fn day(ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(ms).map(|time| time.to_string());
    time.map_or_else(|_| ms.to_string(), |text| text.chars().take(10).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        arguments: TokenArgs,
    }

    fn token(folder: &Path, words: &[&str]) -> anyhow::Result<ExitCode> {
        let words = ["token"].iter().chain(words);
        let arguments = Program::try_parse_from(words)?.arguments;
        run(arguments, |_| {
            Ok((registry::Settings::default(), folder.to_owned()))
        })
    }

    async fn known(folder: &Path) -> Vec<Token> {
        let settings = registry::Settings::default();
        Registry::open(&settings, folder)
            .await
            .unwrap()
            .tokens(None)
            .await
            .unwrap()
    }

    #[test]
    fn tokens_are_made_listed_and_revoked() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        token(folder, &["create", "--user", "anna", "--days", "2"]).unwrap();
        token(
            folder,
            &["create", "--user", "anna", "--role", "administrator"],
        )
        .unwrap();
        let tokens = runtime.block_on(known(folder));
        assert_eq!(tokens.len(), 2);
        let lasts_ms = tokens[1].expires_ms.unwrap() - tokens[1].created_ms;
        assert!((lasts_ms - 2 * DAY_MS).abs() < 10_000, "{lasts_ms}");
        token(folder, &["list", "--user", "anna"]).unwrap();
        token(folder, &["revoke", "1"]).unwrap();
        let tokens = runtime.block_on(known(folder));
        assert_eq!(state(&tokens[1], 0), "revoked");
        assert_eq!(state(&tokens[0], 0), "valid");
    }

    #[test]
    fn mistakes_are_explained() {
        let folder = tempfile::tempdir().unwrap();
        let cases: [(&[&str], &str); 4] = [
            (&["create", "--user", "Anna Jump"], "`anna-jump`"),
            (&["create", "--user", "anna", "--days", "0"], "1..=36500"),
            (&["create", "--user", "anna", "--role", "king"], "scientist"),
            (&["revoke", "7"], "token `7`"),
        ];
        for (words, expected) in cases {
            let said = format!("{:#}", token(folder.path(), words).unwrap_err());
            assert!(said.contains(expected), "{said}");
        }
    }
}
