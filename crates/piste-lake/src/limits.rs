//! What one given file may make of itself, with all that lies inside it.
//!
//! In: limits and the size of a file. Out: one budget, which every archive inside draws on: members, the bytes of their
//! names, the bytes that they unpack to. A few kilobytes of nested archives can name a million members; the budget grows
//! with the size on disk, so that what is honest is never met by it.

/// What a given file may make of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Containers within containers that are opened.
    pub depth_max: usize,
    /// Members that are read at most, those of archives within counted in.
    pub members_max: usize,
    /// Members that any file may have, however small: beside these, one for every [`Limits::bytes_a_member`] on disk.
    pub members_free: usize,
    /// A member takes at least 76 bytes and its name twice; packed in an archive around it, about as much.
    pub bytes_a_member: u64,
    /// Bytes that the locators of its members may take: this, and [`Limits::names_factor`] times its size.
    pub names_bytes_free: u64,
    /// See [`Limits::names_bytes_free`].
    pub names_factor: u64,
    /// Bytes that it may inflate to: this, and `inflation_max` times its size.
    pub inflated_bytes_free: u64,
    /// Deflate's own limit is 1,032; logs with empty space reach some hundreds.
    pub inflation_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth_max: 8,
            members_max: 1_000_000,
            members_free: 20_000,
            bytes_a_member: 100,
            names_bytes_free: 16 << 20,
            names_factor: 4,
            inflated_bytes_free: 1 << 30,
            inflation_max: 500,
        }
    }
}

/// The most bytes of names that any file may have.
pub const NAMES_BYTES_MAX: u64 = 512 << 20;

/// What a given file wanted more of than it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overdrawn {
    Bytes,
    Members,
    Names,
}

/// What a given file may still make of itself.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Bytes to unpack.
    pub(crate) bytes: u64,
    pub(crate) members: usize,
    /// Bytes of locators.
    pub(crate) names: u64,
    /// Set once; from then on no member is read.
    pub(crate) overdrawn: Option<Overdrawn>,
    /// The number of members that it had.
    pub(crate) members_given: usize,
}

impl Budget {
    /// Of a file of `size` bytes on disk.
    pub(crate) fn new(limits: &Limits, size: u64) -> Self {
        let earned = usize::try_from(size / limits.bytes_a_member.max(1)).unwrap_or(usize::MAX);
        let members = limits.members_free.saturating_add(earned).min(limits.members_max);
        let names = limits.names_bytes_free.saturating_add(size.saturating_mul(limits.names_factor));
        Self {
            bytes: limits.inflated_bytes_free.saturating_add(size.saturating_mul(limits.inflation_max)),
            members,
            names: names.min(NAMES_BYTES_MAX),
            overdrawn: None,
            members_given: members,
        }
    }

    /// Pays for one member whose locator has so many bytes; false where there is not enough left, or was not before.
    pub(crate) fn pay_member(&mut self, locator_bytes: usize) -> bool {
        let names = self.names.checked_sub(locator_bytes as u64);
        match (self.overdrawn, self.members.checked_sub(1), names) {
            (Some(_), ..) => return false,
            (None, None, _) => self.overdrawn = Some(Overdrawn::Members),
            (None, _, None) => self.overdrawn = Some(Overdrawn::Names),
            (None, Some(members), Some(names)) => (self.members, self.names) = (members, names),
        }
        self.overdrawn.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_grows_with_the_size_on_disk_and_has_its_ends() {
        let limits = Limits::default();
        let small = Budget::new(&limits, 15_000);
        assert_eq!((small.members, small.names), (20_150, (16 << 20) + 60_000));
        assert_eq!(Budget::new(&limits, u64::MAX).members, 1_000_000);
        assert_eq!(Budget::new(&limits, u64::MAX).names, NAMES_BYTES_MAX);
        let mut budget = Budget { members: 2, names: 10, ..small };
        assert!(budget.pay_member(6) && !budget.pay_member(6));
        assert_eq!(budget.overdrawn, Some(Overdrawn::Names));
        let mut budget = Budget { members: 1, names: 100, overdrawn: None, ..budget };
        assert!(budget.pay_member(6) && !budget.pay_member(6));
        assert_eq!(budget.overdrawn, Some(Overdrawn::Members));
        assert!(!budget.pay_member(0), "it stays so");
    }
}
