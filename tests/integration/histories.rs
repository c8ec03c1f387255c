//! Histories: inputs that come, change, move and go, other settings, runs that are killed or find the disk full.
//! Whatever happened before, a run with `--prune` leaves what a first run would have made.
//!
//! `SAFELIGHT_HISTORIES=200` tries so many; `SAFELIGHT_HISTORY=17` tries that one and tells its steps.

use crate::support::{Job, Tree, archive, differences, picture, save, tree};
use safelight::image::Depth;
use safelight::random::Rng;
use std::fs;
use std::path::PathBuf;

/// Lists of steps that a history changes between; each affects the outputs in another way.
const SETTINGS: [&str; 6] = [
    "- measure: [mean]\n- write: {folder: images}\n- table: {folder: table, rows: 16}",
    "- measure: [mean, contrast]\n- write: {folder: images}\n- table: {folder: table, rows: 16, partition_by: [format]}",
    "- resize: {scale: 0.5}\n- measure: [mean]\n- write: {folder: images, format: qoi}\n- table: {folder: table, rows: 17, partition_by: [channels]}",
    "- resize: {scale: 0.5}\n- write: {folder: elsewhere}",
    "- patches: {size: 12, mode: random, max: 2}\n- corrupt: [gaussian_noise: {sigma: [5, 50]}]\n\
     - pairs: {validation: 0.3, test: 0.2}\n- table: {folder: table, rows: 16}",
    "- patches: {size: 12, mode: random, max: 2}\n- corrupt: [gaussian_noise: {sigma: [5, 50]}]\n\
     - pairs: {folder: shards, layout: webdataset, shard_size: 64KiB, validation: 0.3}",
];

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
enum Event {
    Add,
    Damage,
    Change,
    Rename,
    RenameFolder,
    Remove,
    Copy,
    Touch,
    Settings(usize),
    Run { prune: bool },
    Killed { prune: bool, at: usize },
    Full { at: usize },
}

impl Event {
    fn draw(rng: &mut Rng) -> Event {
        match rng.index(16) {
            0 | 1 => Event::Add,
            2 => Event::Damage,
            3 | 4 => Event::Change,
            5 => Event::Rename,
            6 => Event::RenameFolder,
            7 => Event::Remove,
            8 => Event::Copy,
            9 => Event::Touch,
            10 => Event::Settings(rng.index(SETTINGS.len())),
            11 | 12 => Event::Run { prune: rng.chance(0.4) },
            13 | 14 => Event::Killed { prune: rng.chance(0.4), at: 1 + rng.index(60) },
            _ => Event::Full { at: 1 + rng.index(60) },
        }
    }
}

struct History {
    job: Job,
    rng: Rng,
    /// What happened, to be told.
    told: Vec<String>,
    /// Numbers for new names and contents.
    next: u32,
    /// Runs that a kill or a full disk ended.
    ended: usize,
}

impl History {
    fn new(seed: u64) -> History {
        let mut rng = Rng::new(seed);
        let settings = rng.index(SETTINGS.len());
        let job = Job::new(SETTINGS[settings]);
        archive(&job.input(), 14);
        let told = vec![format!("14 inputs, settings {settings}")];
        History { job, rng, told, next: 100, ended: 0 }
    }

    fn fresh(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    /// One of the inputs, if there are any.
    fn one(&mut self) -> Option<PathBuf> {
        let all: Vec<PathBuf> = tree(&self.job.input()).into_keys().collect();
        (!all.is_empty()).then(|| self.job.input().join(&all[self.rng.index(all.len())]))
    }

    /// A path that nothing has, in a folder that may be new.
    fn free(&mut self, ending: &str) -> PathBuf {
        let (n, folder) = (self.fresh(), self.rng.index(4));
        self.job.input().join(format!("{folder}/new-{n}.{ending}"))
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Add | Event::Change => {
                let ending = ["png", "jpg", "bmp", "tif"][self.rng.index(4)];
                let path = match event {
                    Event::Add => self.free(ending),
                    _ => match self.one() {
                        Some(path) => path,
                        None => return,
                    },
                };
                let n = self.fresh();
                let size = (20 + self.rng.index(20), 20 + self.rng.index(20));
                save(&picture(size.0, size.1, 3, Depth::U8, n), &path);
            }
            Event::Damage => {
                let path = if self.rng.chance(0.5) { Some(self.free("png")) } else { self.one() };
                let Some(path) = path else { return };
                let n = self.fresh();
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, format!("no picture {n}")).unwrap();
            }
            Event::Rename | Event::Copy => {
                let Some(from) = self.one() else { return };
                let to = self.free(from.extension().unwrap().to_str().unwrap());
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                match event {
                    Event::Copy => drop(fs::copy(from, to).unwrap()),
                    _ => fs::rename(from, to).unwrap(),
                }
            }
            Event::RenameFolder => {
                let Some(file) = self.one() else { return };
                let n = self.fresh();
                fs::rename(file.parent().unwrap(), self.job.input().join(format!("folder-{n}"))).unwrap();
            }
            Event::Remove => {
                if let Some(path) = self.one() {
                    fs::remove_file(path).unwrap();
                }
            }
            Event::Touch => {
                if let Some(path) = self.one() {
                    let file = fs::File::options().append(true).open(path).unwrap();
                    file.set_modified(std::time::SystemTime::now()).unwrap();
                }
            }
            Event::Settings(n) => self.job.steps(SETTINGS[n]),
            Event::Run { prune } => self.run(prune, None),
            Event::Killed { prune, at } => self.run(prune, Some(format!("kill@{at}"))),
            Event::Full { at } => self.run(false, Some(format!("fail@{at}"))),
        }
        self.told.push(format!("{event:?}"));
    }

    fn run(&mut self, prune: bool, fault: Option<String>) {
        let arguments: &[&str] = if prune { &["run", "--prune"] } else { &["run"] };
        let empty = tree(&self.job.input()).is_empty();
        let ended = match &fault {
            Some(fault) => self.job.call_with_fault(arguments, fault),
            None => self.job.call(arguments),
        };
        let killed = fault.as_ref().is_some_and(|f| f.starts_with("kill"));
        match ended.code {
            // A run that ended before the fault was reached.
            Some(0 | 10 | 12) => {}
            None if killed => self.ended += 1,
            Some(30) if fault.is_some() && !killed => self.ended += 1,
            Some(78) if empty => {}
            other => panic!("{fault:?} ended with {other:?}: {}\n{}", ended.err, self.told.join("\n")),
        }
    }

    /// How the output differs, after one more run, from that of a first run.
    fn left(&mut self) -> Vec<String> {
        if tree(&self.job.input()).is_empty() {
            self.happen(Event::Add);
        }
        self.run(true, None);
        let found = tree(&self.job.output());
        self.job.call(&["verify"]).expect(0);
        differences(&found, &self.wanted())
    }

    /// What a first run makes.
    fn wanted(&mut self) -> Tree {
        self.job.clear_output();
        self.run(false, None);
        tree(&self.job.output())
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

/// The history of a seed: what it leaves that a first run does not, and how many of its runs were ended.
fn live(seed: u64) -> (Vec<String>, usize, Vec<String>) {
    let mut history = History::new(seed);
    for _ in 0..6 + history.rng.index(14) {
        let event = Event::draw(&mut history.rng);
        history.happen(event);
    }
    let differing = history.left();
    (differing, history.ended, history.told)
}

#[test]
fn any_history_ends_in_what_a_first_run_makes() {
    let seeds: Vec<u64> = match number("SAFELIGHT_HISTORY") {
        Some(seed) => vec![seed],
        None => (0..number("SAFELIGHT_HISTORIES").unwrap_or(20)).collect(),
    };
    let mut ended = 0;
    let mut wrong = Vec::new();
    for seed in &seeds {
        let (differing, killed, told) = live(*seed);
        ended += killed;
        if seeds.len() == 1 {
            println!("{}", told.join("\n"));
        }
        if !differing.is_empty() {
            wrong.push(format!(
                "SAFELIGHT_HISTORY={seed}:\n  {}\n  {}",
                differing.join("\n  "),
                told.join("\n  ")
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), seeds.len(), wrong.join("\n\n"));
    println!("{} histories, {ended} runs in them ended by a kill or a full disk; 0 differences", seeds.len());
    assert!(seeds.len() < 20 || ended * 2 >= seeds.len(), "only {ended} runs were really ended");
}

#[test]
fn the_checker_sees_what_a_history_would_leave() {
    let mut history = History::new(0);
    history.job.steps(SETTINGS[0]);
    assert!(history.left().is_empty());
    history.run(false, None);
    let good = tree(&history.job.output());
    let wanted = history.wanted();
    assert!(differences(&good, &wanted).is_empty());
    // A picture, a part of the table and the manifest, each with another byte, gone, or left over.
    for ending in ["img-000.png", ".parquet", "manifest.csv"] {
        let path = good.keys().find(|path| path.display().to_string().ends_with(ending)).unwrap();
        let mut other = good.clone();
        *other.get_mut(path).unwrap().last_mut().unwrap() ^= 1;
        assert_eq!(differences(&other, &wanted).len(), 1, "{ending}");
        let gone = other.remove(path).unwrap();
        assert_eq!(differences(&other, &wanted).len(), 1, "{ending}");
        let mut more = good.clone();
        more.insert("left-over".into(), gone);
        assert_eq!(differences(&more, &wanted).len(), 1, "{ending}");
    }
    // A run that does not prune leaves what is gone.
    history.happen(Event::Remove);
    history.run(false, None);
    let found = tree(&history.job.output());
    assert!(!differences(&found, &history.wanted()).is_empty());
}
