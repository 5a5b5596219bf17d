//! Table tests of the join.
