//! Passing alerts in memory: what the interface reads in its tests.
//!
//! In: alerts, by topic. Out: readers of them. Never: a broker or a file.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use skysieve_decode::{FieldPath, NoSchemas, Reference};

use crate::api::StreamResults;
use crate::results::{
    Begin, Cursor, Found, Look, Looked, Origin, Place, Reader, Results, ResultsError, Withholder,
};
use crate::rights::Programmes;
use crate::source::lookback::Bound;
use crate::withheld::{Again, Restore};

/// Alerts by topic, all in partition 0.
#[derive(Default)]
pub(super) struct Shelf {
    topics: Mutex<BTreeMap<String, Vec<Found>>>,
    /// Answer nothing any more.
    pub(super) away: Mutex<bool>,
}

impl Shelf {
    /// The next alert of the topic; its packet is a reference to itself, unless it is `torn`.
    pub(super) fn put(&self, topic: &str, id: &str, night: &str, torn: bool) {
        self.put_of(topic, id, night, torn, Some(1));
    }

    /// The same, of a programme.
    pub(super) fn put_of(
        &self,
        topic: &str,
        id: &str,
        night: &str,
        torn: bool,
        programme: Option<i64>,
    ) {
        let mut topics = self.topics.lock().unwrap();
        let alerts = topics.entry(topic.to_owned()).or_default();
        let source = Origin {
            topic: "night.tar".to_owned(),
            offset: i64::MAX,
            ..Origin::default()
        };
        let reference = Reference {
            object_id: "object",
            alert_id: id,
            topic: &source.topic,
            partition: 0,
            offset: source.offset,
            record: 0,
        };
        let mut payload = reference.container();
        payload.truncate(if torn {
            payload.len() - 20
        } else {
            payload.len()
        });
        alerts.push(Found {
            partition: "0".into(),
            after: place(alerts.len() + 1),
            object_id: "object".to_owned(),
            alert_id: id.to_owned(),
            night: night.to_owned(),
            version: 1,
            setting: 1,
            programme,
            holds: "packet".to_owned(),
            source,
            annotations: serde_json::Map::new(),
            payload,
            withheld: None,
            missing: None,
        });
    }

    /// Bytes of the payload of an alert of the topic.
    pub(super) fn bytes(&self, topic: &str, number: usize) -> i64 {
        self.topics.lock().unwrap()[topic][number].payload.len() as i64
    }

    pub(super) fn stream(self: &Arc<Self>) -> StreamResults {
        let check = |fields: &[FieldPath]| match fields.iter().find(|f| f.to_string() == "nothing")
        {
            Some(field) => Err(format!("there is no {field}; did you mean something?")),
            None => Ok(()),
        };
        StreamResults {
            results: Arc::new(Handle(self.clone())),
            schemas: Arc::new(NoSchemas),
            cutouts: vec!["topic".parse().unwrap()],
            programmes: Some(Programmes {
                path: vec!["programme".to_owned()],
                public: vec![1],
            }),
            check_fields: Arc::new(check),
            restore: Arc::new(|_| Box::new(AsItIs)),
        }
    }
}

fn place(number: usize) -> Place {
    Place {
        number: i64::try_from(number).unwrap(),
        within: 0,
    }
}

struct Handle(Arc<Shelf>);

impl Results for Handle {
    fn open_withheld(
        &self,
        of: &Withholder,
        begin: &Begin,
    ) -> Result<Box<dyn Reader>, ResultsError> {
        self.open(&withheld(&of.owner, &of.filter), begin)
    }

    fn open(&self, topic: &str, begin: &Begin) -> Result<Box<dyn Reader>, ResultsError> {
        if *self.0.away.lock().unwrap() {
            return Err(ResultsError::Unavailable(
                "/data/of/this/machine is away".to_owned(),
            ));
        }
        let alerts = self
            .0
            .topics
            .lock()
            .unwrap()
            .get(topic)
            .cloned()
            .unwrap_or_default();
        let next = match begin {
            Begin::Oldest | Begin::Since(_) => 0,
            Begin::Now => alerts.len(),
            Begin::After(cursor) => cursor.0.get("0").map_or(0, |place| place.number as usize),
        };
        Ok(Box::new(OnShelf { alerts, next }))
    }
}

/// The records of withheld alerts have their payloads already.
struct AsItIs;

impl Restore for AsItIs {
    fn restore(&mut self, records: Vec<Found>, _: &Bound) -> Result<Vec<Again>, ResultsError> {
        let again = |one: Found| Again::Found(Box::new(one));
        Ok(records.into_iter().map(again).collect())
    }
}

struct OnShelf {
    alerts: Vec<Found>,
    next: usize,
}

/// Where the records of a filter's withheld alerts stand.
pub(super) fn withheld(owner: &str, filter: &str) -> String {
    format!("withheld of {owner}/{filter}")
}

impl Reader for OnShelf {
    fn look(&mut self, look: &Look) -> Result<Looked, ResultsError> {
        let mut looked = Looked::default();
        while let Some(found) = self.alerts.get(self.next) {
            let bytes = looked
                .found
                .iter()
                .map(|one: &Found| one.payload.len())
                .sum();
            if look.is_over(looked.found.len(), bytes) {
                looked.more = true;
                break;
            }
            self.next += 1;
            looked
                .found
                .extend(look.wants(found).then(|| found.clone()));
        }
        Ok(looked)
    }

    fn cursor(&self) -> Cursor {
        let mut cursor = Cursor::default();
        cursor.put("0", place(self.next));
        cursor
    }
}
