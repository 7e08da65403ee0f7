//! Runs a filter natively on packets, in an author's `cargo test`.
//!
//! What comes in: the bytes of packets. What goes out: one verdict per alert, from the same decoder
//! and the same way to the author's function as in the host, the same bits. Never: IO (the test
//! reads its packets), or a part of a wasm build.
//!
//! ```toml
//! [dev-dependencies]
//! skysieve-sdk = { path = "../skysieve/sdk/rust", features = ["testing"] }
//! ```
//!
//! ```no_run
//! # use skysieve_sdk::prelude::*;
//! # #[derive(Alert)]
//! # struct Ztf { #[alert(path = "candidate.magpsf")] mag: f32 }
//! # #[filter(title = "Bright")]
//! # fn keep(alert: Ztf) -> Verdict { reject_if!(alert.mag > 18.5, "faint"); pass!() }
//! use skysieve_sdk::testing;
//!
//! let packet = std::fs::read("tests/packets/2695378462115010012.avro").unwrap();
//! let judged = testing::run::<keep>(&[packet]);
//! assert_eq!(judged[0].verdict, testing::Judgement::Reject("faint"));
//! ```

mod columns;
mod judged;
pub(crate) mod log;
mod packets;
mod series;

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

pub use columns::{borrow, decoder_fields};
pub use judged::{Judged, Judgement};
pub use series::{Item, Single, series};

use crate::description::{Description, ParameterValue};
use crate::filter::Filter;

/// Judges every alert of these packets (Avro object container files, which carry their schemas)
/// with the filter's default parameters.
///
/// # Panics
///
/// As [`Trial::run`].
pub fn run<F: Filter>(packets: &[impl AsRef<[u8]>]) -> Vec<Judged> {
    Trial::<F>::new().run(packets)
}

/// A native run of the filter `F` with parameters and schemas of one's own.
pub struct Trial<F> {
    description: Description,
    parameters: Vec<ParameterValue<'static>>,
    schemas: HashMap<u32, Arc<str>>,
    filter: PhantomData<F>,
}

impl<F: Filter> Default for Trial<F> {
    fn default() -> Self {
        let description = F::describe();
        let parameters = description
            .parameters
            .iter()
            .map(|parameter| parameter.default)
            .collect();
        Self {
            description,
            parameters,
            schemas: HashMap::new(),
            filter: PhantomData,
        }
    }
}

impl<F: Filter> Trial<F> {
    /// With the default parameters, for packets that carry their schemas.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a parameter, as its owner would.
    ///
    /// # Panics
    ///
    /// Where the filter has no such parameter, or one of another type.
    pub fn parameter(mut self, name: &str, value: ParameterValue<'static>) -> Self {
        let declared = self.description.parameters;
        let place = declared.iter().position(|parameter| parameter.name == name);
        let place = place.unwrap_or_else(|| panic!("the filter has no parameter `{name}`"));
        let default = declared[place].default;
        assert!(
            std::mem::discriminant(&default) == std::mem::discriminant(&value),
            "the parameter `{name}` is like {default:?}, not {value:?}"
        );
        self.parameters[place] = value;
        self
    }

    /// Adds the schema of packets in Confluent framing (Rubin): the whole document by its id.
    pub fn schema(mut self, id: u32, document: &str) -> Self {
        self.schemas.insert(id, document.into());
        self
    }

    /// Adds a schema that comes as several documents referring to each other, each with its file's
    /// name (Rubin's `<major>/<minor>/*.avsc`; the id is major * 100 + minor).
    ///
    /// # Panics
    ///
    /// Where the documents are not one schema.
    pub fn schema_files(self, id: u32, documents: &[(String, String)]) -> Self {
        match skysieve_decode::assemble(documents) {
            Ok(document) => self.schema(id, &document),
            Err(error) => panic!("the documents of schema {id} are not one schema: {error}"),
        }
    }

    /// Judges every alert of these packets, one alert at a time.
    ///
    /// # Panics
    ///
    /// Where a field of the filter is in no packet's schema, or not with its type: the host refuses
    /// such a filter at upload.
    pub fn run(&self, packets: &[impl AsRef<[u8]>]) -> Vec<Judged> {
        let packets: Vec<&[u8]> = packets.iter().map(AsRef::as_ref).collect();
        packets::judge::<F>(&self.description, &self.parameters, &self.schemas, &packets)
    }
}
