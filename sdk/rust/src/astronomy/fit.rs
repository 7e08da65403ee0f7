//! Straight lines through light curves.
//!
//! What comes in: points with errors. What goes out: slope and intercept with their errors, and
//! chi-squared. Never: a line through fewer than two different x.

/// One point of a fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Where, without error; often a time \[d\].
    pub x: f64,
    /// What was measured there.
    pub y: f64,
    /// The 1-sigma error of `y`, above 0.
    pub error: f64,
}

/// y = intercept + slope x.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Change of y per x.
    pub slope: f64,
    /// y at x = 0.
    pub intercept: f64,
    /// 1-sigma error of the slope, from the points' errors.
    pub slope_error: f64,
    /// 1-sigma error of the intercept, from the points' errors.
    pub intercept_error: f64,
    /// Sum of the squared residuals in units of their errors.
    pub chi_squared: f64,
    /// Number of points; the fit has two degrees of freedom fewer.
    pub points: usize,
}

/// The line of least chi-squared, each point weighted with 1 / error^2 (Bevington & Robinson, Data
/// Reduction and Error Analysis, 3rd ed., 6.12 and 6.23; about the weighted mean of x, so that
/// Julian dates lose no digits).
///
/// Points that are not finite, or whose error is not above zero, are left out. None where fewer
/// than two different x remain. The points are walked three times, not stored.
///
/// ```
/// # use skysieve_sdk::astronomy::fit::{Point, weighted_line};
/// let magnitudes = [(0.0, 19.0), (2.0, 18.6), (4.0, 18.2)];
/// let points = magnitudes.map(|(x, y)| Point { x, y, error: 0.1 });
/// let line = weighted_line(points).unwrap();
/// assert!((line.slope + 0.2).abs() < 1e-12);
/// ```
pub fn weighted_line<P>(points: P) -> Option<Line>
where
    P: IntoIterator<Item = Point>,
    P::IntoIter: Clone,
{
    let points = points.into_iter().filter(Point::counts);
    let (mut count, mut weights, mut sum_x, mut sum_y) = (0, 0.0, 0.0, 0.0);
    for point in points.clone() {
        let weight = point.weight();
        count += 1;
        weights += weight;
        sum_x += weight * point.x;
        sum_y += weight * point.y;
    }
    let (mean_x, mean_y) = (sum_x / weights, sum_y / weights);
    let (mut spread, mut product) = (0.0, 0.0);
    for point in points.clone() {
        let from_mean = point.x - mean_x;
        spread += point.weight() * from_mean * from_mean;
        product += point.weight() * from_mean * (point.y - mean_y);
    }
    // Not above zero: no points (NaN), one x, or all the same.
    if !(spread > 0.0 && spread.is_finite()) {
        return None;
    }
    let slope = product / spread;
    let chi_squared = points
        .map(|point| (point.y - mean_y - slope * (point.x - mean_x)) / point.error)
        .fold(0.0, |sum, residual| sum + residual * residual);
    Some(Line {
        slope,
        intercept: mean_y - slope * mean_x,
        slope_error: (1.0 / spread).sqrt(),
        intercept_error: (1.0 / weights + mean_x * mean_x / spread).sqrt(),
        chi_squared,
        points: count,
    })
}

impl Line {
    /// y of the line at `x`.
    pub fn at(&self, x: f64) -> f64 {
        self.intercept + self.slope * x
    }

    /// Chi-squared per degree of freedom; none for two points.
    pub fn reduced_chi_squared(&self) -> Option<f64> {
        (self.points > 2).then(|| self.chi_squared / (self.points - 2) as f64)
    }
}

impl Point {
    fn counts(&self) -> bool {
        self.x.is_finite() && self.y.is_finite() && self.error.is_finite() && self.error > 0.0
    }

    fn weight(&self) -> f64 {
        1.0 / (self.error * self.error)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn near(value: f64, published: f64, relative: f64) {
        assert!(
            (value / published - 1.0).abs() < relative,
            "{value} is not {published}"
        );
    }

    /// Bevington & Robinson, example 6.1: potential difference [V] along a wire [cm].
    #[test]
    fn the_textbook_line_is_found() {
        let volts = [0.37, 0.58, 0.83, 1.15, 1.36, 1.62, 1.90, 2.18, 2.45];
        let points = volts.into_iter().zip(1..);
        let points = points.map(|(y, n)| Point {
            x: 10.0 * f64::from(n),
            y,
            error: 0.05,
        });
        let line = weighted_line(points).unwrap();
        near(line.slope, 0.0262, 1e-3);
        near(line.intercept, 0.0714, 1e-3);
        near(line.chi_squared, 1.95, 1e-3);
        near(line.slope_error, 0.000_645_5, 1e-3);
        near(line.intercept_error, 0.036_3, 1e-3);
    }

    /// NIST StRD, linear regression, "Norris": certified to 15 digits for equal weights.
    const NORRIS: [(f64, f64); 36] = [
        (0.2, 0.1),
        (337.4, 338.8),
        (118.2, 118.1),
        (884.6, 888.0),
        (10.1, 9.2),
        (226.5, 228.1),
        (666.3, 668.5),
        (996.3, 998.5),
        (448.6, 449.1),
        (777.0, 778.9),
        (558.2, 559.2),
        (0.4, 0.3),
        (0.6, 0.1),
        (775.5, 778.1),
        (666.9, 668.8),
        (338.0, 339.3),
        (447.5, 448.9),
        (11.6, 10.8),
        (556.0, 557.7),
        (228.1, 228.3),
        (995.8, 998.0),
        (887.6, 888.8),
        (120.2, 119.6),
        (0.3, 0.3),
        (0.3, 0.6),
        (556.8, 557.6),
        (339.1, 339.3),
        (887.2, 888.0),
        (999.0, 998.5),
        (779.0, 778.9),
        (11.1, 10.2),
        (118.3, 117.6),
        (229.2, 228.9),
        (669.1, 668.4),
        (448.9, 449.2),
        (0.5, 0.2),
    ];
    const RESIDUAL: f64 = 0.884_796_396_144_373;

    #[test]
    fn certified_values_are_reached() {
        let line = weighted_line(NORRIS.map(|(x, y)| Point {
            x,
            y,
            error: RESIDUAL,
        }))
        .unwrap();
        near(line.intercept, -0.262_323_073_774_029, 1e-11);
        near(line.slope, 1.002_116_818_020_45, 1e-13);
        near(line.intercept_error, 0.232_818_234_301_152, 1e-12);
        near(line.slope_error, 0.429_796_848_199_937e-3, 1e-12);
        near(line.reduced_chi_squared().unwrap(), 1.0, 1e-12);
    }

    #[test]
    fn julian_dates_lose_no_digits() {
        let points = (0..5).map(f64::from).map(|n| Point {
            x: 2_460_000.5 + n,
            y: 0.25 * n,
            error: 0.1,
        });
        let line = weighted_line(points).unwrap();
        near(line.slope, 0.25, 1e-12);
    }

    #[test]
    fn weights_count_and_bad_points_do_not() {
        let point = |x, y, error| Point { x, y, error };
        let bad = [
            point(1.0, f64::NAN, 1.0),
            point(1.0, 9.0, 0.0),
            point(1.0, 9.0, f64::INFINITY),
        ];
        let good = [
            point(0.0, 0.0, 1.0),
            point(2.0, 2.0, 1.0),
            point(1.0, 5.0, 1e6),
        ];
        let line = weighted_line(good.into_iter().chain(bad)).unwrap();
        assert_eq!(line.points, 3);
        near(line.slope, 1.0, 1e-9);
    }

    #[test]
    fn there_is_no_line_through_one_place() {
        let point = Point {
            x: 3.0,
            y: 1.0,
            error: 0.1,
        };
        assert_eq!(weighted_line([]), None);
        assert_eq!(weighted_line([point]), None);
        assert_eq!(weighted_line([point, point]), None);
    }
}
