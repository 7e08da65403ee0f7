//! Random numbers from a seed: the same on every machine, for mathematics is `libm`'s.
//!
//! In: a seed and what the numbers are for. Out: uniform and normal numbers, choices. Never: a
//! number that depends on how many were drawn for something else.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// A stream of random numbers.
#[derive(Debug)]
pub(crate) struct Random(ChaCha8Rng);

impl Random {
    /// The numbers of item `number` of what `purpose` stands for.
    pub(crate) fn of(seed: u64, purpose: u64, number: u64) -> Self {
        let mixed = seed ^ purpose.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut generator = ChaCha8Rng::seed_from_u64(mixed);
        generator.set_stream(number);
        Self(generator)
    }

    /// At least `low`, less than `high`.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// At least 0, less than 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// At least 0, less than `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Mean 0, standard deviation 1 (Marsaglia's polar method, SIAM Review 6, 260, 1964).
    pub(crate) fn normal(&mut self) -> f64 {
        loop {
            let (x, y) = (self.between(-1.0, 1.0), self.between(-1.0, 1.0));
            let s = x * x + y * y;
            if s > 0.0 && s < 1.0 {
                return x * libm::sqrt(-2.0 * libm::log(s) / s);
            }
        }
    }

    /// About normal, within 3.5, and quick: the sum of four uniform numbers.
    pub(crate) fn pixel_noise(&mut self) -> f32 {
        let bits = self.0.next_u64();
        let sum: u32 = (0..4)
            .map(|part| (bits >> (16 * part)) as u32 & 0xffff)
            .sum();
        (sum as f32 - 131_070.0) * (1.732_050_8 / 65_536.0)
    }

    /// A direction on the sky, uniform between two declinations: right ascension, declination [deg].
    pub(crate) fn direction_deg(&mut self, south: f64, north: f64) -> (f64, f64) {
        let sine = |deg: f64| libm::sin(deg.to_radians());
        let z = self.between(sine(south), sine(north));
        (self.between(0.0, 360.0), libm::asin(z).to_degrees())
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }
}
