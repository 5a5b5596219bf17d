//! The end-to-end tests: the built binary on evidence that the tests make, or that lies beside the project.
//!
//! In: files in a scratch folder. Out: what the binary wrote, printed and answered. One test binary, one module a promise.

#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "this is a test: it fails where that fails, and says why it skips"
)]

mod bad_input;
mod case_faults;
mod clients;
mod correlations;
mod custody;
mod doors;
mod doors_more;
mod duties;
mod edges;
mod events;
mod exports;
mod exposure;
mod fresh;
mod hosts;
mod hunt;
mod intake;
mod killed;
mod lake_readers;
mod limits;
mod looking;
mod outputs;
mod printing;
mod profiles;
mod real_data;
mod resume;
mod rules;
mod same;
mod schema_check;
mod scratch;
mod sightings;
mod silence;
mod texts;
mod tidy;
mod trail;
mod triage;
mod unread;
mod user;
mod verify;
mod vouched;
mod web_files;
mod yara;
