//! Piste's own YARA rules, embedded.
//!
//! In: the files under `rules/yara/`. Out: their names and texts; a test compares this list with the folder.

/// Path of the built-in set, as summaries show it.
pub const YARA_BUILT_IN_PATH: &str = "built-in/yara";

/// Name under `rules/yara/` and text, sorted by name.
pub const YARA_BUILT_IN: &[(&str, &str)] = &[
    ("iis_implants.yar", include_str!("../../../../rules/yara/iis_implants.yar")),
    ("tools.yar", include_str!("../../../../rules/yara/tools.yar")),
    ("webshell_asp.yar", include_str!("../../../../rules/yara/webshell_asp.yar")),
    ("webshell_other.yar", include_str!("../../../../rules/yara/webshell_other.yar")),
];
