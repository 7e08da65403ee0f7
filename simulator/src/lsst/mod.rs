//! Rubin-like packets, schema 10.0, in Confluent framing: a zero byte, the schema id, the record.
//!
//! In: a night, a seed, the number of an alert. Out: its packet. Never: the same `diaSourceId` or
//! `diaObjectId` twice in a night.

mod object;
mod records;
mod stamps;
mod summary;

use crate::Alert;
use crate::avro;
use crate::fits::set_card;
use crate::night::{Exposures, Night, TAI_MINUS_UTC_D, unix_ms};
use crate::random::Random;
use object::{Kind, Object, Visit};
use records::{Ids, Records};
use stamps::{Pool, Stamps};

/// Names, types and order as Rubin has them; no texts.
pub(crate) const SCHEMA: &str = include_str!("../../schemas/lsst.avsc");

/// Major version times 100 and minor version.
pub(crate) const SCHEMA_ID: u32 = 1000;

const PURPOSE: u64 = 3;
const EXPOSURES: u64 = 1000;

/// Forced photometry reaches back so far [d].
const FORCED_D: f64 = 30.0;

/// Ids grow by this from one night to the next.
const IDS_PER_NIGHT: i64 = 2_780_000_000_000;

/// Makes one night's packets.
pub(crate) struct Simulation {
    seed: u64,
    night: Night,
    exposures: Exposures,
    records: Records,
    pool: Pool,
}

impl Simulation {
    pub(crate) fn new(night: Night, seed: u64, alerts: u64) -> Self {
        let schema = serde_json::from_str(SCHEMA).expect("the schema document is JSON");
        // At Cerro Pachón it is dark from about 0 to 9.5 hours UTC of the next day.
        let first_mjd = night.mjd() as f64 + 1.0;
        Self {
            seed: seed ^ ((night.mjd() as u64) << 32),
            night,
            exposures: Exposures::new(first_mjd, 9.5, EXPOSURES, alerts),
            records: Records::new(&schema),
            pool: Pool::new(seed),
        }
    }

    pub(crate) fn alert(&mut self, number: u64) -> Alert {
        let mut random = Random::of(self.seed, PURPOSE, number);
        let mjd = self.exposures.mjd(self.exposures.of(number).0);
        let object = Object::new(&mut random);
        let now = object.detected(mjd + TAI_MINUS_UTC_D, &mut random);
        let mut visits = object.before(now.mjd_tai, &mut random);
        let ids = self.ids(&object, number, visits.is_empty(), &mut random);
        visits.push(now);
        let mut bytes = Vec::with_capacity(110_000 + 460 * visits.len());
        bytes.push(0);
        bytes.extend_from_slice(&SCHEMA_ID.to_be_bytes());
        self.body(&mut bytes, &object, ids, &visits, &mut random);
        let object_id = if ids.object == 0 {
            ids.solar_system
        } else {
            ids.object
        };
        Alert {
            object_id: object_id.to_string(),
            alert_id: ids.source,
            observed_ms: unix_ms(mjd),
            bytes,
        }
    }

    /// A new object is called by its first source.
    fn ids(&self, object: &Object, number: u64, new: bool, random: &mut Random) -> Ids {
        let night = self.night.mjd();
        let number = number as i64;
        let source = night * IDS_PER_NIGHT + number;
        let earlier = (night - 1 - random.below(300) as i64) * IDS_PER_NIGHT + number;
        let moving = object.kind == Kind::Asteroid;
        Ids {
            source,
            object: match (moving, new) {
                (true, _) => 0,
                (false, true) => source,
                (false, false) => earlier,
            },
            solar_system: if moving {
                20_000_000_000_000_000 + number * 7919
            } else {
                0
            },
        }
    }

    fn body(
        &mut self,
        out: &mut Vec<u8>,
        object: &Object,
        ids: Ids,
        visits: &[Visit],
        random: &mut Random,
    ) {
        let records = &self.records;
        let (now, before) = visits.split_last().expect("the alert's own visit is there");
        avro::long(out, ids.source);
        out.push(2);
        avro::text(
            out,
            ["survey_r_29.2", "pair_33_gr", "template_blob_i_33.0"][random.below(3) as usize],
        );
        out.push(0); // No target.
        records.source(out, object, ids, now, random);
        let mut number = 0;
        avro::array(out, before, |out, visit| {
            number += 1;
            let source = ids.source - number * IDS_PER_NIGHT;
            records.source(out, object, Ids { source, ..ids }, visit, random);
        });
        let recent = before
            .iter()
            .filter(|visit| now.mjd_tai - visit.mjd_tai < FORCED_D);
        let recent: Vec<&Visit> = recent.collect();
        avro::array(out, &recent, |out, visit| {
            records.forced(out, object, ids, visit, random)
        });
        if ids.object == 0 {
            let designation = format!(
                "2026 {}{}",
                (b'A' + random.below(24) as u8) as char,
                random.below(9999)
            );
            out.push(0);
            out.push(2);
            records.solar_system(out, object, ids, &designation, random);
            out.push(2);
            records.orbit(out, &designation, now.mjd_tai, random);
        } else {
            out.push(2);
            records.object(out, object, ids.object, visits);
            out.extend([0, 0]);
        }
        let (positive, ratio) = (now.flux_njy > 0.0, now.signal_to_noise());
        let stamps = self.pool.pick(object.kind, positive, ratio, random);
        write_stamps(out, object, stamps);
    }
}

fn write_stamps(out: &mut Vec<u8>, object: &Object, stamps: &Stamps) {
    for stamp in [&stamps.difference, &stamps.science, &stamps.template] {
        out.push(2);
        avro::bytes(out, stamp);
        let start = out.len() - stamp.len();
        set_card(&mut out[start..], "CRVAL1", object.ra_deg);
        set_card(&mut out[start..], "CRVAL2", object.dec_deg);
    }
}
