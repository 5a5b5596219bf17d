//! What findings, doors and rows mean together.
//!
//! In: what rules matched, the ways in, measured clocks, and the rows of the lake. Out: the trail of each intrusion. Formats make
//! rows, the engine says what matches, this crate says what it means.

pub mod trail;
