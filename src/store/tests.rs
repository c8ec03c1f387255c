use super::*;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

fn store(root: &Path) -> Store {
    Store::open(root, Guard::default(), Fault::default()).unwrap()
}

fn guarded(root: &Path, input: &Path) -> Store {
    let id = FileId::of(&fs::metadata(input).unwrap());
    Store::open(root, Guard::new([id]), Fault::default()).unwrap()
}

fn refusal(error: StoreError) -> Refusal {
    match error {
        StoreError::Refused(refusal) => refusal,
        error => panic!("{error}"),
    }
}

fn put(store: &Store, name: &str, bytes: &[u8], known: Known) -> Result<Stamp, StoreError> {
    store.write_over(Path::new(name), bytes, known, false)
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
        let refused = refusal(store.write(Path::new(name), b"").unwrap_err());
        assert!(matches!(refused, Refusal::Outside { .. }), "{name}");
    }
}

#[test]
fn a_name_that_can_not_be_is_told_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    store.write(Path::new("a.png/b"), b"1").unwrap();
    let refused = |name: &str| refusal(store.stage(Path::new(name), b"2").unwrap_err());
    let long = "x".repeat(256);
    for name in [long.as_str(), &format!("{long}/y"), &format!("new/{long}"), ".safelight-tmp-1-2/x"] {
        assert!(matches!(refused(name), Refusal::Name { .. }), "{name}");
    }
    for name in ["a.png", "a.png/b/c"] {
        assert!(matches!(refused(name), Refusal::Taken { .. }), "{name}");
    }
    assert_eq!(store.sweep().unwrap(), 0);
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
fn nothing_is_written_through_links() {
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = store(dir.path());
    fs::write(elsewhere.path().join("a.png"), b"precious").unwrap();
    symlink(elsewhere.path(), dir.path().join("images")).unwrap();
    symlink(elsewhere.path().join("a.png"), dir.path().join("a.png")).unwrap();
    for name in ["images/a.png", "images/new.png", "images/deeper/new.png", "a.png"] {
        let refused = refusal(store.write(Path::new(name), b"x").unwrap_err());
        assert!(matches!(refused, Refusal::Taken { .. }), "{name}: {refused}");
        assert_eq!(store.remove(Path::new(name), &Known::anything()).unwrap(), Removal::Kept, "{name}");
    }
    assert_eq!(fs::read(elsewhere.path().join("a.png")).unwrap(), b"precious");
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1);
    // Nor where the link appears between staging and publishing.
    let staged = store.stage(Path::new("later/a.png"), b"x").unwrap();
    fs::remove_dir_all(dir.path().join("later")).unwrap();
    symlink(elsewhere.path(), dir.path().join("later")).unwrap();
    let stamps = store.publish(&[staged], &[Known::anything()], true).unwrap();
    assert!(matches!(stamps[..], [Err(Refusal::Taken { .. })]), "{stamps:?}");
    assert_eq!(fs::read(elsewhere.path().join("a.png")).unwrap(), b"precious");
}

#[test]
fn folders_of_the_input_are_refused_by_any_name() {
    let dir = tempfile::tempdir().unwrap();
    let input = dir.path().join("out/images/in");
    fs::create_dir_all(&input).unwrap();
    // As if it were mounted there.
    let store = guarded(&dir.path().join("out"), &input);
    for name in ["images/in/a.png", "images/in/deeper/a.png"] {
        let refused = refusal(store.write(Path::new(name), b"x").unwrap_err());
        assert!(refused.to_string().contains("originals"), "{refused}");
    }
    fs::write(input.join(".safelight-tmp-1-1"), b"precious").unwrap();
    assert_eq!(store.sweep().unwrap(), 0);
    assert_eq!(fs::read_dir(&input).unwrap().count(), 1);
    let root =
        Store::open(&input, Guard::new([FileId::of(&fs::metadata(&input).unwrap())]), Fault::default());
    assert!(matches!(root, Err(StoreError::Refused(_))));
}

#[test]
fn only_what_was_written_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let path = dir.path().join("a.png");
    fs::write(&path, b"theirs").unwrap();
    let refused = refusal(put(&store, "a.png", b"ours", Known::default()).unwrap_err());
    assert!(matches!(refused, Refusal::Taken { .. }), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), b"theirs");
    fs::remove_file(&path).unwrap();

    let first = put(&store, "a.png", b"first", Known::default()).unwrap();
    let second = put(&store, "a.png", b"again", Known::from(&first)).unwrap();
    // Of the same size and another time: by its content.
    fs::write(&path, b"EDITS").unwrap();
    let refused = refusal(put(&store, "a.png", b"third", Known::from(&second)).unwrap_err());
    assert!(matches!(refused, Refusal::Edited { .. }), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), b"EDITS");
    assert_eq!(store.remove(Path::new("a.png"), &Known::from(&second)).unwrap(), Removal::Kept);
    let staged = store.stage(Path::new("a.png"), b"third").unwrap();
    let stamps = store.publish(&[staged], &[Known::from(&second)], true).unwrap();
    assert!(stamps[0].is_ok() && fs::read(&path).unwrap() == b"third");

    // A copy has another time and the same content.
    let stamp = stamps[0].clone().unwrap();
    fs::write(&path, b"third").unwrap();
    assert!(matches!(
        store.compare(Path::new("a.png"), &Known::from(&stamp)).unwrap(),
        Standing::Written(0, _)
    ));
    put(&store, "a.png", b"fourth", Known::from(&stamp)).unwrap();
    assert_eq!((fs::read(&path).unwrap(), store.sweep().unwrap()), (b"fourth".to_vec(), 0));
}

#[test]
fn sweep_removes_staged_leftovers_only() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    store.write(Path::new("keep/a"), b"1").unwrap();
    let _left = store.stage(Path::new("keep/b"), b"2").unwrap();
    let temporary = dir.path().join(format!("{TEMP_PREFIX}1-2"));
    fs::create_dir_all(&temporary).unwrap();
    fs::write(temporary.join("part-0123456789abcdef.parquet"), b"1").unwrap();
    // Put into a folder of parts just before the run that replaced it was killed.
    let theirs = dir.path().join(format!("{TEMP_PREFIX}1-3"));
    fs::create_dir_all(&theirs).unwrap();
    fs::write(theirs.join("README.md"), b"theirs").unwrap();
    for kept in [".safelight-tmp-x.png", "keep/.safelight/a.png", "keep/.safelight-tmp-mine/a.png"] {
        fs::create_dir_all(dir.path().join(kept).parent().unwrap()).unwrap();
        fs::write(dir.path().join(kept), b"theirs").unwrap();
    }
    let _left = store.stage(Path::new("keep/.safelight/b.png"), b"2").unwrap();
    // Another job's output.
    for name in ["keep/job/.safelight/ledger.db", "keep/job/images/.safelight-tmp-7-7"] {
        fs::create_dir_all(dir.path().join(name).parent().unwrap()).unwrap();
        fs::write(dir.path().join(name), b"").unwrap();
    }
    assert_eq!(store.sweep().unwrap(), 3);
    let left = [
        "keep/a",
        ".safelight-tmp-x.png",
        "keep/.safelight/a.png",
        "keep/.safelight-tmp-mine/a.png",
        "keep/job/images/.safelight-tmp-7-7",
    ];
    assert!(left.iter().all(|name| dir.path().join(name).exists()) && theirs.join("README.md").exists());
}

#[test]
fn replace_folder_swaps_whole_sets() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let ours = |name: &str| name.len() == 1;
    let new = |name: &str, bytes: &[u8]| Ok((name.to_string(), Part::New(bytes.to_vec())));
    let seen = std::cell::RefCell::new(std::collections::BTreeMap::new());
    let replace = |files: Vec<Result<(String, Part<'static>), StoreError>>| {
        let seen = seen.borrow();
        let built = store.build_folder(Path::new("t"), files.into_iter()).unwrap();
        store.put_folder(built, &seen).unwrap()
    };
    let first = replace(vec![new("a", b"1"), new("b", b"2")]);
    *seen.borrow_mut() = store.parts(Path::new("t"), ours).unwrap();
    // Put there by somebody after the folder was looked at: a new file, and another one in place of a part.
    fs::write(dir.path().join("t/theirs"), b"notes").unwrap();
    fs::write(dir.path().join("t/a"), b"edited").unwrap();
    let kept = Ok(("b".to_string(), Part::Carried { from: "b".into(), stamp: first[1].1.clone() }));
    let second = replace(vec![kept, new("c", b"3")]);
    assert_eq!(second[0], first[1]);
    let mut names: Vec<_> = fs::read_dir(dir.path().join("t"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["a", "b", "c", "theirs"]);
    assert_eq!(fs::read(dir.path().join("t/a")).unwrap(), b"edited");
    assert_eq!(fs::read(dir.path().join("t/b")).unwrap(), b"2");
    assert!(store.parts(Path::new("t"), ours).unwrap_err().to_string().contains("theirs"));
    assert_eq!(store.sweep().unwrap(), 0);
}

#[test]
fn sets_of_files_in_folders_are_swapped_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let ours = |name: &str| name.ends_with('/') || name.ends_with(".csv");
    let (folder, new) = (Path::new("t"), |name: &str| Ok((name.to_string(), Part::New(name.into()))));
    let replace = |files: Vec<Result<(String, Part<'static>), StoreError>>, seen| {
        let built = store.build_folder(folder, files.into_iter()).unwrap();
        store.put_folder(built, seen).unwrap()
    };
    let nothing = std::collections::BTreeMap::new();
    let first = replace(vec![new("k=1/a.csv"), new("k=2/b.csv"), new("c.csv")], &nothing);
    let seen = store.parts(folder, ours).unwrap();
    assert_eq!(seen.keys().collect::<Vec<_>>(), ["c.csv", "k=1/a.csv", "k=2/b.csv"]);
    fs::write(dir.path().join("t/k=2/theirs"), b"notes").unwrap();
    let carried = Part::Carried { from: "k=1/a.csv".into(), stamp: first[0].1.clone() };
    replace(vec![Ok(("k=3/a.csv".into(), carried)), new("d.csv")], &seen);
    let found =
        walkdir::WalkDir::new(dir.path().join("t")).sort_by_file_name().into_iter().map(Result::unwrap);
    let files = found.filter(|e| e.file_type().is_file());
    let names: Vec<_> =
        files.map(|e| e.path().strip_prefix(dir.path()).unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(names, ["t/d.csv", "t/k=2/theirs", "t/k=3/a.csv"]);
    assert_eq!(fs::read(dir.path().join("t/k=3/a.csv")).unwrap(), b"k=1/a.csv");
    assert!(store.parts(folder, ours).unwrap_err().to_string().contains("k=2/theirs"));
    // What a crash leaves of one goes, but for what is somebody's.
    fs::rename(dir.path().join("t"), dir.path().join(".safelight-tmp-7-7")).unwrap();
    assert_eq!(store.sweep().unwrap(), 0);
    assert!(dir.path().join(".safelight-tmp-7-7/k=2/theirs").exists());
    fs::remove_file(dir.path().join(".safelight-tmp-7-7/k=2/theirs")).unwrap();
    assert_eq!(store.sweep().unwrap(), 1);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_full_disk_is_an_error_that_names_the_path() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Guard::default(), Fault::parse(Some("fail@2"))).unwrap();
    let error = store.write(Path::new("a.png"), b"x").unwrap_err().to_string();
    assert!(error.contains("free space"), "{error}");
    assert!(!dir.path().join("a.png").exists());
}

#[test]
fn the_lock_is_exclusive_and_dropped_with_its_owner() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let held = Lock::take(&store).unwrap();
    let error = Lock::take(&store).unwrap_err().to_string();
    assert!(error.contains(&std::process::id().to_string()), "{error}");
    drop(held);
    Lock::take(&store).unwrap();
}

#[test]
fn the_lock_is_shared_by_those_who_share_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let owned = Lock::take(&store).unwrap();
    let error = Lock::share(&store).unwrap_err().to_string();
    assert!(owned.is_held() && error.contains(&format!("process {}", std::process::id())), "{error}");
    drop(owned);
    let file = dir.path().join(STATE_FOLDER).join("lock");
    fs::write(&file, "123").unwrap();
    let shared = (Lock::share(&store).unwrap(), Lock::share(&store).unwrap());
    let error = Lock::take(&store).unwrap_err().to_string();
    assert!(shared.0.is_held() && error.contains("of a shard") && !error.contains("123"), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "123");
    drop(shared);
    Lock::take(&store).unwrap();
}

#[test]
fn without_locks_a_lock_is_given_that_holds_nobody_off() {
    let dir = tempfile::tempdir().unwrap();
    let open = |fault| Store::open(dir.path(), Guard::default(), Fault::parse(fault)).unwrap();
    let store = open(Some("without@locks,kill@7"));
    let locks = [Lock::take(&store), Lock::take(&store), Lock::share(&store)].map(Result::unwrap);
    assert!(locks.iter().all(|lock| !lock.is_held()) && !store.has_locks());
    assert!(open(None).has_locks());
}

#[test]
fn a_lock_that_is_another_file_is_left_alone() {
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = store(dir.path());
    let original = elsewhere.path().join("original");
    fs::write(&original, b"precious").unwrap();
    fs::create_dir(dir.path().join(STATE_FOLDER)).unwrap();
    let lock = dir.path().join(STATE_FOLDER).join("lock");
    symlink(&original, &lock).unwrap();
    assert!(matches!(Lock::take(&store), Err(LockError::Foreign { .. })));
    fs::remove_file(&lock).unwrap();
    fs::hard_link(&original, &lock).unwrap();
    assert!(matches!(Lock::take(&store), Err(LockError::Foreign { .. })));
    assert_eq!(fs::read(&original).unwrap(), b"precious");
}

#[test]
fn a_file_of_the_same_content_is_staged_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let (out, original) = (dir.path().join("out"), dir.path().join("original"));
    fs::write(&original, b"picture").unwrap();
    let store = store(&out);
    let hash = *blake3::hash(b"picture").as_bytes();
    let stage = |original: &Path, hash, link| {
        let kind = (Attributes::default(), link);
        store.stage_same(Path::new("images/a.png"), original, (7, hash), kind).unwrap()
    };
    let temporary = || fs::read_dir(out.join("images")).unwrap().count();
    let staged = stage(&original, hash, true).expect("a hard link");
    assert_eq!(store.second_name(Path::new("images/a.png"), &original), None);
    store.put(staged, Known::default(), false).unwrap();
    assert!(store.second_name(Path::new("images/a.png"), &original).is_some());
    assert_eq!(temporary(), 1);
    // Another content by now, a link in the original's place, and no original at all.
    assert!(stage(&original, [0; 32], true).is_none());
    symlink(&original, dir.path().join("link")).unwrap();
    assert!(stage(&dir.path().join("link"), hash, true).is_none());
    assert!(stage(&dir.path().join("gone"), hash, false).is_none());
    assert!(stage(&original, [0; 32], false).is_none());
    assert_eq!((temporary(), fs::read(&original).unwrap()), (1, b"picture".to_vec()));
}

#[test]
fn temporary_names_of_two_with_one_process_number_differ() {
    let dir = tempfile::tempdir().unwrap();
    let store = || Store::open(dir.path(), Guard::default(), Fault::default()).unwrap();
    // As in two containers, where each is process 1: what the first left when it was killed, the second meets.
    let left = store().stage(Path::new("images/a.png"), b"half").unwrap();
    let staged = store().stage(Path::new("images/a.png"), b"whole").unwrap();
    assert_ne!(format!("{left:?}"), format!("{staged:?}"));
}
