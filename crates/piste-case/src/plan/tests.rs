//! The plan holds its rules, whatever the scope.

use proptest::prelude::*;

use super::*;

fn catalog() -> &'static ActionCatalog {
    action_catalog().expect("the catalogue is sound")
}

const KINDS: [AssetKind; 13] = [
    AssetKind::Host,
    AssetKind::CompromisedHost,
    AssetKind::DomainController,
    AssetKind::ExchangeServer,
    AssetKind::Domain,
    AssetKind::Account,
    AssetKind::Address,
    AssetKind::Door,
    AssetKind::OpenDoor,
    AssetKind::ExchangeDoor,
    AssetKind::Flaw,
    AssetKind::Persistence,
    AssetKind::Mailbox,
];

fn scope(of: &[(usize, u8)]) -> Scope {
    let mut scope = Scope::default();
    for (kind, number) in of {
        let kind = KINDS.get(*kind).copied().unwrap_or(AssetKind::Host);
        scope.add(kind, &format!("thing-{number}"), "", "F-1");
    }
    scope
}

fn made(scope: &Scope) -> Plan {
    plan(catalog(), scope, &PlanProgress::default()).expect("no circle")
}

#[test]
fn targets_are_named_with_what_brought_them_in() {
    let mut scope = Scope::default();
    scope.add(AssetKind::Account, r"MIN\svc-sql", "", "I-1");
    scope.add(AssetKind::Account, r"MIN\svc-sql", "", "D-3");
    let plan = made(&scope);
    let action = plan.actions.iter().find(|action| action.action == "EV-04").expect("it is in the plan");
    assert_eq!(
        action.targets.iter().map(|target| target.name.as_str()).collect::<Vec<_>>(),
        [r"MIN\svc-sql"]
    );
    assert_eq!(action.because, ["D-3", "I-1"]);
    assert_eq!(action.state, ActionState::Planned);
    assert!(action.blocked_by.contains(&"EV-01".to_owned()), "{:?}", action.blocked_by);
    assert!(plan.actions.iter().all(|action| action.action != "EV-02"), "no address of his is known");
}

#[test]
fn techniques_that_no_action_answers_are_listed() {
    let mut scope = Scope::default();
    scope.techniques.extend(["T1003.001".to_owned(), "T9999".to_owned()]);
    assert_eq!(made(&scope).unanswered, ["T9999"]);
}

#[test]
fn the_window_begins_with_the_decision_and_ends_with_its_longest_chain() {
    let plan = made(&scope(&[(1, 1), (2, 2), (4, 3), (5, 4), (6, 5)]));
    let first = plan.window.steps.first().expect("a step");
    assert_eq!((first.action.as_str(), first.begins), ("EV-01", 0));
    let last = plan.window.steps.iter().max_by_key(|step| step.ends).expect("a step");
    assert_eq!(last.ends, plan.window.minutes);
    assert!(last.critical && first.critical, "{:?}", plan.window);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn no_rule_of_order_is_broken(of in proptest::collection::vec((0_usize..13, 0_u8..6), 0..24)) {
        let plan = made(&scope(&of));
        let at = |id: &str| plan.actions.iter().position(|action| action.action == id);
        for (number, action) in plan.actions.iter().enumerate() {
            prop_assert!(!action.targets.is_empty(), "{} has no target", action.action);
            for wait in &action.waits {
                let before = at(&wait.action);
                prop_assert!(before.is_some_and(|before| before < number), "{} before {}", wait.action, action.action);
            }
            if action.overt {
                prop_assert!(at("EV-01").is_some_and(|go| go < number), "{} tips him off", action.action);
            }
        }
        if let (Some(one), Some(two)) = (at("EV-06"), at("EV-07")) {
            prop_assert!(one < two, "krbtgt twice, in order");
        }
    }

    #[test]
    fn what_is_added_leaves_other_actions_as_they_are(of in proptest::collection::vec((0_usize..13, 0_u8..6), 0..16)) {
        let before = made(&scope(&of));
        let mut more = scope(&of);
        more.add(AssetKind::Mailbox, "somebody@min.example", "", "D-9");
        let after = made(&more);
        for action in &before.actions {
            let same = after.actions.iter().find(|one| one.id == action.id);
            let targets = same.map(|one| one.targets.len());
            let of_mail = matches!(action.action.as_str(), "ER-03" | "RE-04");
            prop_assert!(of_mail || targets == Some(action.targets.len()), "{}", action.action);
        }
    }
}
