//! Generated packets of every codec and type, compared with apache-avro's values field by field.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use skysieve_decode::{Decoder, Field, Limits, NoSchemas, Schema, WholeDecoder};
use support::generated::{CODECS, SCHEMA, packet};
use support::{Documents, at_path, decode, json};

fn fields() -> Vec<Field> {
    let askable = Schema::parse(SCHEMA).unwrap().askable_paths();
    askable
        .into_iter()
        .map(|a| Field::new(vec![a.path], a.element).unwrap())
        .collect()
}

#[test]
fn whole_records_equal_apache_avro_in_every_codec() {
    let mut decoder = WholeDecoder::new(Arc::new(NoSchemas), Limits::default());
    for (seed, codec) in CODECS.into_iter().cycle().take(60).enumerate() {
        let (packet, expected) = packet(seed as u64, codec, seed % 7);
        let whole = decoder.decode(&packet).unwrap();
        assert_eq!(whole.error, None, "{codec}");
        assert_eq!(json(&*whole.records), expected, "{codec}, seed {seed}");
    }
}

#[test]
fn every_path_alone_and_together_equals_apache_avro() {
    let (packets, expected): (Vec<_>, Vec<_>) = CODECS
        .into_iter()
        .cycle()
        .take(30)
        .enumerate()
        .map(|(seed, codec)| packet(seed as u64, codec, seed % 5))
        .unzip();
    let bytes: Vec<&[u8]> = packets.iter().map(Vec::as_slice).collect();
    let expected: Vec<_> = expected.into_iter().flatten().collect();
    let fields = fields();
    assert!(fields.len() > 30, "{}", fields.len());
    let together = decode(&fields, Documents::default(), &bytes);
    assert_eq!(together.damages, []);
    for (field, column) in fields.iter().zip(&together.columns) {
        let path = &field.paths[0];
        let wanted: Vec<_> = expected
            .iter()
            .map(|alert| at_path(alert, path.members()))
            .collect();
        assert_eq!(json(column), wanted, "{path}");
        let alone = decode(std::slice::from_ref(field), Documents::default(), &bytes);
        assert_eq!(&alone.columns[0], column, "{path}");
    }
}

#[test]
fn isolated_records_are_the_records() {
    for codec in CODECS {
        let (packet, expected) = packet(7, codec, 8);
        let mut decoder = Decoder::new(fields(), Arc::new(NoSchemas), Limits::default()).unwrap();
        let all = decoder.decode(&[&packet]);
        let chosen = decoder.isolate(&packet, &[0, 3, 7, 99]).unwrap();
        assert_eq!(chosen.len(), 3, "{codec}");
        for (record, single) in [0, 3, 7].into_iter().zip(&chosen) {
            let batch = decoder.decode(&[single]);
            assert_eq!((batch.rows.len(), batch.damages.len()), (1, 0), "{codec}");
            for (whole, one) in all.columns.iter().zip(&batch.columns) {
                assert_eq!(&whole.slice(record, 1), one);
            }
            let reader = apache_avro::Reader::new(single.as_slice()).unwrap();
            let values: Vec<_> = reader
                .map(|value| support::generated::to_json(&value.unwrap()))
                .collect();
            assert_eq!(values, [expected[record].clone()], "{codec}");
        }
    }
}
