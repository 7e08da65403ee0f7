//! Who an alert is and when it was observed, read from the columns that the stream names.
//!
//! In: the stream's paths, decoded columns. Out: one [`Identity`] per alert. Never: a survey's
//! field names.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types;
use arrow_array::{Array, ArrayRef};
use skysieve_decode::{Element, Field, FieldPath};

use crate::night::Nights;
use crate::stream::StreamSettings;

/// The names of one alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Of the object on the sky; the alert's own id where there is none.
    pub object_id: String,
    /// Of the alert; empty where it has none.
    pub alert_id: String,
    /// Observing night.
    pub night: Arc<str>,
    /// The programme that it belongs to, where the stream has programmes.
    pub programme: Option<i64>,
}

/// The fields to decode for identities. An id may be text in one survey and a number in another,
/// so each path is asked for as both; what an alert's schema cannot give is null.
pub struct IdentityFields {
    fields: Vec<Field>,
    object_ids: usize,
    alert_ids: usize,
    times: usize,
    nights: Nights,
}

impl IdentityFields {
    /// The fields that `settings` names; paths were checked with the configuration.
    #[must_use]
    pub fn new(settings: &StreamSettings) -> Self {
        let ids = |paths: &[String]| -> Vec<Field> {
            let parsed = paths.iter().filter_map(|path| path.parse().ok());
            parsed
                .flat_map(|path| [Element::Utf8, Element::Int64].map(|element| one(&path, element)))
                .collect()
        };
        let (object, alert) = (ids(&settings.object_id), ids(&settings.alert_id));
        let times = settings.observed.iter().flat_map(|observed| &observed.path);
        let times: Vec<Field> = times
            .filter_map(|path| path.parse().ok())
            .map(|path| one(&path, Element::Float64))
            .collect();
        let programmes = settings.programmes.iter().flat_map(|one| &one.path);
        let programmes = programmes
            .filter_map(|path| path.parse().ok())
            .map(|path| one(&path, Element::Int64));
        let (object_ids, alert_ids) = (object.len(), alert.len());
        let instants = times.len();
        let fields = object.into_iter().chain(alert).chain(times);
        let fields = fields.chain(programmes).collect();
        Self {
            fields,
            object_ids,
            alert_ids,
            times: instants,
            nights: Nights::new(settings.observed.clone()),
        }
    }

    /// What to decode, before the filters' own fields.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// How many fields that is.
    #[must_use]
    pub fn count(&self) -> usize {
        self.fields.len()
    }

    /// The identities of `rows` alerts, from the columns of [`Self::fields`].
    pub fn read(&mut self, columns: &[ArrayRef], rows: usize) -> Vec<Identity> {
        let (object, rest) = columns.split_at(self.object_ids);
        let (alert, rest) = rest.split_at(self.alert_ids);
        let (times, programmes) = rest.split_at(self.times);
        (0..rows)
            .map(|row| {
                let alert_id = first_id(alert, row).unwrap_or_default();
                let object_id = first_id(object, row).unwrap_or_else(|| alert_id.clone());
                let night = self.nights.name(first_time(times, row));
                Identity {
                    object_id,
                    alert_id,
                    night,
                    programme: first_number(programmes, row),
                }
            })
            .collect()
    }
}

fn one(path: &FieldPath, element: Element) -> Field {
    Field {
        paths: vec![path.clone()],
        element,
    }
}

/// The first id that is there: 0 and empty text mean "none".
fn first_id(columns: &[ArrayRef], row: usize) -> Option<String> {
    columns
        .iter()
        .filter(|column| !column.is_null(row))
        .find_map(|column| {
            if let Some(texts) = column.as_string_opt::<i32>() {
                let text = texts.value(row);
                return (!text.is_empty()).then(|| text.to_owned());
            }
            let number = column.as_primitive_opt::<types::Int64Type>()?.value(row);
            (number != 0).then(|| number.to_string())
        })
}

fn first_number(columns: &[ArrayRef], row: usize) -> Option<i64> {
    columns
        .iter()
        .filter(|column| !column.is_null(row))
        .find_map(|column| Some(column.as_primitive_opt::<types::Int64Type>()?.value(row)))
}

fn first_time(columns: &[ArrayRef], row: usize) -> Option<f64> {
    columns
        .iter()
        .filter(|column| !column.is_null(row))
        .find_map(|column| {
            let time = column.as_primitive_opt::<types::Float64Type>()?.value(row);
            time.is_finite().then_some(time)
        })
}
