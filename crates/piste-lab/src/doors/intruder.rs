//! The intruder: he comes in or fails, and perhaps comes back later.
//!
//! In: the plan. Out: what it left, step by step, with the doors that it shows. How each flaw looks stands in `exchange_flaws.rs`
//! and `passwords.rs`; here is what they share: the doors' verdicts, the web shell, commands below IIS's worker.

use piste_model::DoorVerdict;

use super::story::Flaw;
use super::strangers::{self, place_of};
use super::wire::Call;
use super::world::{DoorDraft, StepDraft, World};
use super::{exchange_flaws, passwords};
use crate::moment::Moment;
use crate::random::Random;
use crate::request::Request;
use crate::sysmon::{self, Process, Runner};

/// The browser of a web shell's user.
pub(super) const BROWSER: &str = "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/78.0.3904.108 Safari/537.36";
const COMMAND: &str = r"C:\Windows\System32\cmd.exe";
const COMMANDS: [&str; 6] =
    ["whoami", "ipconfig /all", "net user /domain", "nltest /dclist:", "tasklist /svc", "quser"];

/// Tells all that he does.
pub(super) fn tell(world: &mut World<'_>) {
    let Some(at) = world.plan.attack else { return };
    let mut random = world.random(&["intruder"]);
    match world.story.flaw {
        Flaw::RemoteDesktop | Flaw::Password | Flaw::Vpn => passwords::tell(world, &mut random, at),
        _ => exploit(world, &mut random, at),
    }
    world.end();
}

/// Verdict of what was opened, and what may be said as well.
pub(super) fn verdict(world: &World<'_>) -> (DoorVerdict, Vec<DoorVerdict>) {
    match (world.plan.succeeds, world.plan.uses.is_empty()) {
        (false, _) => (DoorVerdict::Failed, Vec::new()),
        (true, false) => (DoorVerdict::Used, Vec::new()),
        // What he does to put the shell there may itself be called a use.
        (true, true) => (DoorVerdict::Succeeded, vec![DoorVerdict::Used]),
    }
}

fn exploit(world: &mut World<'_>, random: &mut Random, at: Moment) {
    let flaw = world.story.flaw;
    let (said, also) = verdict(world);
    let mut draft = DoorDraft::new("exploit", world.mx(), place_of(flaw), said);
    draft.cve.clone_from(&world.story.cve);
    draft.also = also;
    draft.sources.push(world.plan.source.clone());
    if flaw_needs_account(flaw) {
        draft.accounts.push(victim(world));
    }
    draft.opened = world.plan.succeeds.then_some(at);
    let door = world.door(draft);
    world.used(door, at);
    let text = format!(
        "Tries {} {}",
        world.story.cve.join(", "),
        if world.plan.succeeds { "and comes in" } else { "in vain" }
    );
    world.begin(step(vec![door], at, ("initial-access", "T1190"), text));
    let source = world.plan.source.clone();
    let written = match flaw {
        Flaw::ProxyLogon => exchange_flaws::proxylogon(world, random, at, &source, door),
        Flaw::ProxyShell => exchange_flaws::proxyshell(world, random, at, &source, door),
        Flaw::ProxyNotShell | Flaw::Owassrf => {
            exchange_flaws::behind_a_user(world, random, at, &source, door)
        }
        _ => exchange_flaws::viewstate(world, random, at, &source, door),
    };
    decoy(world, random, at);
    let Some(written) = written else { return };
    let shell = web_shell(world, written, door);
    if world.plan.looks_at_shell {
        world.begin(step(
            vec![shell],
            written,
            ("persistence", "T1505.003"),
            "Looks whether the shell answers".to_owned(),
        ));
        let url = world.plan.shell.url.clone();
        let request = Request::get(random, written.plus_seconds(7), &url, &source, "python-requests/2.25.1");
        world.call(&Call::front(request));
        if !world.plan.uses.is_empty() {
            world.used(shell, written.plus_seconds(7));
        }
    }
    for visit in world.plan.uses.clone() {
        world.used(door, visit);
        world.used(shell, visit);
        world.begin(step(
            vec![shell],
            visit,
            ("execution", "T1505.003"),
            "Runs commands through the web shell".to_owned(),
        ));
        use_shell(world, random, visit);
    }
}

pub(super) fn flaw_needs_account(flaw: Flaw) -> bool {
    matches!(flaw, Flaw::ProxyNotShell | Flaw::Owassrf | Flaw::Viewstate)
}

/// The account that he has, or aims at.
pub(super) fn victim(world: &World<'_>) -> String {
    world.story.place.users.get(world.plan.victim).map_or_else(String::new, |user| user.name.clone())
}

pub(super) fn step(
    doors: Vec<usize>,
    time: Moment,
    (tactic, technique): (&'static str, &'static str),
    text: String,
) -> StepDraft {
    StepDraft { doors, time, tactic, technique, account: None, text, noise: false }
}

/// The shell as a door of its own.
fn web_shell(world: &mut World<'_>, written: Moment, exploit: usize) -> usize {
    let used = !world.plan.uses.is_empty();
    let said = if used { DoorVerdict::Used } else { DoorVerdict::Succeeded };
    let mut draft = DoorDraft::new("webshell", world.mx(), &world.plan.shell.file, said);
    draft.opened = Some(written);
    draft.sources.push(world.plan.source.clone());
    if !used && world.plan.looks_at_shell {
        draft.also.push(DoorVerdict::Used); // one look may be called a use
    }
    let shell = world.door(draft);
    // The step that opened the one wrote the other.
    for step in world.steps.iter_mut().filter(|step| step.doors.contains(&exploit) && !step.noise) {
        step.doors.push(shell);
    }
    shell
}

/// A worker of IIS, or another service of Exchange, writes the page.
pub(super) fn shell_written(world: &mut World<'_>, at: Moment, writer: &Process) {
    let file = world.plan.shell.file.clone();
    world.event(sysmon::file_created(at, writer, &file));
}

/// The command processor below `parent`, and what it starts.
pub(super) fn command(
    world: &mut World<'_>,
    random: &mut Random,
    at: Moment,
    parent: &Process,
    command: &str,
) {
    let mx = world.mx();
    let line = format!("\"cmd\" /c cd /d \"C:\\inetpub\\wwwroot\"&{command}&echo [S]&cd&echo [E]");
    let shell = Process::new(random, mx, at, COMMAND, &line);
    world.event(sysmon::process_created(at, &shell, parent, &Runner::system()));
    let program = command.split(' ').next().unwrap_or(command);
    let image = format!(r"C:\Windows\System32\{program}.exe");
    let child = Process::new(random, mx, at.plus_ms(70), &image, command);
    world.event(sysmon::process_created(at.plus_ms(70), &child, &shell, &Runner::system()));
}

/// Posts to the page, each of which starts a command.
fn use_shell(world: &mut World<'_>, random: &mut Random, visit: Moment) {
    let (url, source) = (world.plan.shell.url.clone(), world.plan.later_source.clone());
    let pool = match url.split('/').nth(1) {
        Some("owa") => "MSExchangeOWAAppPool",
        Some("ecp") => "MSExchangeECPAppPool",
        _ => "DefaultAppPool",
    };
    let parent = Process::pool(world.mx(), pool);
    let mut at = visit;
    for _ in 0..random.between(3, 6) {
        let request = Request::post(random, at.plus_ms(600), &url, &source, BROWSER);
        world.call(&Call::front(Request { took_ms: 560, ..request }));
        let chosen = *random.pick(&COMMANDS);
        command(world, random, at, &parent, chosen);
        at = at.plus_ms(i64::from(random.between(4_000, 50_000)));
    }
}

/// A scanner asks for the same at the same hour from another address, and gets nowhere: whoever counts addresses errs.
fn decoy(world: &mut World<'_>, random: &mut Random, at: Moment) {
    let address = random.pick(&world.story.place.scanners).clone();
    let later = at.plus_seconds(random.between(120, 900));
    strangers::look(world, random, later, &address);
}
