//! What rows mean together: what could have been seen.
//!
//! In: the lake, and what the case knows of its hosts and files. Out: judgements, each with the rows that it rests on. The engine
//! that matches rules knows nothing of them.

#![deny(clippy::indexing_slicing)]

pub mod visibility;
