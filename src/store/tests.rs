use super::*;

fn store(root: &Path) -> Store {
    Store::open(root, Fault::default()).unwrap()
}

#[test]
fn a_written_file_is_whole_and_leaves_no_temporary_name() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let stamp = store.write(Path::new("a/b/c.bin"), b"hello").unwrap();
    assert_eq!(fs::read(dir.path().join("a/b/c.bin")).unwrap(), b"hello");
    assert_eq!((stamp.size, stamp.hash), (5, *blake3::hash(b"hello").as_bytes()));
    assert_eq!(store.sweep().unwrap(), 0);
}

#[test]
fn names_that_leave_the_folder_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    for name in ["../x", "/tmp/x", "a/../../x", ""] {
        assert!(matches!(store.write(Path::new(name), b""), Err(StoreError::Outside { .. })), "{name}");
    }
}

#[test]
fn a_name_the_file_system_refuses_is_told_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    store.write(Path::new("a.png/b"), b"1").unwrap();
    for name in ["x".repeat(256).as_str(), "a.png", "a.png/b/c"] {
        let refused = store.stage(Path::new(name), b"2");
        assert!(matches!(refused, Err(StoreError::Name { .. })), "{name}: {refused:?}");
    }
}

#[test]
fn an_overwrite_replaces_the_name_not_the_inode() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    fs::write(dir.path().join("original"), b"precious").unwrap();
    fs::hard_link(dir.path().join("original"), dir.path().join("out.png")).unwrap();
    store.write(Path::new("out.png"), b"new").unwrap();
    assert_eq!(fs::read(dir.path().join("original")).unwrap(), b"precious");
}

#[test]
fn sweep_removes_staged_leftovers_only() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    store.write(Path::new("keep/a"), b"1").unwrap();
    let _left = store.stage(Path::new("keep/b"), b"2").unwrap();
    fs::create_dir(dir.path().join(format!("{TEMP_PREFIX}old"))).unwrap();
    assert_eq!(store.sweep().unwrap(), 2);
    assert!(dir.path().join("keep/a").exists());
}

#[test]
fn replace_folder_swaps_whole_sets() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let new = |name: &str, bytes: &[u8]| Ok((name.to_string(), Part::New(bytes.to_vec())));
    let first =
        store.replace_folder(Path::new("t"), vec![new("a", b"1"), new("b", b"2")].into_iter()).unwrap();
    let kept = Ok(("b".to_string(), Part::Carried { from: "b".into(), stamp: first[1].1.clone() }));
    let second = store.replace_folder(Path::new("t"), vec![kept, new("c", b"3")].into_iter()).unwrap();
    assert_eq!(second[0], first[1]);
    let mut names: Vec<_> = fs::read_dir(dir.path().join("t"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["b", "c"]);
    assert_eq!(fs::read(dir.path().join("t/b")).unwrap(), b"2");
    assert_eq!(store.sweep().unwrap(), 0);
}

#[test]
fn a_full_disk_is_an_error_that_names_the_path() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Fault::parse(Some("fail@2"))).unwrap();
    let error = store.write(Path::new("a.png"), b"x").unwrap_err().to_string();
    assert!(error.contains("free space"), "{error}");
    assert!(!dir.path().join("a.png").exists());
}

#[test]
fn the_lock_is_exclusive_and_dropped_with_its_owner() {
    let dir = tempfile::tempdir().unwrap();
    let held = Lock::take(dir.path()).unwrap();
    let error = Lock::take(dir.path()).unwrap_err().to_string();
    assert!(error.contains(&std::process::id().to_string()), "{error}");
    drop(held);
    Lock::take(dir.path()).unwrap();
}
