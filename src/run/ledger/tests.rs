//! Entries come back as they went in.

use super::*;

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
        ignored: false,
        products: products.iter().map(|(f, p)| (*f, output(p))).collect(),
    }
}

fn entry(path: &[u8], record: Record, keep: &[Fingerprint]) -> Entry {
    let payload = |f: &Fingerprint| Payload { rows: 1, bytes: vec![f[0]] };
    let payloads = record.products.keys().map(|f| (*f, payload(f))).collect();
    Entry { path: path.to_vec(), record, payloads, keep: keep.iter().copied().collect(), unclaim: vec![] }
}

#[test]
fn records_come_back_and_stale_products_go() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join(STATE_FOLDER)).unwrap();
    let fault = Fault::default();
    let mut ledger = Ledger::open(dir.path()).unwrap();
    let first = record(1, &[([1; 16], "a.png"), ([2; 16], "b.png")]);
    ledger.commit(&[entry(b"x\xff.png", first.clone(), &[])], &fault).unwrap();
    assert_eq!(ledger.records().unwrap().get(&b"x\xff.png"[..]), Some(&first));
    assert_eq!(ledger.payload(b"x\xff.png", &[2; 16]).unwrap(), Some(vec![2]));

    let second = record(1, &[([3; 16], "c.png")]);
    ledger.commit(&[entry(b"x\xff.png", second, &[[2; 16]])], &fault).unwrap();
    drop(ledger);
    let ledger = Ledger::open(dir.path()).unwrap();
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
fn claims_are_cleared_by_their_record() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join(STATE_FOLDER)).unwrap();
    let mut ledger = Ledger::open(dir.path()).unwrap();
    ledger.claim([&b"a.png"[..], b"b.png"].into_iter()).unwrap();
    ledger.commit(&[entry(b"a", record(1, &[([1; 16], "a.png")]), &[])], &Fault::default()).unwrap();
    assert_eq!(ledger.claims().unwrap(), BTreeSet::from([b"b.png".to_vec()]));
}
