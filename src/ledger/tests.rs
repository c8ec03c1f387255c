//! Entries come back as they went in.

use super::database::connect;
use super::*;
use crate::error::{ErrorKind, ItemError};
use crate::store::{Fault, Guard, Known, Stamp, Store, Written};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

fn record(hash: u8, products: &[(Fingerprint, &str)]) -> Record {
    let stamp = Stamp { size: 1, mtime_ns: 2, hash: [3; 32] };
    let output = |path: &str| vec![Output { path: path.into(), stamp: stamp.clone() }];
    Record {
        size: 10,
        mtime_ns: -5,
        hash: Some([hash; 32]),
        outcome: Outcome::Done(Facts {
            width: 4,
            height: 3,
            channels: 3,
            bit_depth: 8,
            format: "png".into(),
        }),
        notes: vec!["first of 2 frames".into()],
        seconds: 0.5,
        products: products.iter().map(|(f, p)| (*f, output(p))).collect(),
        last: None,
        ignored: false,
        vanished: false,
    }
}

fn entry(path: &[u8], record: Record, keep: &[Fingerprint]) -> Entry {
    let payload = |f: &Fingerprint| Payload { rows: 1, bytes: vec![f[0]] };
    let payloads = record.products.keys().map(|f| (*f, payload(f))).collect();
    let keep = keep.iter().copied().collect();
    Entry { path: path.to_vec(), record, payloads, keep, restamp: vec![], withdrawn: vec![] }
}

fn open(folder: &Path) -> Ledger {
    Ledger::open(&Store::open(folder, Guard::default(), Fault::default()).unwrap()).unwrap()
}

#[test]
fn records_come_back_and_stale_products_go() {
    let dir = tempfile::tempdir().unwrap();
    let fault = Fault::default();
    let mut ledger = open(dir.path());
    let first = record(1, &[([1; 16], "a.png"), ([2; 16], "b.png")]);
    ledger.commit(&[entry(b"x\xff.png", first.clone(), &[])], &fault).unwrap();
    assert_eq!(ledger.records().unwrap().get(&b"x\xff.png"[..]), Some(&first));
    assert_eq!(ledger.payload(b"x\xff.png", &[2; 16]).unwrap(), Some(vec![2]));

    let second = record(1, &[([3; 16], "c.png")]);
    ledger.commit(&[entry(b"x\xff.png", second, &[[2; 16]])], &fault).unwrap();
    drop(ledger);
    let ledger = open(dir.path());
    let records = ledger.records().unwrap();
    let products: Vec<_> = records[&b"x\xff.png"[..]].products.keys().copied().collect();
    assert_eq!(products, [[2; 16], [3; 16]]);
    assert_eq!(ledger.payload(b"x\xff.png", &[1; 16]).unwrap(), None);
    let mut ledger = ledger;
    ledger.commit(&[entry(b"y.png", record(2, &[([3; 16], "d.png")]), &[])], &fault).unwrap();
    ledger.commit(&[entry(b"a.png", record(3, &[([3; 16], "e.png")]), &[])], &fault).unwrap();
    let found = ledger.payloads(&[b"b.png", b"x\xff.png", b"y.png", b"z.png"], &[3; 16]).unwrap();
    assert_eq!(found, [None, Some(vec![3]), Some(vec![3]), None]);
    assert_eq!(ledger.records().unwrap()[&b"y.png"[..]], record(2, &[([3; 16], "d.png")]));
}

#[test]
fn without_locks_a_ledger_is_the_same_and_open_once() {
    let dir = tempfile::tempdir().unwrap();
    let fault = Fault::default();
    let store = |fault| Store::open(dir.path(), Guard::default(), Fault::parse(fault)).unwrap();
    let names = || {
        let folder = dir.path().join(".safelight/shards");
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let at = Path::new(".safelight/shards/1-of-2.g1.db");
    let mut ledger = Ledger::open_alone(&store(None), at).unwrap();
    let first = record(1, &[([1; 16], "a.png")]);
    ledger.commit(&[entry(b"a", first.clone(), &[])], &fault).unwrap();
    // The log, and nothing that is shared.
    assert_eq!(names(), ["1-of-2.g1.db", "1-of-2.g1.db-wal"]);
    assert!(ledger.again().unwrap_err().to_string().contains("only once"));
    // As a kill leaves it.
    std::fs::create_dir(dir.path().join("copy")).unwrap();
    for name in names() {
        let copy = dir.path().join("copy").join(&name);
        std::fs::copy(dir.path().join(".safelight/shards").join(&name), copy).unwrap();
    }
    drop(ledger);
    assert_eq!(names(), ["1-of-2.g1.db"]);
    for alone in [true, false] {
        let path = Path::new("copy/1-of-2.g1.db");
        let found = connect(&store(None), path, alone).unwrap();
        assert_eq!(found.records().unwrap(), HashMap::from([(b"a".to_vec(), first.clone())]), "{alone}");
    }

    // The job's own, on a file system without locks, and back on one with.
    let mut ledger = Ledger::open(&store(Some("without@locks"))).unwrap();
    ledger.commit(&[entry(b"a", first.clone(), &[])], &fault).unwrap();
    assert!(ledger.alone && !dir.path().join(".safelight/ledger.db-shm").exists());
    let beside = Ledger::open_existing(dir.path());
    assert_eq!(beside.unwrap().unwrap().records().unwrap().len(), 1);
    drop(ledger);
    let ledger = open(dir.path());
    assert!(!ledger.alone && ledger.records().unwrap().len() == 1 && ledger.again().is_ok());
}

#[test]
fn announcements_are_cleared_by_their_record_and_what_is_known_of_a_name_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(dir.path());
    let file = |byte| Written { size: 1, mtime_ns: None, hash: [byte; 32] };
    let names = || [(&b"a.png"[..], file(3)), (b"b.png", file(4))].into_iter();
    assert!(ledger.announce(names()).unwrap().iter().all(Known::is_nothing));
    ledger.commit(&[entry(b"a", record(1, &[([1; 16], "a.png")]), &[])], &Fault::default()).unwrap();
    assert_eq!(ledger.announced().unwrap(), HashMap::from([(b"b.png".to_vec(), vec![file(4)])]));
    // A second announcement does not make the first unknown: the disk may hold either.
    let known = ledger.announce([(&b"a.png"[..], file(5)), (b"b.png", file(6))].into_iter()).unwrap();
    assert_eq!(known[0].files, [Written { size: 1, mtime_ns: Some(2), hash: [3; 32] }]);
    assert_eq!(known[1].files, [file(4)]);
    assert_eq!(ledger.announced().unwrap()[&b"b.png"[..]].len(), 2);
    ledger.unclaim(&[b"b.png".to_vec()]).unwrap();
    assert!(!ledger.announced().unwrap().contains_key(&b"b.png"[..]));
}

#[test]
fn names_are_ours_by_what_is_recorded_announced_or_left_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(dir.path());
    let first = record(1, &[([1; 16], "out.png"), ([2; 16], "old.png")]);
    ledger.commit(&[entry(b"a", first, &[])], &Fault::default()).unwrap();
    ledger.commit(&[entry(b"a", record(1, &[([1; 16], "out.png")]), &[])], &Fault::default()).unwrap();
    let file = Written { size: 1, mtime_ns: None, hash: [1; 32] };
    ledger.announce([(&b"cut-off.png"[..], file)].into_iter()).unwrap();
    ledger.claim([&b"claimed.png"[..]].into_iter()).unwrap();
    let stamp = Stamp { size: 1, mtime_ns: 2, hash: [3; 32] };
    let part = PartRecord { name: "part-0.parquet".into(), digest: String::new(), stamp };
    ledger.set_part("table", &part).unwrap();
    let ours = Ours::of(Some(&ledger)).unwrap();
    for path in ["out.png", "old.png", "cut-off.png", "claimed.png", "table/part-0.parquet"] {
        assert!(ours.holds(path.as_bytes()).unwrap(), "{path}");
    }
    for path in ["other.png", "part-0.parquet", "table", ""] {
        assert!(!ours.holds(path.as_bytes()).unwrap(), "{path}");
    }
    assert!(!Ours::of(None).unwrap().holds(b"out.png").unwrap());
}

#[test]
fn what_remains_of_a_forgotten_input_stays_known() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(dir.path());
    let made = record(1, &[([1; 16], "a.png"), ([2; 16], "b.png")]);
    ledger.commit(&[entry(b"a", made.clone(), &[])], &Fault::default()).unwrap();
    let edited = made.products[&[1; 16]].clone();
    ledger.forget(&[(b"a".to_vec(), edited.clone())], &[]).unwrap();
    assert!(ledger.records().unwrap().is_empty());
    assert_eq!(ledger.orphans().unwrap(), edited);
    ledger.forget(&[], &[b"a.png".to_vec()]).unwrap();
    assert!(ledger.orphans().unwrap().is_empty());
}

#[test]
fn an_acknowledged_failure_and_a_missing_input_are_marked() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(dir.path());
    let error = ItemError::new(ErrorKind::Undecodable, "x");
    let failed = Record { outcome: Outcome::Failed { error, plan: [7; 16] }, ..record(1, &[]) };
    ledger.commit(&[entry(b"a", failed, &[]), entry(b"b", record(1, &[]), &[])], &Fault::default()).unwrap();
    assert_eq!(ledger.ignore(&[b"a".to_vec(), b"b".to_vec(), b"c".to_vec()]).unwrap(), 1);
    ledger.set_vanished(&[b"b".to_vec()], &[]).unwrap();
    let marks = |ledger: &Ledger, path: &[u8]| {
        let records = ledger.records().unwrap();
        (records[path].ignored, records[path].vanished)
    };
    assert_eq!((marks(&ledger, b"a"), marks(&ledger, b"b")), ((true, false), (false, true)));
    ledger.set_vanished(&[], &[b"b".to_vec()]).unwrap();
    assert_eq!(marks(&ledger, b"b"), (false, false));
}

#[test]
fn earlier_layouts_are_upgraded() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(dir.path());
    let made = record(1, &[([1; 16], "a.png")]);
    ledger.commit(&[entry(b"a", made.clone(), &[])], &Fault::default()).unwrap();
    ledger.claim([&b"b.png"[..]].into_iter()).unwrap();
    let back =
        "DROP TABLE announced; ALTER TABLE items DROP COLUMN ignored; ALTER TABLE items DROP COLUMN vanished;
                PRAGMA user_version=2;";
    ledger.db.execute_batch(back).unwrap();
    drop(ledger);
    let mut ledger = open(dir.path());
    assert_eq!(ledger.records().unwrap()[&b"a"[..]], made);
    // A name that the earlier layout claimed is safelight's whatever stands there.
    let file = Written { size: 1, mtime_ns: None, hash: [0; 32] };
    assert!(ledger.announce([(&b"b.png"[..], file)].into_iter()).unwrap()[0].anything);
}

#[test]
fn a_ledger_behind_a_link_is_not_opened() {
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    drop(open(elsewhere.path()));
    let original = elsewhere.path().join(".safelight/ledger.db");
    std::fs::create_dir(dir.path().join(".safelight")).unwrap();
    let store = Store::open(dir.path(), Guard::default(), Fault::default()).unwrap();
    let name = dir.path().join(".safelight/ledger.db");
    std::os::unix::fs::symlink(&original, &name).unwrap();
    assert!(matches!(Ledger::open(&store), Err(LedgerError::File(_))));
    std::fs::remove_file(&name).unwrap();
    std::fs::hard_link(&original, &name).unwrap();
    assert!(matches!(Ledger::open(&store), Err(LedgerError::File(_))));
}

#[test]
fn products_of_earlier_layouts_get_their_present_names_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(dir.path());
    let (mine, other) = ([1; 16], [9; 16]);
    let made = record(1, &[(mine, "a.png"), (other, "b.png")]);
    ledger.commit(&[entry(b"a", made.clone(), &[])], &Fault::default()).unwrap();
    let error = ItemError::new(ErrorKind::Undecodable, "x");
    let failed = Record { outcome: Outcome::Failed { error, plan: [5; 16] }, ..record(2, &[]) };
    ledger.commit(&[entry(b"c", failed, &[])], &Fault::default()).unwrap();
    ledger.db.execute_batch("PRAGMA user_version=3;").unwrap();
    drop(ledger);
    let names = BTreeMap::from([(mine, [2; 16]), ([7; 16], [8; 16])]);
    let digests = (&[5; 16], &[6; 16]);
    let check = |ledger: &Ledger, what: &str| {
        let records = ledger.records().unwrap();
        let products: Vec<_> = records[&b"a"[..]].products.clone().into_iter().collect();
        let outputs = made.products.clone();
        assert_eq!(products, [([2; 16], outputs[&mine].clone()), (other, outputs[&other].clone())], "{what}");
        let plan = match records[&b"c"[..]].outcome {
            Outcome::Failed { plan, .. } => plan,
            Outcome::Done(_) => panic!("{what}"),
        };
        assert_eq!(plan, [6; 16], "{what}");
        let found = ledger.compare::<LedgerError>([&b"a"[..]].into_iter(), |_| Ok(()));
        assert!(found.is_ok(), "{what}");
    };
    // Read as if it had been done, which changes nothing.
    let reader = Ledger::open_existing(dir.path()).unwrap().unwrap();
    reader.read_renamed(&names, digests).unwrap();
    check(&reader, "read");
    drop(reader);
    let mut ledger = open(dir.path());
    assert!(ledger.records().unwrap()[&b"a"[..]].products.contains_key(&mine));
    ledger.rename(&names, digests).unwrap();
    check(&ledger, "renamed");
    // Whatever has such a name from now on is something else.
    ledger.rename(&BTreeMap::from([([2; 16], [3; 16])]), digests).unwrap();
    check(&ledger, "again");
}
