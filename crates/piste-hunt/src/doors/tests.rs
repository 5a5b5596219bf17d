//! Verdicts over rows of a lake.
