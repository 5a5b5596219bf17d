//! Blocks of all files, parsed on every core, committed in one fixed order.
//!
//! In: items and the units still to do. Out: what `work` makes of each block, handed to `commit` in the order of (item,
//! block) whatever thread finished first. At most [`IN_FLIGHT`] blocks a thread are in memory, of files that are read whole one.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};

use piste_model::Issue;
use piste_model::guard::{self, Broken, guarded, guarded_within};
use piste_model::hash::hex;
use piste_model::sources::Sources;
use piste_parse::block::EVTX_CHUNK_BYTES;
use piste_parse::random_access::{Companion, Opened, ReadAt};
use piste_parse::readers::open;
use piste_parse::{Block, Context, Format, Parsed, Splitter, file, parse_block};
use sha2::{Digest, Sha256};

use crate::LakeError;
use crate::archive::{Opener, case_fault};
use crate::companions::Companions;
use crate::held::hold;
use crate::plan::{ReadAs, Unit};
use crate::seal::{FileTime, Item};

/// Blocks in memory for each thread.
const IN_FLIGHT: usize = 3;
/// Bytes that one of these places is for: a block of a log has about a quarter of it, the largest file three times as much.
const PLACE_BYTES: usize = file::SCANNED_BYTES_MAX / IN_FLIGHT;

/// What is told to `commit`, in order.
#[derive(Debug)]
pub enum Step<R> {
    /// One block is parsed: (item, result).
    Block(usize, R),
    /// An item cannot be read on: (item, issue).
    Failed(usize, Issue),
    /// An item's bytes are not what was sealed.
    Changed(usize, Change),
    /// What was told since the last of these is this unit.
    UnitEnd(usize),
}

/// How an item's bytes differ from what was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// What was sealed is there as it was, and more follows: a log that is still being written. Only what was sealed is read.
    Grew,
    /// Other bytes stand where it was sealed, or fewer: what was told of the item is not of what was sealed.
    Differs,
}

/// Everything that a run of the pipeline reads.
pub struct Input<'a> {
    /// All items.
    pub items: &'a [Item],
    /// All units.
    pub units: &'a [Unit],
    /// Units whose result is there already.
    pub done: &'a [bool],
    /// Items that are not read, by their index: they are not what was sealed.
    pub left_out: &'a BTreeSet<usize>,
    /// For zips inside archives.
    pub tmp: &'a Path,
    /// For encrypted members.
    pub passwords: &'a [Vec<u8>],
    /// Channels, datasets, copies.
    pub sources: &'a Sources,
    /// Worker threads.
    pub threads: usize,
    /// What working through one file may take.
    pub time: FileTime,
    /// Set to end the run between two blocks.
    pub stop: &'a AtomicBool,
    /// Told the bytes of each block once it is read.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

enum Task {
    Block(usize, ReadAs, Block),
    /// A piece of a file that is read at random.
    Piece(usize, Piece),
    Failed(usize, Issue),
    Changed(usize, Change),
    UnitEnd(usize),
    /// The case takes no more: the run ends.
    Stop(LakeError),
}

/// A piece of a file that is read at random.
struct Piece {
    file: Arc<Opened>,
    number: usize,
    /// Where it lies among the file's bytes, as far as units of work go.
    offset: u64,
    bytes: u64,
}

/// What one thread makes of what was parsed, and of the bytes where the item is looked at as a file: its first block is given then.
pub type Worker<'w, R> = Box<dyn FnMut(&Item, Option<&Block>, Parsed) -> R + 'w>;

/// Reads, parses and commits all units that are not done.
///
/// # Errors
/// As [`run_with`].
pub fn run<R: Send>(
    input: &Input<'_>,
    work: &(dyn Fn(&Item, Parsed) -> R + Sync),
    commit: &mut dyn FnMut(Step<R>) -> Result<(), LakeError>,
) -> Result<(), LakeError> {
    run_with(input, &|| Box::new(|item, _, parsed| work(item, parsed)), commit)
}

/// As [`run`], where each thread has a worker of its own, which may keep what it needs again and again, and which sees the
/// block's bytes too.
///
/// # Errors
/// What `commit` answers, [`LakeError::Stopped`], [`LakeError::Write`] where the case's `tmp` is full, or
/// [`LakeError::Panicked`] where a worker failed.
pub fn run_with<'w, R: Send>(
    input: &Input<'_>,
    worker: &(dyn Fn() -> Worker<'w, R> + Sync),
    commit: &mut dyn FnMut(Step<R>) -> Result<(), LakeError>,
) -> Result<(), LakeError> {
    let threads = input.threads.max(1);
    let (ticket_out, tickets) = mpsc::sync_channel::<()>(threads * IN_FLIGHT);
    let (task_out, tasks) = mpsc::channel::<Numbered<Task>>();
    let (step_out, steps) = mpsc::channel::<Numbered<Result<Step<R>, LakeError>>>();
    let tasks = Mutex::new(tasks);
    let spent: Vec<AtomicU32> = input.items.iter().map(|_| AtomicU32::new(0)).collect();
    let spent = Spent { time: input.time, ticks: &spent };
    std::thread::scope(|scope| {
        scope.spawn(move || produce(input, spent, &ticket_out, &task_out));
        for _ in 0..threads {
            let step_out = step_out.clone();
            let tasks = &tasks;
            scope.spawn(move || consume(input, spent, tasks, &step_out, &mut worker()));
        }
        drop(step_out);
        commit_in_order(steps, tickets, commit)
    })?;
    if input.stop.load(Ordering::Relaxed) { Err(LakeError::Stopped) } else { Ok(()) }
}

/// What the threads spent on each item so far.
#[derive(Clone, Copy)]
struct Spent<'a> {
    time: FileTime,
    ticks: &'a [AtomicU32],
}

impl Spent<'_> {
    /// Ticks that an item has left.
    fn left(self, at: usize, item: &Item) -> u32 {
        let spent = self.ticks.get(at).map_or(0, |spent| spent.load(Ordering::Relaxed));
        self.time.ticks(item.bytes).saturating_sub(spent)
    }

    fn add(self, at: usize, since: u32) {
        let more = guard::ticks().saturating_sub(since);
        if more > 0
            && let Some(spent) = self.ticks.get(at)
        {
            spent.fetch_add(more, Ordering::Relaxed);
        }
    }
}

/// What has a place in the order, and how many places in memory it takes.
struct Numbered<T> {
    number: u64,
    places: usize,
    what: T,
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the channels must close when this returns, or the threads never end"
)]
fn commit_in_order<R>(
    steps: Receiver<Numbered<Result<Step<R>, LakeError>>>,
    tickets: Receiver<()>,
    commit: &mut dyn FnMut(Step<R>) -> Result<(), LakeError>,
) -> Result<(), LakeError> {
    let mut waiting = BTreeMap::new();
    let mut next = 0;
    for Numbered { number, places, what } in steps {
        waiting.insert(number, (places, what));
        while let Some((places, step)) = waiting.remove(&next) {
            next += 1;
            for _ in 0..places {
                let _ = tickets.recv(); // its places are free again; the producer may already have ended
            }
            commit(step?)?; // on error the channels close and all threads end
        }
    }
    // A step that never came would leave what follows it out of the lake.
    if waiting.is_empty() { Ok(()) } else { Err(LakeError::Panicked(format!("step {next} is missing"))) }
}

fn consume<R>(
    input: &Input<'_>,
    spent: Spent<'_>,
    tasks: &Mutex<Receiver<Numbered<Task>>>,
    out: &Sender<Numbered<Result<Step<R>, LakeError>>>,
    work: &mut Worker<'_, R>,
) {
    loop {
        let task = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Numbered { number, places, what: task }) = task else { return };
        // Without its step the run would wait for ever.
        let step = guarded(|| step_of(input, spent, task, work)).unwrap_or_else(|broken| {
            Err(match broken {
                Broken::Stopped => LakeError::Stopped,
                other => LakeError::Panicked(other.to_string()),
            })
        });
        if out.send(Numbered { number, places, what: step }).is_err() {
            return;
        }
    }
}

fn step_of<R>(
    input: &Input<'_>,
    spent: Spent<'_>,
    task: Task,
    work: &mut Worker<'_, R>,
) -> Result<Step<R>, LakeError> {
    match task {
        Task::Stop(error) => Err(error),
        Task::UnitEnd(unit) => Ok(Step::UnitEnd(unit)),
        Task::Failed(item, issue) => Ok(Step::Failed(item, issue)),
        Task::Changed(item, change) => Ok(Step::Changed(item, change)),
        Task::Block(at, read_as, block) => work_within(input, spent, at, |item| {
            let parsed = parse_guarded(item, read_as, &block, input.sources);
            work(item, Some(&block).filter(|block| read_as == ReadAs::File && block.offset == 0), parsed)
        }),
        Task::Piece(at, piece) => {
            work_within(input, spent, at, |item| work(item, None, parse_piece(item, &piece, input.sources)))
        }
    }
}

/// Works on a part of an item within the time that the item has left.
fn work_within<R>(
    input: &Input<'_>,
    spent: Spent<'_>,
    at: usize,
    work: impl FnOnce(&Item) -> R,
) -> Result<Step<R>, LakeError> {
    let item = input.items.get(at).ok_or_else(|| LakeError::Panicked(format!("there is no item {at}")))?;
    let begun = guard::ticks();
    let worked = guarded_within(spent.left(at, item), || work(item));
    spent.add(at, begun);
    match worked {
        Ok(worked) => Ok(Step::Block(at, worked)),
        Err(Broken::OutOfTime) => {
            let issue = input.time.issue(&item.path, &Broken::OutOfTime);
            Ok(Step::Failed(at, issue.of(item.id)))
        }
        Err(Broken::Stopped) => Err(LakeError::Stopped),
        Err(Broken::Panicked(said)) => Err(LakeError::Panicked(said)),
    }
}

fn context<'a>(item: &'a Item, sources: &'a Sources) -> Context<'a> {
    Context { evidence: item.id, path: &item.path, sources, host_hint: Some(&item.computer.by_place.host) }
}

/// Parses a piece; a parser that panics costs that piece.
fn parse_piece(item: &Item, piece: &Piece, sources: &Sources) -> Parsed {
    let cx = context(item, sources);
    let mut parsed = match guarded(|| piece.file.file.parse(piece.number, &cx)) {
        Ok(parsed) => parsed,
        Err(Broken::Panicked(_)) => {
            let mut parsed = Parsed::default();
            parser_failed(&mut parsed, item, piece.offset);
            parsed
        }
        Err(ended) => guard::end(ended),
    };
    if piece.number == 0 {
        parsed.issues.extend(piece.file.issues.iter().cloned());
    }
    parsed
}

/// Parses a block; a parser that panics on one chunk costs that chunk.
fn parse_guarded(item: &Item, read_as: ReadAs, block: &Block, sources: &Sources) -> Parsed {
    let cx = context(item, sources);
    let parse = || {
        if read_as == ReadAs::File {
            file::parse(item.format, block, &cx, &item.facts())
        } else {
            parse_block(item.format, block, &cx)
        }
    };
    match guarded(parse) {
        Ok(parsed) => return parsed,
        Err(Broken::Panicked(_)) => {}
        Err(ended) => guard::end(ended),
    }
    let mut all = Parsed::default();
    for (at, bytes) in block.bytes.chunks(EVTX_CHUNK_BYTES).enumerate() {
        if item.format != Format::Evtx {
            break;
        }
        let offset = block.offset + (at * EVTX_CHUNK_BYTES) as u64;
        let one = Block { offset, bytes: bytes.to_vec(), ..block.clone() };
        match guarded(|| parse_block(item.format, &one, &cx)) {
            Ok(parsed) => {
                all.batches.extend(parsed.batches);
                all.records += parsed.records;
                all.damage.extend(parsed.damage);
                all.issues.extend(parsed.issues);
            }
            Err(Broken::Panicked(_)) => parser_failed(&mut all, item, offset),
            Err(ended) => guard::end(ended),
        }
    }
    if item.format != Format::Evtx {
        parser_failed(&mut all, item, block.offset);
    }
    all
}

fn parser_failed(parsed: &mut Parsed, item: &Item, offset: u64) {
    let slug = "parser-failed";
    parsed.damage.push(piste_model::Damage { kind: slug.to_owned(), offset, lost: None });
    parsed.issues.push(
        Issue::new(
            slug,
            item.path.clone(),
            format!("the parser for {} failed on these bytes", item.format.name()),
            "the records there are lost; how many is unknown",
            "report this as a bug, with the file if it may be shared",
        )
        .of(item.id)
        .at(offset),
    );
}

/// Numbers tasks and waits for a place before each.
struct Queue<'a> {
    tickets: &'a SyncSender<()>,
    tasks: &'a Sender<Numbered<Task>>,
    number: u64,
}

impl Queue<'_> {
    /// False when the run has ended.
    fn push(&mut self, what: Task) -> bool {
        let bytes = match &what {
            Task::Block(_, _, block) => block.bytes.len(),
            // What is open in memory is there until its last piece is done: fewer are open where they are large.
            Task::Piece(_, piece) => usize::try_from(piece.bytes).unwrap_or(usize::MAX),
            _ => 0,
        };
        // Never more than one thread has: it would wait for itself.
        let places = bytes.div_ceil(PLACE_BYTES).clamp(1, IN_FLIGHT);
        let number = self.number;
        self.number += 1;
        (0..places).all(|_| self.tickets.send(()).is_ok())
            && self.tasks.send(Numbered { number, places, what }).is_ok()
    }
}

fn produce(input: &Input<'_>, spent: Spent<'_>, tickets: &SyncSender<()>, tasks: &Sender<Numbered<Task>>) {
    let mut queue = Queue { tickets, tasks, number: 0 };
    let mut opener = Opener::new(input.tmp, input.passwords.to_vec());
    let companions = Companions::of(input.items);
    // The parts in the order of reading: an item that spans units is opened once.
    let parts: Vec<(usize, &crate::plan::Part)> = input
        .units
        .iter()
        .enumerate()
        .flat_map(|(unit, work)| work.parts.iter().map(move |part| (unit, part)))
        .collect();
    let mut groups = parts.chunk_by(|a, b| (a.1.item, a.1.read_as) == (b.1.item, b.1.read_as)).peekable();
    while let Some(group) = groups.next() {
        // The last part's unit goes on where the next item is in it too.
        let goes_on = groups.peek().and_then(|next| next.first()).map(|(unit, _)| *unit);
        let mut reading = ItemReading { input, spent, companions: &companions, group, at: 0, goes_on };
        let to_do = group.iter().any(|(unit, _)| input.done.get(*unit) == Some(&false));
        if to_do && !reading.read(&mut opener, &mut queue) {
            return;
        }
        if !reading.end_parts_before(group.len(), &mut queue) {
            return;
        }
    }
}

/// One item being read, over the units that its parts are in.
struct ItemReading<'a> {
    input: &'a Input<'a>,
    spent: Spent<'a>,
    companions: &'a Companions,
    group: &'a [(usize, &'a crate::plan::Part)],
    /// The part at hand.
    at: usize,
    /// The unit that the next item goes on in.
    goes_on: Option<usize>,
}

impl ItemReading<'_> {
    /// Sends the item's blocks to their units; false when the run has ended.
    fn read(&mut self, opener: &mut Opener, queue: &mut Queue<'_>) -> bool {
        let Some((_, first)) = self.group.first() else { return true };
        let Some(item) = self.input.items.get(first.item) else { return true };
        if self.input.left_out.contains(&first.item) {
            return self.fail(first.item, &differs(item), queue);
        }
        let (at, read_as) = (first.item, first.read_as);
        let at_random = read_as == ReadAs::Records && item.format.is_read_at_random();
        let read = if at_random {
            let begun = guard::ticks();
            let read =
                guarded_within(self.spent.left(at, item), || self.read_pieces(at, item, opener, queue));
            self.spent.add(at, begun);
            read
        } else {
            guarded_within(guard::NO_LIMIT, || self.read_blocks(at, read_as, opener, queue))
        };
        match read {
            Ok(Ok(go_on)) => go_on,
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::TimedOut => {
                let issue = self.input.time.issue(&item.path, &Broken::OutOfTime);
                self.fail(first.item, &issue.of(item.id), queue)
            }
            Ok(Err(error)) => {
                let error = match case_fault(error) {
                    Ok(error) => error,
                    Err(fault) => {
                        queue.push(Task::Stop(fault));
                        return false;
                    }
                };
                let issue = Issue::new(
                    "evidence-unreadable",
                    item.path.clone(),
                    format!("it can no longer be read: {error}"),
                    "what follows in this file is not in the lake",
                    "check the medium, then run the same command again",
                );
                self.fail(first.item, &issue.of(item.id), queue)
            }
            Err(Broken::Stopped) => {
                queue.push(Task::Stop(LakeError::Stopped));
                false
            }
            Err(broken) => {
                opener.close_all();
                let issue = self.input.time.issue(&item.path, &broken);
                self.fail(first.item, &issue.of(item.id), queue)
            }
        }
    }

    /// Opens a file that is read at random and sends its pieces.
    fn read_pieces(
        &mut self,
        at: usize,
        item: &Item,
        opener: &mut Opener,
        queue: &mut Queue<'_>,
    ) -> std::io::Result<bool> {
        let Some(content) = hold_item(item, opener)? else {
            return Ok(queue.push(Task::Changed(at, Change::Differs)));
        };
        let mut companions = Vec::new();
        let mut lacking = Vec::new();
        for beside in self.companions.beside(item) {
            let Some(other) = self.input.items.get(beside) else { continue };
            match hold_item(other, opener).map_err(case_fault) {
                Ok(Some(content)) => companions.push(Companion { path: other.path.clone(), content }),
                Ok(None) => lacking.push(not_used(item, &other.path, "it was changed after it was sealed")),
                Err(Ok(error)) => lacking.push(not_used(item, &other.path, &error.to_string())),
                Err(Err(fault)) => {
                    queue.push(Task::Stop(fault));
                    return Ok(false);
                }
            }
        }
        let cx = context(item, self.input.sources);
        let mut opened = open(item.format, content, &companions, &cx)?;
        opened.issues.extend(lacking);
        let pieces = opened.file.pieces().max(1);
        let file = Arc::new(opened);
        for number in 0..pieces {
            let offset = |number: usize| {
                let share = u128::from(item.bytes) * number as u128 / pieces as u128;
                u64::try_from(share).unwrap_or(item.bytes)
            };
            let (offset, end) = (offset(number), offset(number + 1));
            (self.input.progress)(end - offset);
            let piece = Piece { file: Arc::clone(&file), number, offset, bytes: item.bytes };
            if self.input.stop.load(Ordering::Relaxed) || !self.send(offset, Task::Piece(at, piece), queue) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn read_blocks(
        &mut self,
        at: usize,
        read_as: ReadAs,
        opener: &mut Opener,
        queue: &mut Queue<'_>,
    ) -> std::io::Result<bool> {
        let Some(item) = self.input.items.get(at) else { return Ok(true) };
        let as_file = read_as == ReadAs::File;
        let mut change = None;
        let go_on = opener.with_reader(&item.place, &mut |reader: &mut dyn Read| {
            let mut splitter =
                if as_file { Splitter::of_file(item.format) } else { Splitter::new(item.format) };
            let mut sealed = AsSealed::new(reader, item);
            while let Some(block) = splitter.next_block(&mut sealed)? {
                (self.input.progress)(block.bytes.len() as u64);
                let (offset, block) = (block.offset, Task::Block(at, read_as, block));
                if self.input.stop.load(Ordering::Relaxed) || !self.send(offset, block, queue) {
                    return Ok(false);
                }
                if self.spent.left(at, item) == 0 {
                    return Err(std::io::ErrorKind::TimedOut.into());
                }
            }
            change = sealed.change(as_file)?;
            Ok(true)
        })?;
        Ok(go_on && change.is_none_or(|change| queue.push(Task::Changed(at, change))))
    }

    /// Notes the failure in every unit that lacks rows for it, so that each is done again by the next run.
    fn fail(&mut self, item: usize, issue: &Issue, queue: &mut Queue<'_>) -> bool {
        (self.at..self.group.len())
            .all(|at| self.end_parts_before(at, queue) && queue.push(Task::Failed(item, issue.clone())))
    }

    /// Sends what begins at `offset`; the parts before the one that it starts in have ended.
    fn send(&mut self, offset: u64, task: Task, queue: &mut Queue<'_>) -> bool {
        let within = |(_, part): &(usize, &crate::plan::Part)| (part.start..part.end).contains(&offset);
        let Some(at) = self.group.iter().position(within) else { return true };
        if !self.end_parts_before(at, queue) {
            return false;
        }
        let to_do = self.group.get(at).is_some_and(|(unit, _)| self.input.done.get(*unit) == Some(&false));
        !to_do || queue.push(task)
    }

    /// Ends the units of the parts from the one at hand to `end`, save the one that goes on.
    fn end_parts_before(&mut self, end: usize, queue: &mut Queue<'_>) -> bool {
        let ended = self.group.get(self.at..end).unwrap_or_default();
        self.at = self.at.max(end);
        let mut ended = ended.iter().map(|(unit, _)| *unit);
        ended.all(|unit| {
            let to_do = self.input.done.get(unit) == Some(&false) && self.goes_on != Some(unit);
            !to_do || queue.push(Task::UnitEnd(unit))
        })
    }
}

/// The bytes of an item at random; `None` where they are not those that were sealed.
fn hold_item(item: &Item, opener: &mut Opener) -> io::Result<Option<Arc<dyn ReadAt>>> {
    let copy = opener.next_spool();
    opener.with_reader(&item.place, &mut |reader| {
        let mut sealed = AsSealed::new(reader, item);
        let held = hold(&mut sealed, item.bytes, &item.place, &copy)?;
        Ok((sealed.change(false)? != Some(Change::Differs)).then_some(held))
    })
}

fn not_used(item: &Item, companion: &str, why: &str) -> Issue {
    Issue::new(
        "companion-unreadable",
        item.path.clone(),
        format!("`{companion}` belongs to it and cannot be used: {why}"),
        "what only that file tells is missing: the latest changes of a hive, the names of roles or classes",
        "check the medium, or ask for a fresh copy of both, taken together",
    )
    .of(item.id)
}

/// Why an item is left out.
fn differs(item: &Item) -> Issue {
    Issue::new(
        "evidence-changed-while-read",
        item.path.clone(),
        "it was changed after it was sealed and before it was read: its bytes are no longer those of its SHA-256",
        "no row of it is in the lake",
        "find out what writes it, work on a copy that nobody writes, and run the same command again",
    )
    .of(item.id)
}

/// The bytes that were sealed, hashed on their way, and no byte after them.
struct AsSealed<'r, 'i> {
    reader: &'r mut dyn Read,
    item: &'i Item,
    digest: Sha256,
    /// Of the first bytes, once so many were read.
    beginning: Option<String>,
    read: u64,
}

impl<'r, 'i> AsSealed<'r, 'i> {
    fn new(reader: &'r mut dyn Read, item: &'i Item) -> Self {
        Self { reader, item, digest: Sha256::new(), beginning: None, read: 0 }
    }

    /// What became of the item since it was sealed, once it was read.
    fn change(mut self, as_file: bool) -> io::Result<Option<Change>> {
        // Of a long file that is no log only the beginning is looked at, and only that beginning need be what was sealed.
        let in_part =
            as_file && !self.item.format.is_text() && self.item.bytes_read_as(ReadAs::File) < self.item.bytes;
        if let Some(wanted) = self.item.beginning.as_ref().filter(|_| in_part) {
            return Ok((self.beginning.as_ref() != Some(wanted)).then_some(Change::Differs));
        }
        io::copy(&mut self, &mut io::sink())?; // what a parser has no use for
        if hex(&self.digest.clone().finalize()) != self.item.sha256 {
            return Ok(Some(Change::Differs));
        }
        let more = self.reader.take(1).read_to_end(&mut Vec::new())? > 0;
        Ok(more.then_some(Change::Grew))
    }

    fn see(&mut self, bytes: &[u8]) {
        let before = (file::SCANNED_BYTES_MAX as u64).saturating_sub(self.read);
        let before = usize::try_from(before).unwrap_or(usize::MAX);
        self.read += bytes.len() as u64;
        if before == 0 || before > bytes.len() {
            return self.digest.update(bytes);
        }
        let (first, rest) = bytes.split_at(before);
        self.digest.update(first);
        self.beginning = Some(hex(&self.digest.clone().finalize()));
        self.digest.update(rest);
    }
}

impl Read for AsSealed<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.item.bytes.saturating_sub(self.read)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let read = self.reader.read(buffer.get_mut(..wanted).unwrap_or_default())?;
        self.see(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}
