//! Makes the trail of a case that was investigated, from what it wrote.
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use piste_judge::trail::{Inputs, RowAt, Rule, Witness, trail};
use piste_lake::Lake;
use piste_model::{Clock, Coverage, Detection, Door, Evidence, Finding};

fn lines<T: serde::de::DeserializeOwned>(path: &Path) -> Vec<T> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn main() {
    for case in std::env::args().skip(1) {
        let case = Path::new(&case);
        let out = case.join("out");
        let detections: Vec<Detection> = lines(&out.join("detections.jsonl"));
        let findings: Vec<Finding> = lines(&out.join("findings.jsonl"));
        let evidence: Vec<Evidence> = lines(&out.join("evidence.jsonl"));
        let read = |name: &str| -> serde_json::Value {
            serde_json::from_str(&std::fs::read_to_string(out.join(name)).unwrap()).unwrap()
        };
        let doors: Vec<Door> = serde_json::from_value(read("doors.json")["doors"].clone()).unwrap();
        let clocks: Vec<Clock> = serde_json::from_value(read("clocks.json")["clocks"].clone()).unwrap();
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for host in read("summary.json")["hosts"].as_array().unwrap() {
            let host = host.as_str().unwrap();
            names.insert(host.to_lowercase(), host.to_owned());
            names.insert(host.split('.').next().unwrap().to_lowercase(), host.to_owned());
        }
        let witnesses: Vec<Witness> = detections
            .iter()
            .filter(|one| one.level >= piste_model::Level::Medium)
            .map(|one| {
                let rule = Rule {
                    id: one.rule_id.clone(),
                    title: one.rule_title.clone(),
                    level: one.level,
                    attack: one.attack.clone(),
                };
                Witness::new(
                    Arc::new(rule),
                    one.dataset.as_str().into(),
                    one.event_code,
                    RowAt { evidence: one.evidence_id, record: one.record, offset: one.offset },
                )
                .by(one.acting_process.as_deref())
            })
            .collect();
        let paths: BTreeMap<u32, String> = evidence.iter().map(|one| (one.id.0, one.path.clone())).collect();
        let lake = Lake::at(case);
        let coverage: Vec<Coverage> = Vec::new();
        let inputs = Inputs {
            lake: &lake,
            witnesses: &witnesses,
            findings: &findings,
            doors: &doors,
            clocks: &clocks,
            coverage: &coverage,
            host: &|name| names.get(&name.to_lowercase()).cloned().unwrap_or_else(|| name.to_owned()),
            file: &|id| paths.get(&id.0).cloned().unwrap_or_default(),
        };
        let start = std::time::Instant::now();
        let made = trail(&inputs).unwrap();
        std::fs::write(out.join("trail.json"), serde_json::to_string_pretty(&made).unwrap()).unwrap();
        println!("## {} {:?}", case.display(), start.elapsed());
        for one in &made.intrusions {
            println!(
                "== {} {} {:?} {:?} {:?}",
                one.id, one.first_trace.no_later_than, one.hosts, one.accounts, one.addresses
            );
            for step in &one.steps {
                println!(
                    "   {} {} {} {} {} | {} rows, {}",
                    step.id,
                    step.time.from,
                    step.host,
                    step.technique,
                    step.text.chars().take(140).collect::<String>().replace('\n', " "),
                    step.rows.len(),
                    step.edges
                        .iter()
                        .map(|edge| format!(
                            "{} {} {}",
                            edge.to,
                            edge.class,
                            edge.reason.chars().take(70).collect::<String>()
                        ))
                        .take(3)
                        .collect::<Vec<_>>()
                        .join(" / ")
                );
            }
            for apart in &one.separate_from {
                println!("   apart {:?} {} because {}", apart.intrusion, apart.what, apart.because);
            }
        }
        for lead in &made.leads {
            println!(
                "-- lead {} {:?} {} | {}",
                lead.first,
                lead.hosts,
                lead.text.chars().take(100).collect::<String>(),
                lead.because.chars().take(120).collect::<String>()
            );
        }
        println!("{:?} {:?}", made.scope.not_examined, made.stopped);
    }
}
