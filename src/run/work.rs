//! The workers: items are admitted by their memory and handed to a pool, small ones in groups.

use super::budget::{Admitted, Budget};
use super::committer::{Committer, Message, Totals};
use super::error::RunError;
use super::event::{Event, Stop, Summary};
use super::item::{Done, Item, refused};
use super::options::Options;
use super::prepare::Prepared;
use super::task::Task;
use crate::error::{ErrorKind, ItemError};
use crate::inputs::Input;
use crate::ledger::Ledger;
use crate::memory::mib;
use crate::pipeline::{ColumnStep, Sample};
use crate::plan::Plan;
use crate::shown::Show;
use crate::store::Store;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Names of worker threads begin with this.
pub(crate) const WORKER_NAME: &str = "worker-";

/// Files up to this size are handed out in groups, before anything else is known of them.
const SMALL: u64 = 64 << 10;
/// Items in a group at most.
const GROUP: usize = 64;
/// Bytes that one item of a group may take; one that would take more is done by itself at the end.
const ROOM: u64 = 16 << 20;
/// Decoded pictures of a group that wait for their batch take about this many bytes at most.
const WAITING: usize = 8 << 20;
/// Results of a group wait no longer than this for others to share a message.
const TOGETHER: Duration = Duration::from_millis(20);

/// Processes all tasks of a run, or those until it is stopped, and records them.
pub(super) fn work(
    plan: &Plan,
    store: &Store,
    ledger: &mut Ledger,
    prepared: &Prepared,
    options: &Options<'_>,
    emit: &(dyn Fn(Event) + Sync),
    summary: &mut Summary,
) -> Result<(), RunError> {
    if prepared.tasks.is_empty() {
        Totals::none(plan).add_to(summary);
        return Ok(());
    }
    let threads = plan.limits.threads;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(16 << 20)
        .thread_name(|i| format!("{WORKER_NAME}{i}"))
        .build()
        .map_err(|e| RunError::Threads(e.to_string()))?;
    let budget = Budget::new(plan.item_budget(threads));
    let (halt, failures) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (send, receive) = mpsc::sync_channel(threads * 4);
    let workers = Workers {
        plan,
        store,
        prepared,
        options,
        emit,
        budget: &budget,
        // Asked for here since preparing the first batch is nothing for a worker.
        batched: if prepared.tasks.len() > threads { plan.batched().collect() } else { Vec::new() },
        // A shard has as many as the whole job: how failures fall to shards is chance.
        allowed: plan.limits.max_failures.allowed(prepared.inputs.len(), 1),
        failures: &failures,
        halt: &halt,
        large: Mutex::default(),
    };
    std::thread::scope(|scope| -> Result<(), RunError> {
        let committer = Committer::new(plan, (store, ledger), emit, (&halt, &failures), options);
        let recording = std::thread::Builder::new()
            .name("committer".into())
            .spawn_scoped(scope, move || committer.run(&receive))
            .map_err(|e| RunError::Threads(e.to_string()))?;
        let all = prepared.tasks.iter().collect();
        summary.stop = pool.in_place_scope(|pool| workers.dispatch(all, true, &send, pool));
        let large = std::mem::take(&mut *workers.large.lock().unwrap_or_else(PoisonError::into_inner));
        if summary.stop.is_none() && !large.is_empty() {
            summary.stop = pool.in_place_scope(|pool| workers.dispatch(large, false, &send, pool));
        }
        drop(send);
        let (totals, result) = recording.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        totals.add_to(summary);
        result
    })?;
    // The last items may pass the limit, or the signal come, after the last admission.
    summary.stop = summary.stop.or_else(|| workers.why_stop());
    Ok(())
}

struct Workers<'a> {
    plan: &'a Plan,
    store: &'a Store,
    prepared: &'a Prepared,
    options: &'a Options<'a>,
    emit: &'a (dyn Fn(Event) + Sync),
    budget: &'a Budget,
    /// Links of the chain that take several samples at once.
    batched: Vec<(usize, &'a dyn ColumnStep)>,
    /// Failures tolerated.
    allowed: usize,
    failures: &'a AtomicUsize,
    halt: &'a AtomicBool,
    /// Tasks of groups that turned out to need more memory than the group has.
    large: Mutex<Vec<&'a Task>>,
}

impl<'a> Workers<'a> {
    fn why_stop(&self) -> Option<Stop> {
        if self.options.stop.load(Ordering::SeqCst) {
            Some(Stop::Interrupted)
        } else if self.failures.load(Ordering::SeqCst) > self.allowed {
            Some(Stop::TooManyFailures)
        } else {
            self.halt.load(Ordering::SeqCst).then_some(Stop::StorageFailed)
        }
    }

    /// Hands `tasks` to the pool as memory allows; tells why it stopped early.
    fn dispatch<'s>(
        &'s self,
        tasks: Vec<&'a Task>,
        grouping: bool,
        send: &'s SyncSender<Vec<Message>>,
        pool: &rayon::Scope<'s>,
    ) -> Option<Stop> {
        // Turning pictures upright copies them.
        let share = ROOM + 2 * WAITING as u64;
        let threads = self.plan.limits.threads;
        let groups = grouping && share * threads as u64 <= self.budget.total();
        let mut group = Vec::new();
        let mut left = tasks.len();
        for task in tasks {
            let input = self.input(task);
            let flow = if groups && input.identity.as_ref().is_ok_and(|i| i.size <= SMALL) {
                group.push(task);
                // Ever smaller towards the end, so that all workers finish together.
                if group.len() < (left / (threads * 4)).clamp(1, GROUP) {
                    continue;
                }
                left -= group.len();
                self.spawn_group(std::mem::take(&mut group), share, send, pool)
            } else {
                left -= 1;
                self.spawn_single(task, send, pool)
            };
            if flow.is_break() {
                break;
            }
        }
        let mut stop = self.why_stop();
        if stop.is_none() && !group.is_empty() && self.spawn_group(group, share, send, pool).is_break() {
            stop = self.why_stop();
        }
        if let Some(why) = stop {
            (self.emit)(Event::Stopping { why });
        }
        stop
    }

    fn spawn_single<'s>(
        &'s self,
        task: &'a Task,
        send: &'s SyncSender<Vec<Message>>,
        pool: &rayon::Scope<'s>,
    ) -> ControlFlow<()> {
        let need = self.plan.estimate(self.input(task));
        // One that is too large is only refused, which takes nothing.
        let share = if need > self.budget.total() { 0 } else { need };
        let Some(admitted) = self.admit(share, self.plan.limits.threads) else {
            return ControlFlow::Break(());
        };
        pool.spawn(move |_| {
            // Also when this panics, so that the dispatcher never waits for ever.
            let _held = admitted;
            let mut messages = Vec::new();
            self.chunk(&mut [task].into_iter(), Some(need), &mut messages);
            self.send(messages, send);
        });
        ControlFlow::Continue(())
    }

    fn spawn_group<'s>(
        &'s self,
        group: Vec<&'a Task>,
        share: u64,
        send: &'s SyncSender<Vec<Message>>,
        pool: &rayon::Scope<'s>,
    ) -> ControlFlow<()> {
        // Some wait in the pool, so that no worker has to wait for the dispatcher.
        let Some(admitted) = self.admit(share, self.plan.limits.threads * 2) else {
            return ControlFlow::Break(());
        };
        pool.spawn(move |_| {
            let _held = admitted;
            let mut tasks = group.into_iter();
            let (mut messages, mut sent) = (Vec::new(), Instant::now());
            while tasks.len() > 0 && self.why_stop().is_none() {
                self.chunk(&mut tasks, None, &mut messages);
                if sent.elapsed() > TOGETHER {
                    self.send(std::mem::take(&mut messages), send);
                    sent = Instant::now();
                }
            }
            self.send(messages, send);
        });
        ControlFlow::Continue(())
    }

    fn admit(&self, bytes: u64, most: usize) -> Option<Admitted<'a>> {
        self.budget.admit(bytes, most, &|| self.why_stop().is_some())
    }

    fn input(&self, task: &Task) -> &'a Input {
        &self.prepared.inputs[task.input]
    }

    fn send(&self, messages: Vec<Message>, send: &SyncSender<Vec<Message>>) {
        // The committer hangs up only after a storage failure of its own.
        if !messages.is_empty() && send.send(messages).is_err() {
            self.halt.store(true, Ordering::SeqCst);
        }
    }

    /// Processes as many of `tasks` as a batch has, and adds the results. `need` is what a single item was
    /// estimated to take.
    fn chunk(
        &self,
        tasks: &mut dyn Iterator<Item = &'a Task>,
        need: Option<u64>,
        messages: &mut Vec<Message>,
    ) {
        let most = self.batched.iter().map(|(_, step)| step.batch()).max().unwrap_or(1);
        let (mut taken, mut items, mut held) = (Vec::new(), Vec::new(), 0);
        while items.len() < most && held < WAITING {
            let Some(task) = tasks.next() else { break };
            let input = self.input(task);
            (self.emit)(Event::Started { path: input.relative.clone() });
            let room = if need.is_some() { None } else { Some(ROOM) };
            let (refusal, edited) = (self.refusal(task, need), self.options.replace_edited);
            let item = Item::open(self.plan, self.store, input, task, refusal, room, edited);
            held += item.held();
            taken.push(task);
            items.push(item);
        }
        for (index, step) in &self.batched {
            items.iter_mut().for_each(|item| item.advance(*index));
            take_together(*index, *step, &mut items);
        }
        for (task, item) in taken.into_iter().zip(items) {
            let done = match item.finish() {
                Ok(Done::Large) => {
                    self.large.lock().unwrap_or_else(PoisonError::into_inner).push(task);
                    continue;
                }
                Ok(Done::Processed(processed)) => {
                    if processed.failed() && !processed.failed_again() {
                        self.failures.fetch_add(1, Ordering::SeqCst);
                    }
                    Ok(processed)
                }
                Err(error) => {
                    self.halt.store(true, Ordering::SeqCst);
                    Err(error)
                }
            };
            messages.push(Message { path: self.input(task).relative.clone(), done });
        }
    }

    /// Why a readable input is not even tried.
    fn refusal(&self, task: &Task, need: Option<u64>) -> Option<ItemError> {
        let input = self.input(task);
        let free = self.budget.total();
        if input.identity.is_err() {
            None
        } else if let Some(message) = &task.clash {
            Some(ItemError::new(ErrorKind::Collision, message.clone()))
        } else if let Some(refusal) = task.misplaced(&self.plan.output) {
            Some(refused(&refusal))
        } else if let Some(need) = need.filter(|need| *need > free) {
            let message = format!(
                "{} needs about {} MiB and {} MiB are free for items; raise limits.memory",
                input.key().shown(),
                mib(need),
                mib(free)
            );
            Some(ItemError::new(ErrorKind::OverMemory, message))
        } else {
            None
        }
    }
}

/// Takes those items that stand before the step at `index` through it together. When that fails as a whole,
/// they are left where they are, and each goes on by itself.
fn take_together(index: usize, step: &dyn ColumnStep, items: &mut [Item<'_>]) {
    let waiting: Vec<usize> = (0..items.len()).filter(|i| items[*i].waiting(index).is_some()).collect();
    if waiting.len() < 2 {
        return;
    }
    let start = Instant::now();
    let samples: Vec<&Sample> = waiting.iter().filter_map(|i| items[*i].waiting(index)).collect();
    let Ok(rows) = catch_unwind(AssertUnwindSafe(|| step.values_of(&samples))) else { return };
    if rows.len() != waiting.len() {
        return;
    }
    let took = start.elapsed() / waiting.len() as u32;
    for (i, row) in waiting.into_iter().zip(rows) {
        items[i].take(index, row, took);
    }
}

#[cfg(test)]
mod tests;
