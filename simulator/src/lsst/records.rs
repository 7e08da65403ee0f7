//! The records of a Rubin packet: sources, forced photometry, the object, the solar system.
//!
//! In: an object, its visits, its ids. Out: the records' bytes. A missing number is NaN, an id of 0
//! is none, as in the observatory's packets; null stands for whole records and arrays alone.

use serde_json::Value as Json;

use super::object::{BANDS, Kind, Object, Visit};
use super::summary::Summary;
use crate::avro::{Layout, Type, Value, fields};
use crate::random::Random;

/// The layouts of the records.
pub(super) struct Records {
    source: Layout,
    forced: Layout,
    object: Layout,
    solar_system: Layout,
    orbit: Layout,
    /// Names of an object's fields for each band, in the three groups of the schema.
    band_fields: [[Vec<String>; 3]; 6],
}

/// Who a source is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ids {
    pub source: i64,
    /// 0 for what is linked to the solar system.
    pub object: i64,
    pub solar_system: i64,
}

const GROUPS: [&[&str]; 3] = [
    &[
        "psfFluxMean",
        "psfFluxMeanErr",
        "psfFluxSigma",
        "psfFluxNdata",
        "fpFluxMean",
        "fpFluxMeanErr",
    ],
    &["scienceFluxMean", "scienceFluxMeanErr"],
    &[
        "psfFluxMin",
        "psfFluxMax",
        "psfFluxMaxSlope",
        "psfFluxErrMean",
    ],
];

fn blank(kind: Type) -> Value<'static> {
    match kind {
        Type::Boolean => Value::Boolean(false),
        Type::Int | Type::Long => Value::Integer(0),
        Type::Float | Type::Double => Value::Double(f64::NAN),
        Type::Text => Value::Null,
    }
}

impl Records {
    pub(super) fn new(schema: &Json) -> Self {
        let layout = |name| Layout::new(schema, name, blank);
        let names = |band: &str, group: &[&str]| {
            group.iter().map(|name| format!("{band}_{name}")).collect()
        };
        Self {
            source: layout("diaSource"),
            forced: layout("diaForcedSource"),
            object: layout("diaObject"),
            solar_system: layout("ssSource"),
            orbit: layout("mpc_orbits"),
            band_fields: BANDS.map(|band| GROUPS.map(|group| names(band, group))),
        }
    }

    /// Append one source.
    pub(super) fn source(
        &self,
        out: &mut Vec<u8>,
        object: &Object,
        ids: Ids,
        visit: &Visit,
        random: &mut Random,
    ) {
        let real = object.kind != Kind::Artefact;
        let ratio = visit.signal_to_noise();
        let position_error = 0.25 / 3600.0 / ratio;
        let pixel_error = 0.9 / ratio;
        let seeing = random.between(0.12, 0.3);
        let dipole = !real && random.chance(0.4);
        let extended = if real {
            random.unit() * random.unit() * 0.5
        } else {
            random.unit()
        };
        let reliability = if real {
            1.0 - 0.5 * random.unit() * random.unit()
        } else {
            0.6 * random.unit()
        };
        let cut = |chance: f64, random: &mut Random| {
            random.chance(if real { chance } else { 10.0 * chance })
        };
        let (saturated, ray) = (cut(0.01, random), cut(0.004, random));
        self.source.write(out, &fields! {
            diaSourceId: ids.source, visit: visit.number(), detector: visit.detector,
            diaObjectId: ids.object, ssObjectId: ids.solar_system, parentDiaSourceId: 0_i64,
            midpointMjdTai: visit.mjd_tai,
            ra: object.ra_deg + position_error * random.normal(), raErr: position_error,
            dec: object.dec_deg + position_error * random.normal(), decErr: position_error,
            ra_dec_Cov: 0.1 * position_error * position_error,
            x: random.between(20.0, 4050.0), xErr: pixel_error,
            y: random.between(20.0, 3980.0), yErr: pixel_error,
            apFlux: visit.flux_njy * random.between(0.9, 1.1), apFluxErr: 2.5 * visit.error_njy,
            isNegative: visit.flux_njy < 0.0, snr: ratio, psfFlux: visit.flux_njy,
            psfFluxErr: visit.error_njy, psfChi2: 1681.0 + 58.0 * random.normal(), psfNdata: 1681_i64,
            trailFlux: visit.flux_njy, trailFluxErr: 0.01 * visit.error_njy, trailRa: object.ra_deg,
            trailDec: object.dec_deg, trailLength: random.between(0.2, 1.2),
            trailAngle: random.between(-90.0, 90.0),
            scienceFlux: object.template_njy + visit.flux_njy, scienceFluxErr: visit.error_njy,
            templateFlux: object.template_njy, templateFluxErr: 0.1 * visit.error_njy,
            ixx: seeing, iyy: seeing * random.between(0.9, 1.1), ixy: 0.02 * random.normal(),
            ixxPSF: seeing, iyyPSF: seeing, ixyPSF: 0.002 * random.normal(),
            extendedness: extended, reliability: reliability, band: BANDS[visit.band],
            isDipole: dipole, dipoleFitAttempted: dipole,
            timeProcessedMjdTai: visit.mjd_tai + 0.0015, bboxSize: 18 + random.below(16) as i64,
            pixelFlags: saturated || ray, pixelFlags_cr: ray, pixelFlags_crCenter: ray,
            pixelFlags_saturated: saturated, pixelFlags_saturatedCenter: saturated,
        });
    }

    /// Append the forced photometry of one visit.
    pub(super) fn forced(
        &self,
        out: &mut Vec<u8>,
        object: &Object,
        ids: Ids,
        visit: &Visit,
        random: &mut Random,
    ) {
        self.forced.write(
            out,
            &fields! {
                diaForcedSourceId: ids.source, diaObjectId: ids.object, ra: object.ra_deg,
                dec: object.dec_deg, visit: visit.number(), detector: visit.detector,
                psfFlux: visit.flux_njy + 0.3 * visit.error_njy * random.normal(),
                psfFluxErr: visit.error_njy, midpointMjdTai: visit.mjd_tai,
                scienceFlux: object.template_njy + visit.flux_njy, scienceFluxErr: visit.error_njy,
                band: BANDS[visit.band], timeProcessedMjdTai: visit.mjd_tai + 0.0015,
            },
        );
    }

    /// Append the object's summary over `visits`, which end with the alert's own.
    pub(super) fn object(&self, out: &mut Vec<u8>, object: &Object, id: i64, visits: &[Visit]) {
        let last = visits[visits.len() - 1].mjd_tai;
        let mut set = fields! {
            diaObjectId: id, validityStartMjdTai: last + 0.0016, ra: object.ra_deg, raErr: 1e-5,
            dec: object.dec_deg, decErr: 1e-5, ra_dec_Cov: 1e-11,
        }
        .to_vec();
        let summaries: Vec<_> = (0..BANDS.len())
            .map(|band| Summary::of(object, visits, band))
            .collect();
        for group in 0..GROUPS.len() {
            for (names, summary) in self.band_fields.iter().zip(&summaries) {
                if let Some(summary) = summary {
                    set.extend(
                        names[group]
                            .iter()
                            .map(String::as_str)
                            .zip(summary.group(group)),
                    );
                }
            }
        }
        set.extend(fields! {
            firstDiaSourceMjdTai: visits[0].mjd_tai, lastDiaSourceMjdTai: last,
            nDiaSources: visits.len() as i64,
        });
        self.object.write(out, &set);
    }

    /// Append what the source is to a known object of the solar system.
    pub(super) fn solar_system(
        &self,
        out: &mut Vec<u8>,
        object: &Object,
        ids: Ids,
        designation: &str,
        random: &mut Random,
    ) {
        let (sun_au, earth_au) = (random.between(1.6, 3.4), random.between(0.7, 2.6));
        let (along, cross) = (0.1 * random.normal(), 0.05 * random.normal());
        self.solar_system.write(out, &fields! {
            diaSourceId: ids.source, ssObjectId: ids.solar_system, designation: designation,
            eclLambda: random.between(0.0, 360.0), eclBeta: 10.0 * random.normal(),
            galLon: random.between(0.0, 360.0), galLat: random.between(-90.0, 90.0),
            elongation: random.between(60.0, 180.0), phaseAngle: random.between(0.0, 35.0),
            topoRange: earth_au, topoRangeRate: 10.0 * random.normal(), helioRange: sun_au,
            helioRangeRate: 2.0 * random.normal(), ephRa: object.ra_deg, ephDec: object.dec_deg,
            ephVmag: random.between(18.0, 23.5), ephRate: random.between(0.1, 0.4),
            ephOffset: libm::hypot(along, cross), ephOffsetAlongTrack: along,
            ephOffsetCrossTrack: cross, helio_x: sun_au, topo_x: earth_au, diaDistanceRank: 1_i64,
        });
    }

    /// Append the orbit of that object.
    pub(super) fn orbit(
        &self,
        out: &mut Vec<u8>,
        designation: &str,
        mjd: f64,
        random: &mut Random,
    ) {
        let (axis_au, eccentricity) = (random.between(2.1, 3.3), random.between(0.01, 0.3));
        let made = 1_500_000_000_000_000 + random.below(200_000_000_000_000) as i64;
        let motion = 0.985_607_7 / (axis_au * libm::sqrt(axis_au));
        self.orbit.write(
            out,
            &fields! {
                id: random.below(1_500_000) as i64, designation: designation,
                packed_primary_provisional_designation: designation,
                unpacked_primary_provisional_designation: designation,
                created_at: made, updated_at: made, u_param: random.below(5) as i64,
                nopp: 1 + random.below(20) as i64, nobs_total: 20 + random.below(2000) as i64,
                a: axis_au, q: axis_au * (1.0 - eccentricity), e: eccentricity,
                i: random.between(0.1, 25.0), node: random.between(0.0, 360.0),
                argperi: random.between(0.0, 360.0), mean_anomaly: random.between(0.0, 360.0),
                period: 360.0 / motion / 365.25, mean_motion: motion, epoch_mjd: libm::floor(mjd),
                h: random.between(14.0, 21.0), g: 0.15, fitting_datetime: made,
            },
        );
    }
}
