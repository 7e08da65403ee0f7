//! What a filter has used of a night: known here, and told by the registry. Pure.
//!
//! In: what went out, what the registry has counted. Out: how much that is by now. Never: a limit.

/// What a filter has used of a night.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    /// Alerts sent out.
    pub alerts: u64,
    /// Their bytes of payload.
    pub bytes: u64,
    /// Time in the sandbox [ns].
    pub elapsed_ns: u64,
}

/// What is known of a filter's night.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spent {
    /// What the registry had counted when this host began with it.
    before: Used,
    /// What this host has sent out since.
    pub(super) here: Used,
    /// What the registry has counted by now, of all hosts.
    told: Used,
    /// Whether anything was told.
    is_told: bool,
    /// Whether there were alerts of it since the registry was last asked.
    pub(super) is_touched: bool,
}

impl Used {
    pub(super) fn add(&mut self, more: &Self) {
        self.alerts += more.alerts;
        self.bytes += more.bytes;
        self.elapsed_ns += more.elapsed_ns;
    }

    pub(super) fn take_back(&mut self, less: &Self) {
        self.alerts = self.alerts.saturating_sub(less.alerts);
        self.bytes = self.bytes.saturating_sub(less.bytes);
        self.elapsed_ns = self.elapsed_ns.saturating_sub(less.elapsed_ns);
    }
}

impl Spent {
    /// Before the first alert: what all hosts have sent out.
    pub(super) fn begin(&mut self, used: Used) {
        (self.before, self.told, self.is_told) = (used, used, true);
    }

    /// What all hosts have sent out by now. Of a night that began without a word this is the first:
    /// what does not come from here was there before.
    pub(super) fn tell(&mut self, used: Used) {
        if !self.is_told {
            self.before = used;
            self.before.take_back(&self.here);
        }
        (self.told, self.is_told) = (used, true);
    }

    /// The registry lags by what is not folded yet, this host's sum by what others do.
    pub(super) fn now(&self) -> Used {
        let most = |told: u64, before: u64, here: u64| told.max(before.saturating_add(here));
        Used {
            alerts: most(self.told.alerts, self.before.alerts, self.here.alerts),
            bytes: most(self.told.bytes, self.before.bytes, self.here.bytes),
            elapsed_ns: most(
                self.told.elapsed_ns,
                self.before.elapsed_ns,
                self.here.elapsed_ns,
            ),
        }
    }
}
