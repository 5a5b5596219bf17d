//! A sum without rounding: what is added and later taken away leaves no trace.
//!
//! In: finite numbers, added and removed in any order. Out: their sum, rounded once. A running `f64` would drift over a
//! window of millions of values and depend on their order; this is an integer of 2,240 bits, wide enough for any.

/// Limbs of 32 bits: 2,098 for the range of `f64`, the rest for carries.
const LIMBS: usize = 70;
/// Changes after which carries are spread; each changes a limb by less than 2^32.
const CHANGES_MAX: u32 = 1 << 29;
/// Weight of the lowest bit: 2 to the power of this.
const LOWEST: i32 = -1_074;
const MASK: i64 = 0xffff_ffff;

/// The sum.
#[derive(Debug, Clone)]
pub(super) struct ExactSum {
    limbs: [i64; LIMBS],
    changes: u32,
}

impl ExactSum {
    pub(super) fn new() -> Self {
        Self { limbs: [0; LIMBS], changes: 0 }
    }

    pub(super) fn add(&mut self, value: f64) {
        self.change(value, 1);
    }

    pub(super) fn remove(&mut self, value: f64) {
        self.change(value, -1);
    }

    fn change(&mut self, value: f64, sign: i64) {
        let bits = value.to_bits();
        let exponent = usize::try_from((bits >> 52) & 0x7ff).unwrap_or(0);
        let fraction = bits & ((1 << 52) - 1);
        // Subnormal numbers have no hidden bit and the exponent of the smallest normal ones.
        let (mantissa, shift) =
            if exponent == 0 { (fraction, 0) } else { (fraction | (1 << 52), exponent - 1) };
        let sign = if value.is_sign_negative() { -sign } else { sign };
        let mut wide = u128::from(mantissa) << (shift % 32);
        for limb in self.limbs.iter_mut().skip(shift / 32).take(3) {
            *limb += sign * i64::try_from(wide & 0xffff_ffff).unwrap_or(0);
            wide >>= 32;
        }
        self.changes += 1;
        if self.changes >= CHANGES_MAX {
            self.spread();
        }
    }

    /// Spreads carries: all limbs but the highest are then 0 to 2^32 - 1, and the highest has the sign.
    fn spread(&mut self) {
        let mut carry = 0;
        let last = LIMBS - 1;
        for (at, limb) in self.limbs.iter_mut().enumerate() {
            let value = *limb + carry;
            if at == last {
                *limb = value;
            } else {
                *limb = value & MASK;
                carry = value >> 32;
            }
        }
        self.changes = 0;
    }

    /// The sum, rounded to the nearest number.
    #[expect(clippy::cast_precision_loss, reason = "the one rounding that is wanted")]
    pub(super) fn value(&self) -> f64 {
        let mut sum = self.clone();
        sum.spread();
        let negative = sum.limbs.last().is_some_and(|highest| *highest < 0);
        if negative {
            for limb in &mut sum.limbs {
                *limb = -*limb;
            }
            sum.spread();
        }
        let Some(highest) = sum.limbs.iter().rposition(|limb| *limb != 0) else { return 0.0 };
        let lowest = highest.saturating_sub(3);
        let mut head: u128 = 0;
        for limb in sum.limbs.iter().skip(lowest).take(4).rev() {
            head = (head << 32) | u128::try_from(*limb).unwrap_or(0);
        }
        if sum.limbs.iter().take(lowest).any(|limb| *limb != 0) {
            head |= 1; // what lies below decides a tie
        }
        let scale = i32::try_from(lowest * 32).unwrap_or(0) + LOWEST;
        let value = head as f64 * power_of_two(scale);
        if negative { -value } else { value }
    }
}

/// 2 to the power of `exponent`, at least [`LOWEST`].
fn power_of_two(exponent: i32) -> f64 {
    match exponent {
        1_024.. => f64::INFINITY,
        -1_022..=1_023 => f64::from_bits(u64::try_from(exponent + 1_023).unwrap_or(0) << 52),
        _ => f64::from_bits(1 << u32::try_from(exponent - LOWEST).unwrap_or(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sum(values: &[f64]) -> f64 {
        let mut sum = ExactSum::new();
        for value in values {
            sum.add(*value);
        }
        sum.value()
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "exactness is what is tested")]
    fn nothing_is_lost() {
        assert_eq!(sum(&[]), 0.0);
        assert_eq!(sum(&[1e308, 1.0, -1e308]), 1.0);
        assert_eq!(sum(&[0.1; 10]), 1.0);
        assert_eq!(sum(&[5e-324, 5e-324]), 1e-323);
        assert_eq!(sum(&[-3.5, 1.25]), -2.25);
        assert_eq!(sum(&[f64::MAX, f64::MAX]), f64::INFINITY);
        assert_eq!(sum(&[9_007_199_254_740_992.0, 1.0, 1.0]), 9_007_199_254_740_994.0);
    }

    proptest! {
        #[test]
        #[expect(clippy::float_cmp, reason = "exactness is what is tested")]
        fn what_is_removed_was_never_there(
            keep in proptest::collection::vec(-1e300_f64..1e300, 1..3),
            passing in proptest::collection::vec(any::<f64>().prop_filter("finite", |x| x.is_finite()), 0..40),
        ) {
            let mut exact = ExactSum::new();
            for value in passing.iter().chain(&keep) {
                exact.add(*value);
            }
            for value in passing.iter().rev() {
                exact.remove(*value);
            }
            prop_assert_eq!(exact.value(), keep.iter().sum::<f64>());
        }
    }
}
