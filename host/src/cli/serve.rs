//! `skysieve serve`: puts the rooms together and keeps them running until told to stop.
//!
//! In: the configuration. Out: an exit status; on SIGTERM and SIGINT everything pending is committed
//! first. Never: judging of its own.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::crew::Crew;
use crate::api;
use crate::backtest::{self, Backtests, Known};
use crate::config::{Config, ConfigError};
use crate::evaluate::{self, Sandbox};
use crate::metrics::Metrics;
use crate::notices::{self, Courier};
use crate::opened::OpenStream;
use crate::refresh::Refresh;
use crate::registry::Registry;
use crate::scribe::Scribe;
use crate::upload::Uploader;

/// Arguments of `skysieve serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The configuration; without it ./skysieve.toml, else the embedded defaults.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Run it until told to stop.
///
/// # Errors
/// When something cannot start, or a worker cannot go on.
pub fn run(arguments: ServeArgs) -> anyhow::Result<ExitCode> {
    let config = Config::read(arguments.config.as_deref())?;
    start_log();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(config))
}

fn start_log() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}

async fn serve(config: Config) -> anyhow::Result<ExitCode> {
    // First of all: a signal during the start is a clean stop, too, once the start is done.
    let mut told_to_stop = ToldToStop::listen().context("signals cannot be listened to")?;
    std::fs::create_dir_all(&config.data).map_err(|error| ConfigError::Wrong {
        origin: "data".to_owned(),
        message: format!(
            "the folder {} cannot be made: {error}",
            config.data.display()
        ),
    })?;
    let interface = api::Server::bind(&config.api).await?;
    let registry = Registry::open(&config.registry, &config.data)
        .await
        .context("registry")?;
    let sandbox = Sandbox::new(&config.sandbox)?;
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let cache = config.data.join("compiled");
    let uploader = Arc::new(Uploader::new(sandbox, &cache, program, &config.upload)?);

    let metrics = Arc::new(Metrics::new());
    let (stop_window, stopping) = watch::channel(false);
    let mut streams = Vec::with_capacity(config.streams.len());
    let mut windows = Vec::with_capacity(config.streams.len());
    for settings in config.streams {
        let name = settings.name.clone();
        let logbook = config.logbook.clone();
        let open = move || OpenStream::open(&settings, &logbook);
        let stream = tokio::task::spawn_blocking(open).await?;
        let stream = stream.with_context(|| format!("stream {name:?}"))?;
        let mut refresh = Refresh::new(
            registry.clone(),
            uploader.clone(),
            stream.settings.clone(),
            (stream.active.clone(), stream.outflow.clone()),
        );
        // Before the first alert: what was active must not miss one.
        refresh
            .begin()
            .await
            .context("the active filters cannot be read")?;
        windows.push(tokio::spawn(refresh.run(stopping.clone())));
        let scribe = Scribe::new(&registry, &stream);
        windows.push(tokio::spawn(scribe.run(stopping.clone())));
        streams.push(stream);
    }
    let issuer = config
        .api
        .oidc
        .as_ref()
        .map(api::Issuer::open)
        .transpose()?;
    let host = super::interface::host(config.api, &registry, &uploader, &streams)?
        .with_issuer(issuer)
        .with_metrics(metrics.clone())
        .with_backtests(config.backtest.clone())
        .with_notices(config.notices.clone());
    let backtests = start_backtests(
        config.backtest,
        &config.sandbox,
        &registry,
        &uploader,
        &streams,
    )?;
    let password = std::env::var(notices::PASSWORD_VARIABLE).ok();
    let courier = Courier::new(registry.clone(), config.notices, password)?;
    windows.push(tokio::spawn(courier.run(stopping.clone())));
    println!(
        "listening on {}://{}",
        interface.scheme(),
        interface.address()
    );
    windows.push(tokio::spawn(crate::clock::run(
        registry.clone(),
        stopping.clone(),
    )));
    let interface = tokio::spawn(interface.run(host, stopped(stopping)));

    let mut crew = Crew::start(streams, &registry, &metrics)?;
    let trouble = tokio::select! {
        trouble = crew.trouble() => Some(trouble),
        () = told_to_stop.wait() => None,
    };
    tracing::info!("stopping: committing what is pending");
    let last = crew.stop().await;
    backtests.stop().await;
    stop_window.send_replace(true);
    for window in windows {
        window.await?;
    }
    interface.await?;
    trouble.or(last).map_or(Ok(ExitCode::SUCCESS), Err)
}

/// In a sandbox of their own: the places of the other one are the live stream's.
fn start_backtests(
    settings: backtest::Settings,
    limits: &evaluate::Settings,
    registry: &Registry,
    uploader: &Arc<Uploader>,
    streams: &[OpenStream],
) -> anyhow::Result<Backtests> {
    let sandbox = Sandbox::new(&backtest::sandbox(limits, settings.at_once))?;
    let known = streams.iter().map(|stream| {
        let known = Known {
            settings: stream.settings.clone(),
            schemas: stream.schemas.clone(),
        };
        (stream.settings.name.clone(), known)
    });
    let (registry, uploader) = (registry.clone(), uploader.clone());
    Backtests::start(settings, registry, uploader, sandbox, known.collect())
        .context("cannot start a thread for back-tests")
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop as well.
    _ = stopping.wait_for(|stop| *stop).await;
}

/// SIGTERM and SIGINT.
struct ToldToStop {
    terminate: Signal,
    interrupt: Signal,
}

impl ToldToStop {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
