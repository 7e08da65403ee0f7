//! A night of survey-like alerts from a seed.
//!
//! In: a survey, a night, a seed, a number of alerts. Out: packets as the survey sends them: ZTF's
//! as Avro object container files, Rubin's in Confluent framing with the schema document beside.
//! Each alert depends on the seed and its number alone, bit for bit. Never: IO, the clock, or a
//! packet that somebody else published: values are made up, with the shapes and the traps (sentinels,
//! NaN, nulls) of the real ones.

mod avro;
mod fits;
mod lsst;
mod night;
mod random;
mod ztf;

pub use night::Night;

/// A survey whose alerts can be simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Survey {
    /// The Zwicky Transient Facility's, schema 4.02.
    Ztf,
    /// Rubin Observatory's, schema 10.0.
    Lsst,
}

/// One simulated packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// The object's id; what a broker would take as key.
    pub object_id: String,
    /// The alert's own id.
    pub alert_id: i64,
    /// Mid-exposure [ms since the Unix epoch].
    pub observed_ms: i64,
    /// The packet.
    pub bytes: Vec<u8>,
}

/// Makes the alerts of one night.
pub struct Simulation(Kind);

enum Kind {
    Ztf(Box<ztf::Simulation>),
    Lsst(Box<lsst::Simulation>),
}

impl Simulation {
    /// A night of `alerts` alerts.
    #[must_use]
    pub fn new(survey: Survey, night: Night, seed: u64, alerts: u64) -> Self {
        Self(match survey {
            Survey::Ztf => Kind::Ztf(Box::new(ztf::Simulation::new(night, seed, alerts))),
            Survey::Lsst => Kind::Lsst(Box::new(lsst::Simulation::new(night, seed, alerts))),
        })
    }

    /// Alert `number`, from 0, in the order of observation.
    pub fn alert(&mut self, number: u64) -> Alert {
        match &mut self.0 {
            Kind::Ztf(simulation) => simulation.alert(number),
            Kind::Lsst(simulation) => simulation.alert(number),
        }
    }
}

impl Survey {
    /// The schema document: record definitions written out.
    #[must_use]
    pub fn schema(self) -> &'static str {
        match self {
            Self::Ztf => ztf::SCHEMA,
            Self::Lsst => lsst::SCHEMA,
        }
    }

    /// The Confluent schema id of its packets; none where the schema is in every packet.
    #[must_use]
    pub fn schema_id(self) -> Option<u32> {
        match self {
            Self::Ztf => None,
            Self::Lsst => Some(lsst::SCHEMA_ID),
        }
    }

    /// Its short name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ztf => "ztf",
            Self::Lsst => "lsst",
        }
    }
}
