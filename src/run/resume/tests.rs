//! The decision against an oracle that states the promise directly: after doing what was decided,
//! every item holds exactly what a fresh run would hold, and nothing that already held was redone.

use super::*;
use crate::error::{ErrorKind, ItemError};
use crate::ledger::Facts;
use crate::store::Stamp;
use proptest::prelude::*;
use std::collections::BTreeMap;

const PLAN: Fingerprint = [9; 16];

fn stamp(size: u64) -> Stamp {
    Stamp { size, mtime_ns: 7, hash: [0; 32] }
}

/// Size, time, how it ended, and the products with the state of their files.
type Known = (u64, i64, Failure, Vec<(u8, u8)>);

#[derive(Clone, Debug)]
struct World {
    wanted: Vec<u8>,
    input: (u64, i64),
    /// Absent: unknown. Products: (fingerprint, output state): 0 intact, 1 missing, 2 altered, 3 no file, 4 can't be told,
    /// 5 a link.
    record: Option<Known>,
    failed_only: bool,
    /// Which of the values that a product stands for the list has now, where conditions use it.
    listed: Option<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Failure {
    None,
    Lasting { same_plan: bool },
    Transient,
}

fn build(world: &World) -> (BTreeSet<Fingerprint>, Option<Record>, Disk) {
    let wanted = world.wanted.iter().map(|b| [*b; 16]).collect();
    let mut disk = Disk::new();
    let record = world.record.clone().map(|(size, mtime_ns, failure, products)| {
        let error = |kind| ItemError::new(kind, "x");
        let outcome = match failure {
            Failure::None => Outcome::Done(Facts::default()),
            Failure::Lasting { same_plan } => Outcome::Failed {
                error: error(ErrorKind::Undecodable),
                plan: if same_plan { PLAN } else { [8; 16] },
            },
            Failure::Transient => Outcome::Failed { error: error(ErrorKind::Unreadable), plan: PLAN },
        };
        let mut kept: BTreeMap<Fingerprint, Vec<Output>> = BTreeMap::new();
        for (fingerprint, state) in products {
            let path = vec![fingerprint];
            let outputs =
                if state == 3 { vec![] } else { vec![Output { path: path.clone(), stamp: stamp(5) }] };
            kept.insert([fingerprint; 16], outputs);
            match state {
                0 => drop(disk.insert(path, Seen::File { size: 5, mtime_ns: 7 })),
                2 => drop(disk.insert(path, Seen::File { size: 6, mtime_ns: 7 })),
                4 => drop(disk.insert(path, Seen::Unknown("broken".into()))),
                5 => drop(disk.insert(path, Seen::Other)),
                _ => drop(disk.remove(&path)),
            }
        }
        let ignored = size == 2;
        let (hash, notes, seconds) = (None, vec![], 0.0);
        Record {
            size,
            mtime_ns,
            hash,
            outcome,
            notes,
            seconds,
            products: kept,
            last: None,
            ignored,
            vanished: false,
        }
    });
    (wanted, record, disk)
}

/// A product holds when the input is the one it was made from and all its files are as written.
fn holds(world: &World, fingerprint: u8) -> bool {
    let Some((size, mtime, Failure::None, products)) = &world.record else { return false };
    let last = products.iter().rev().find(|(f, _)| *f == fingerprint);
    if world.listed.is_some_and(|listed| products.iter().all(|(f, _)| *f != listed)) {
        return false;
    }
    (*size, *mtime) == world.input && last.is_some_and(|(_, state)| matches!(state, 0 | 3))
}

fn oracle(world: &World) -> BTreeSet<Fingerprint> {
    let failure = world.record.as_ref().map(|(_, _, f, _)| *f);
    let failed = matches!(failure, Some(Failure::Lasting { .. } | Failure::Transient));
    if world.failed_only && !failed {
        return BTreeSet::new();
    }
    let unchanged = world.record.as_ref().is_some_and(|(s, m, _, _)| (*s, *m) == world.input);
    if matches!(failure, Some(Failure::Lasting { same_plan: true })) && unchanged && !world.failed_only {
        return BTreeSet::new();
    }
    world.wanted.iter().filter(|f| !holds(world, **f)).map(|f| [*f; 16]).collect()
}

fn worlds() -> impl Strategy<Value = World> {
    let failure = prop_oneof![
        4 => Just(Failure::None),
        1 => any::<bool>().prop_map(|same_plan| Failure::Lasting { same_plan }),
        1 => Just(Failure::Transient),
    ];
    let record =
        (1u64..3, 1i64..3, failure, prop::collection::vec((0u8..4, 0u8..6), 0..4)).prop_map(|mut r| {
            r.3.sort_unstable();
            r.3.dedup_by_key(|p| p.0);
            r
        });
    let listed = prop::option::of(0u8..4);
    (prop::collection::vec(0u8..4, 1..4), (1u64..3, 1i64..3), prop::option::of(record), any::<bool>(), listed)
        .prop_map(|(wanted, input, record, failed_only, listed)| World {
            wanted,
            input,
            record,
            failed_only,
            listed,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn agrees_with_the_oracle(world in worlds()) {
        let (wanted, record, disk) = build(&world);
        let input = Identity { size: world.input.0, mtime_ns: world.input.1 };
        let selection = if world.failed_only { Selection::FailedOnly } else { Selection::Outstanding };
        let listed = world.listed.map(|listed| [listed; 16]);
        let decision = decide(&wanted, &PLAN, input, record.as_ref(), &disk, (selection, listed));
        prop_assert_eq!(&decision.make, &oracle(&world));
        let idle = [Reason::UpToDate, Reason::StandingFailure, Reason::Acknowledged, Reason::NotSelected];
        let idle = idle.contains(&decision.reason);
        prop_assert_eq!(idle, decision.make.is_empty());
    }
}
