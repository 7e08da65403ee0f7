//! The records of a ZTF packet: candidate, previous candidates, forced photometry.
//!
//! In: an object, its epochs, what is the same for the whole alert. Out: the records' bytes. "There
//! is none" is -999 in `candidate` and -99999 in `fp_hists`, the name of no asteroid is the text
//! `null`, and a previous candidate without magnitude is an upper limit: as ZTF has it.

use serde_json::Value as Json;

use super::epochs::Epoch;
use super::object::{Kind, Object, ZERO_POINT};
use super::stamps::Stamps;
use super::surroundings::{Neighbours, Scores, SolarSystem};
use crate::avro::{Layout, Value, fields};
use crate::random::Random;

/// Of a reference image's scale [arcsec per pixel].
const PIXEL_ARCSEC: f64 = 1.01;

const FAILED: f64 = -99_999.0;
const PROGRAM_LEADERS: [&str; 3] = ["Public", "Partnership", "Observatory"];

/// The layouts of the three records.
pub(super) struct Records {
    candidate: Layout,
    previous: Layout,
    forced: Layout,
}

/// What does not change within an alert.
pub(super) struct Frame<'a> {
    pub object: &'a Object,
    pub stamps: &'a Stamps,
    pub candid: i64,
    /// Number of the alert within its exposure.
    pub table_row: i64,
    pub field: i64,
    /// Readout channel, 0 to 63.
    pub channel: i64,
    pub program: i64,
    /// Pixel of the detector.
    pub x: f64,
    pub y: f64,
}

impl Frame<'_> {
    /// Number of the processed exposure: night since 2017-01-01 and fraction of it, CCD, quadrant.
    pub(super) fn pid(&self, jd: f64) -> i64 {
        let night = jd - 2_457_754.5;
        let (ccd, quadrant) = (self.channel / 4 + 1, self.channel % 4 + 1);
        libm::floor(night * 1e6) as i64 * 1000 + ccd * 10 + quadrant
    }

    fn night_number(&self, jd: f64) -> i64 {
        libm::floor(jd - 2_457_754.5) as i64
    }

    fn file_name(&self, epoch: &Epoch) -> String {
        let band = ["zg", "zr", "zi"][epoch.band as usize - 1];
        let (field, ccd, quadrant) = (self.field, self.channel / 4 + 1, self.channel % 4 + 1);
        let start = libm::floor((epoch.jd - 2_457_754.5) * 1e6);
        format!("ztf_{start:010}_{field:06}_{band}_c{ccd:02}_o_q{quadrant}_scimrefdiffimg.fits")
    }

    fn leader(&self) -> &'static str {
        PROGRAM_LEADERS[self.program as usize - 1]
    }
}

impl Records {
    pub(super) fn new(schema: &Json) -> Self {
        let layout = |name| Layout::new(schema, name, |_| Value::Null);
        Self {
            candidate: layout("candidate"),
            previous: layout("prv_candidate"),
            forced: layout("fp_hist"),
        }
    }

    /// Append the detection that the alert is about.
    pub(super) fn candidate(
        &self,
        out: &mut Vec<u8>,
        frame: &Frame<'_>,
        now: &Epoch,
        before: &[Epoch],
        random: &mut Random,
    ) {
        let object = frame.object;
        let near = Neighbours::of(object, random);
        let solar = SolarSystem::of(object, now, random);
        let score = Scores::of(object, now, random);
        let file = frame.file_name(now);
        let (mag, mag_error) = (now.mag(), libm::hypot(now.mag_error(), 0.008));
        let offset = 0.05 * random.normal();
        let seen = before.iter().filter(|epoch| epoch.is_detection());
        let first_jd = seen.clone().map(|epoch| epoch.jd).next().unwrap_or(now.jd);
        let old = matches!(object.kind, Kind::VariableStar | Kind::ActiveNucleus);
        let earlier = if old { random.below(900) as i64 } else { 0 };
        let detections = 1 + seen.count() as i64 + earlier;
        let first_jd = if old {
            now.jd - random.between(200.0, 2000.0)
        } else {
            first_jd
        };
        let axes = (
            frame.stamps.fwhm / 2.6,
            frame.stamps.fwhm / 2.6 / frame.stamps.elongation,
        );
        let bad = i64::from(!object.is_real()) * random.below(4) as i64;
        let negative = if object.is_real() {
            random.below(4)
        } else {
            4 + random.below(9)
        } as i64;
        let reference_start = now.jd - random.between(900.0, 2000.0);
        self.candidate.write(out, &fields! {
            jd: now.jd, fid: now.band, pid: frame.pid(now.jd), diffmaglim: now.limit_mag,
            pdiffimfilename: file.as_str(), programpi: frame.leader(), programid: frame.program,
            candid: frame.candid, isdiffpos: if now.flux > 0.0 { "t" } else { "f" },
            tblid: frame.table_row, nid: frame.night_number(now.jd), rcid: frame.channel,
            field: frame.field, xpos: frame.x, ypos: frame.y,
            ra: object.ra_deg, dec: object.dec_deg, magpsf: mag, sigmapsf: mag_error,
            chipsf: random.between(0.4, 3.0), magap: mag + offset,
            sigmagap: mag_error * random.between(1.0, 1.6),
            distnr: object.reference_arcsec / PIXEL_ARCSEC, magnr: object.reference_mag,
            sigmagnr: random.between(0.01, 0.08), chinr: random.between(0.2, 2.0),
            sharpnr: 0.05 * random.normal(), sky: 0.3 * random.normal(), magdiff: offset,
            fwhm: frame.stamps.fwhm * random.between(0.95, 1.05),
            classtar: if object.is_real() { random.between(0.85, 1.0) } else { random.unit() },
            mindtoedge: frame.x.min(frame.y).min(3072.0 - frame.x).min(3080.0 - frame.y),
            magfromlim: now.limit_mag - mag, seeratio: random.between(0.8, 2.0),
            aimage: axes.0, bimage: axes.1, aimagerat: axes.0 / 3.0, bimagerat: axes.1 / 3.0,
            elong: frame.stamps.elongation, nneg: negative, nbad: bad, rb: score.forest,
            ssdistnr: solar.distance_arcsec, ssmagnr: solar.mag, ssnamenr: solar.name.as_str(),
            sumrat: if object.is_real() { random.between(0.94, 1.0) } else { random.between(0.2, 1.0) },
            magapbig: mag + 0.1 * random.normal(), sigmagapbig: mag_error * 1.7,
            ranr: object.ra_deg + object.reference_arcsec / 3600.0, decnr: object.dec_deg,
            sgmag1: near.mags[0], srmag1: near.mags[0] - 0.5, simag1: near.mags[0] - 0.7,
            szmag1: near.mags[0] - 0.8, sgscore1: near.scores[0], distpsnr1: near.arcsec[0],
            ndethist: detections, ncovhist: detections + random.below(900) as i64,
            jdstarthist: first_jd, jdendhist: now.jd, scorr: now.signal_to_noise(), tooflag: 0,
            objectidps1: near.ids[0], objectidps2: near.ids[1],
            sgmag2: near.mags[1], srmag2: near.mags[1], simag2: near.mags[1], szmag2: near.mags[1],
            sgscore2: near.scores[1], distpsnr2: near.arcsec[1], objectidps3: near.ids[2],
            sgmag3: near.mags[2], srmag3: near.mags[2], simag3: near.mags[2], szmag3: near.mags[2],
            sgscore3: near.scores[2], distpsnr3: near.arcsec[2],
            nmtchps: random.below(30) as i64,
            rfid: frame.field * 1_000_000 + 100_000 + now.band * 10_000 + frame.channel,
            jdstartref: reference_start, jdendref: reference_start + 400.0,
            nframesref: 15 + random.below(25) as i64, rbversion: "t17_f5_c3",
            dsnrms: random.between(1.0, 60.0), ssnrms: random.between(2.0, 90.0),
            dsdiff: 20.0 * random.normal(), magzpsci: 26.0 + 0.2 * random.normal(),
            magzpsciunc: random.between(1e-6, 3e-5), magzpscirms: random.between(0.02, 0.06),
            nmatches: 200 + random.below(2500) as i64, clrcoeff: 0.08 * random.normal(),
            clrcounc: random.between(1e-6, 5e-5), zpclrcov: -2e-5 * random.unit(),
            zpmed: 26.0 + 0.1 * random.normal(), clrmed: random.between(0.4, 1.0),
            clrrms: random.between(0.12, 0.3), neargaia: near.gaia_arcsec,
            neargaiabright: near.bright_gaia_arcsec, maggaia: near.gaia_mag,
            maggaiabright: near.bright_gaia_mag, exptime: 30.0, drb: score.deep,
            drbversion: "d6_m7",
        });
    }

    /// Append one exposure of the history.
    pub(super) fn previous(
        &self,
        out: &mut Vec<u8>,
        frame: &Frame<'_>,
        epoch: &Epoch,
        random: &mut Random,
    ) {
        let file = frame.file_name(epoch);
        let (object, pid) = (frame.object, frame.pid(epoch.jd));
        let (zero_point, colour) = (26.0 + 0.1 * random.normal(), 0.05 * random.normal());
        if !epoch.is_detection() {
            return self.previous.write(out, &fields! {
                jd: epoch.jd, fid: epoch.band, pid: pid, diffmaglim: epoch.limit_mag,
                pdiffimfilename: file.as_str(), programpi: frame.leader(),
                programid: frame.program, nid: frame.night_number(epoch.jd), rcid: frame.channel,
                field: frame.field, magzpsci: zero_point, magzpsciunc: 1e-5, magzpscirms: 0.03,
                clrcoeff: colour, clrcounc: 2e-5, rbversion: "t17_f5_c3",
            });
        }
        let row = random.below(40) as i64;
        let (mag, mag_error) = (epoch.mag(), epoch.mag_error());
        let sign = match (epoch.flux > 0.0, random.chance(0.1)) {
            (true, true) => "1",
            (true, false) => "t",
            (false, true) => "0",
            (false, false) => "f",
        };
        let score = Scores::of(object, epoch, random);
        self.previous.write(out, &fields! {
            jd: epoch.jd, fid: epoch.band, pid: pid, diffmaglim: epoch.limit_mag,
            pdiffimfilename: file.as_str(), programpi: frame.leader(), programid: frame.program,
            candid: pid * 1_000_000 + 15_000 + row, isdiffpos: sign, tblid: row,
            nid: frame.night_number(epoch.jd), rcid: frame.channel, field: frame.field,
            xpos: frame.x + 5.0 * random.normal(), ypos: frame.y + 5.0 * random.normal(),
            ra: object.ra_deg + 2e-5 * random.normal(), dec: object.dec_deg + 2e-5 * random.normal(),
            magpsf: mag, sigmapsf: mag_error, chipsf: random.between(0.4, 3.0), magap: mag + 0.03,
            sigmagap: mag_error * 1.3, distnr: object.reference_arcsec / PIXEL_ARCSEC,
            magnr: object.reference_mag, sigmagnr: 0.02, chinr: 0.7, sharpnr: -0.01,
            sky: 0.3 * random.normal(), magdiff: 0.03, fwhm: random.between(1.7, 3.2),
            classtar: random.between(0.85, 1.0), mindtoedge: 200.0,
            magfromlim: epoch.limit_mag - mag, seeratio: random.between(0.8, 2.0), aimage: 0.8,
            bimage: 0.7, aimagerat: 0.3, bimagerat: 0.27, elong: random.between(1.0, 1.3),
            nneg: random.below(4) as i64, nbad: 0, rb: score.forest, sumrat: random.between(0.94, 1.0),
            magapbig: mag + 0.05, sigmagapbig: mag_error * 1.6,
            ranr: object.ra_deg + object.reference_arcsec / 3600.0, decnr: object.dec_deg,
            scorr: epoch.signal_to_noise(), magzpsci: zero_point, magzpsciunc: 1e-5,
            magzpscirms: 0.03, clrcoeff: colour, clrcounc: 2e-5, rbversion: "t17_f5_c3",
        });
    }

    /// Append the forced photometry of one exposure; of a third of them it failed.
    pub(super) fn forced(
        &self,
        out: &mut Vec<u8>,
        frame: &Frame<'_>,
        epoch: &Epoch,
        random: &mut Random,
    ) {
        let object = frame.object;
        let zero_point = 26.0 + 0.1 * random.normal();
        let failed = random.chance(0.35);
        let unless_failed = |value: f64| if failed { FAILED } else { value };
        // In DN of this image, whose zero point differs from ours.
        let scale = libm::exp10(0.4 * (zero_point - ZERO_POINT));
        self.forced.write(
            out,
            &fields! {
                field: frame.field, rcid: frame.channel, fid: epoch.band, pid: frame.pid(epoch.jd),
                rfid: frame.field * 1_000_000 + 100_000 + epoch.band * 10_000 + frame.channel,
                sciinpseeing: random.between(1.5, 3.0), scibckgnd: random.between(100.0, 500.0),
                scisigpix: random.between(6.0, 15.0), magzpsci: zero_point, magzpsciunc: 1e-5,
                magzpscirms: random.between(0.02, 0.05), clrcoeff: 0.05 * random.normal(),
                clrcounc: 1e-5, exptime: 30.0, adpctdif1: 0.06, adpctdif2: 0.07,
                diffmaglim: epoch.limit_mag, programid: frame.program, jd: epoch.jd,
                forcediffimflux: unless_failed(scale * epoch.flux),
                forcediffimfluxunc: unless_failed(scale * epoch.flux_error),
                procstatus: if failed { "61" } else { "0" },
                distnr: unless_failed(object.reference_arcsec / PIXEL_ARCSEC),
                ranr: unless_failed(object.ra_deg), decnr: unless_failed(object.dec_deg),
                magnr: unless_failed(object.reference_mag), sigmagnr: unless_failed(0.02),
                chinr: unless_failed(0.7), sharpnr: unless_failed(-0.01),
            },
        );
    }
}
