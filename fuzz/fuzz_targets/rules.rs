//! Any bytes as a rule file: loaded, planned, and hunted with over a few events. Nothing may panic or be dropped silently.

#![no_main]

use libfuzzer_sys::fuzz_target;
use piste_fuzz::hunting::{batches, hits, load};
use piste_hunt::{VectorEngine, plan};

fuzz_target!(|bytes: &[u8]| {
    if bytes.len() > 20_000 {
        return;
    }
    let Some(rules) = load(bytes) else { return };
    let _ = piste_rules::could_never_match(&rules.rules);
    let (plan, not_planned) = plan::plan(&rules);
    let planned = plan.rules.iter().filter(|rule| rule.is_some()).count();
    assert!(planned + not_planned.len() >= rules.rules.len(), "a rule went without a word");
    let engine = VectorEngine::new(&rules, plan);
    let event = |image: &str| {
        vec![("Image", image.to_owned()), ("CommandLine", format!("\"{image}\" -a /b")), ("User", String::new())]
    };
    hits(&engine, &batches(&[event("C:\\a\\b.exe"), event("é"), event("-")]));
});
