//! ZTF-like packets, schema 4.02: an Avro object container file each, the schema in its header.
//!
//! In: a night, a seed, the number of an alert. Out: its packet. Never: the same `candid` or
//! `objectId` twice in a night.

mod epochs;
mod object;
mod records;
mod stamps;
mod surroundings;

use crate::Alert;
use crate::avro;
use crate::night::{Exposures, JD_OF_MJD_0, Night, unix_ms};
use crate::random::Random;
use epochs::Epoch;
use object::Object;
use records::{Frame, Records};
use stamps::{Pool, Stamps};

/// Names, types and order as ZTF has them; the texts are our own.
pub(crate) const SCHEMA: &str = include_str!("../../schemas/ztf.avsc");

const VERSION: &str = "4.02";
const PUBLISHER: &str = "Skysieve simulator";
const PURPOSE: u64 = 1;

/// Names `ZTF18aaaaaaa` to `ZTF18zzzzzzz`.
const NAMES: u64 = 26_u64.pow(7);

/// Exposures in a night, each with 64 channels.
const EXPOSURES: u64 = 750;

/// Makes one night's packets.
pub(crate) struct Simulation {
    seed: u64,
    night: Night,
    exposures: Exposures,
    records: Records,
    pool: Pool,
    /// Everything before the block: magic bytes, schema, codec, sync marker.
    header: Vec<u8>,
    sync: [u8; 16],
    first_name: u64,
}

impl Simulation {
    pub(crate) fn new(night: Night, seed: u64, alerts: u64) -> Self {
        let schema = serde_json::from_str(SCHEMA).expect("the schema document is JSON");
        let sync = Random::of(seed, PURPOSE, u64::MAX).bytes();
        let text = serde_json::Value::to_string(&schema);
        // At Palomar it is dark from about 3 to 13 hours UTC of the next day.
        let first_mjd = night.mjd() as f64 + 1.0 + 3.0 / 24.0;
        Self {
            seed: seed ^ ((night.mjd() as u64) << 32),
            night,
            exposures: Exposures::new(first_mjd, 9.7, EXPOSURES, alerts),
            records: Records::new(&schema),
            pool: Pool::new(seed),
            header: header(&text, &sync),
            sync,
            first_name: Random::of(seed, PURPOSE, night.mjd() as u64).below(NAMES),
        }
    }

    pub(crate) fn alert(&mut self, number: u64) -> Alert {
        let mut random = Random::of(self.seed, PURPOSE, number);
        let (exposure, row) = self.exposures.of(number);
        let mjd = self.exposures.mjd(exposure);
        let jd = mjd + JD_OF_MJD_0;
        let object = Object::new(&mut random);
        let now = Epoch::of_alert(&object, jd, &mut random);
        let before = epochs::before(&object, jd, &mut random);
        let object_id = name(self.night.year(), self.name_number(number));
        let ratio = now.signal_to_noise();
        let stamps = self
            .pool
            .pick(object.kind, now.flux > 0.0, ratio, &mut random);
        let mut frame = Frame {
            object: &object,
            stamps,
            candid: 0,
            table_row: row as i64,
            field: 246 + random.below(630) as i64,
            channel: random.below(64) as i64,
            program: [1, 1, 1, 2, 2, 3][random.below(6) as usize],
            x: random.between(15.0, 3057.0),
            y: random.between(15.0, 3065.0),
        };
        frame.candid = frame.pid(jd) * 1_000_000 + row as i64;
        let body = body(
            &self.records,
            &frame,
            &object_id,
            &now,
            &before,
            &mut random,
        );
        Alert {
            object_id,
            alert_id: frame.candid,
            observed_ms: unix_ms(mjd),
            bytes: container(&self.header, &body, &self.sync),
        }
    }
}

impl Simulation {
    fn name_number(&self, number: u64) -> u64 {
        let steps = u128::from(number) * u128::from(NAME_STEP);
        ((u128::from(self.first_name) + steps) % u128::from(NAMES)) as u64
    }
}

/// Has no factor in common with 26: every number gets a name of its own.
const NAME_STEP: u64 = 2_718_281_829;

fn body(
    records: &Records,
    frame: &Frame<'_>,
    object_id: &str,
    now: &Epoch,
    before: &[Epoch],
    random: &mut Random,
) -> Vec<u8> {
    let stamps = frame.stamps;
    let cutouts = stamps.science.len() + stamps.template.len() + stamps.difference.len();
    let mut out = Vec::with_capacity(cutouts + 4096 + 700 * before.len());
    avro::text(&mut out, VERSION);
    avro::text(&mut out, PUBLISHER);
    avro::text(&mut out, object_id);
    avro::long(&mut out, frame.candid);
    records.candidate(&mut out, frame, now, before, random);
    avro::array(&mut out, before, |out, epoch| {
        records.previous(out, frame, epoch, random)
    });
    let forced: Vec<&Epoch> = before.iter().rev().collect();
    avro::array(&mut out, &forced, |out, epoch| {
        records.forced(out, frame, epoch, random)
    });
    write_stamps(&mut out, frame.candid, stamps);
    out
}

fn write_stamps(out: &mut Vec<u8>, candid: i64, stamps: &Stamps) {
    let three = [
        ("sci", &stamps.science),
        ("ref", &stamps.template),
        ("scimref", &stamps.difference),
    ];
    for (kind, stamp) in three {
        out.push(2);
        avro::text(
            out,
            &format!(
                "candid{candid}_pid{}_targ_{kind}.fits.gz",
                candid / 1_000_000
            ),
        );
        avro::bytes(out, stamp);
    }
}

fn header(schema: &str, sync: &[u8; 16]) -> Vec<u8> {
    let mut out = b"Obj\x01".to_vec();
    avro::long(&mut out, 2);
    for (key, value) in [("avro.schema", schema), ("avro.codec", "null")] {
        avro::text(&mut out, key);
        avro::text(&mut out, value);
    }
    avro::long(&mut out, 0);
    out.extend_from_slice(sync);
    out
}

fn container(header: &[u8], body: &[u8], sync: &[u8; 16]) -> Vec<u8> {
    let mut out = Vec::with_capacity(header.len() + body.len() + 32);
    out.extend_from_slice(header);
    avro::long(&mut out, 1);
    avro::bytes(&mut out, body);
    out.extend_from_slice(sync);
    out
}

/// `ZTF26abudxnw`.
fn name(year: i16, mut number: u64) -> String {
    let mut letters = [b'a'; 7];
    for letter in letters.iter_mut().rev() {
        *letter = b'a' + (number % 26) as u8;
        number /= 26;
    }
    let letters = letters.iter().copied().map(char::from).collect::<String>();
    format!("ZTF{:02}{letters}", year % 100)
}
