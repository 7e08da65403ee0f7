//! The clock: what is to happen at a time.
//!
//! In: the registry's schedules, looked at every second. Out: activations, each by the host that looks
//! first. Never: an activation lost because the database is away; it happens once it is back.

use std::time::Duration;

use tokio::sync::watch;

use crate::outage::Outage;
use crate::registry::Registry;

/// How late an activation may be.
const LOOK: Duration = Duration::from_secs(1);

/// Looks again and again until told to stop.
pub async fn run(registry: Registry, mut stop: watch::Receiver<bool>) {
    let mut outage = Outage::default();
    while !*stop.borrow() {
        if let (_, Some(error)) = outage.news(registry.activate_due().await) {
            tracing::warn!(%error, "scheduled activations wait");
        }
        _ = tokio::time::timeout(LOOK, stop.changed()).await;
    }
}
