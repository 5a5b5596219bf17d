//! What a panic said.
//!
//! In: the payload that `catch_unwind` hands back. Out: its text, for an issue or an error.

use std::any::Any;

/// The message of a panic.
pub(crate) fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied().map(str::to_owned);
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
