use crate::store::{Fault, FileId, Guard, Known, Part, Refusal, Removal, Seen, Stamp, Store, StoreError};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// A file system that can't exchange names.
const NO_EXCHANGE: &str = "without@exchange";
/// One that has no links either.
const NO_LINKS: &str = "without@exchange,without@links";

fn store(root: &Path, faults: &str) -> Store {
    Store::open(root, Guard::default(), Fault::parse(Some(faults))).unwrap()
}

/// Replaces a folder by one of these files, each holding its own name.
fn replace(store: &Store, folder: &str, names: &[&str]) -> Result<Vec<(String, Stamp)>, StoreError> {
    let folder = Path::new(folder);
    let seen = store.parts(folder, |_| true).unwrap();
    let new = names.iter().map(|name| Ok((name.to_string(), Part::New(name.as_bytes().to_vec()))));
    store.put_folder(store.build_folder(folder, new)?, &seen)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).unwrap().is_symlink()
}

/// The folders that links lead to.
fn sets(root: &Path) -> Vec<String> {
    names(&root.join(".safelight/folders"))
}

#[test]
fn without_exchange_a_link_leads_to_the_present_set() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("out");
    for folder in ["t", "a/b/t"] {
        let store = store(&root, NO_EXCHANGE);
        let at = root.join(folder);
        let first = replace(&store, folder, &["a.csv", "k=1/b.csv"]).unwrap();
        assert!(is_link(&at) && !fs::read_link(&at).unwrap().is_absolute());
        assert_eq!(fs::read(at.join("k=1/b.csv")).unwrap(), b"k=1/b.csv");
        // All that looks at files below it.
        let (path, stamp) = (Path::new(folder).join("k=1/b.csv"), &first[1].1);
        assert_eq!(store.read(&path).unwrap().unwrap(), b"k=1/b.csv");
        let seen = Seen::File { size: stamp.size, mtime_ns: stamp.mtime_ns };
        assert_eq!(store.see(&[&path]), [(path.as_path(), seen)]);
        assert_eq!(
            store.files_below(Path::new(folder)).unwrap(),
            ["a.csv", "k=1/b.csv"].map(|n| Path::new(folder).join(n))
        );
        if let Some(parent) = Path::new(folder).parent().filter(|p| !p.as_os_str().is_empty()) {
            assert_eq!(store.files_below(parent).unwrap().len(), 2);
        }
        // A carried part is the same file; what somebody put there goes along.
        let inode = |name: &str| FileId::of(&fs::metadata(at.join(name)).unwrap());
        let carried_file = inode("k=1/b.csv");
        let seen = store.parts(Path::new(folder), |_| true).unwrap();
        fs::write(at.join("theirs"), b"notes").unwrap();
        let carried = Part::Carried { from: "k=1/b.csv".into(), stamp: stamp.clone() };
        let files = [Ok(("k=2/b.csv".to_string(), carried)), Ok(("c.csv".into(), Part::New(b"c".to_vec())))];
        let built = store.build_folder(Path::new(folder), files.into_iter()).unwrap();
        let second = store.put_folder(built, &seen).unwrap();
        assert_eq!((second[0].1.clone(), inode("k=2/b.csv")), (stamp.clone(), carried_file));
        assert_eq!(names(&at), ["c.csv", "k=2", "theirs"]);
        assert_eq!((store.sweep().unwrap(), sets(&root).len()), (0, 1));
        // What is left of it goes with the link.
        for name in ["c.csv", "k=2/b.csv", "theirs"] {
            let path = Path::new(folder).join(name);
            assert_eq!(store.remove(&path, &Known::anything()).unwrap(), Removal::Removed);
        }
        assert!(fs::symlink_metadata(&at).is_err() && sets(&root).is_empty());
    }
    assert_eq!(names(&root), [".safelight"]);
}

#[test]
fn an_output_may_move_between_file_systems() {
    let dir = tempfile::tempdir().unwrap();
    let (root, moved) = (dir.path().join("out"), dir.path().join("moved"));
    replace(&store(&root, ""), "t", &["a"]).unwrap();
    assert!(!is_link(&root.join("t")));
    // The real folder gives way to a link.
    replace(&store(&root, NO_EXCHANGE), "t", &["b"]).unwrap();
    assert!(is_link(&root.join("t")) && names(&root.join("t")) == ["b"]);
    fs::rename(&root, &moved).unwrap();
    assert_eq!(names(&moved.join("t")), ["b"]);
    replace(&store(&moved, NO_EXCHANGE), "t", &["c"]).unwrap();
    assert_eq!((names(&moved.join("t")), sets(&moved).len()), (vec!["c".to_string()], 1));
    // And the link to a real one.
    fs::write(moved.join("t/theirs"), b"notes").unwrap();
    let store = store(&moved, "");
    let seen = BTreeMap::from([("c".to_string(), store.parts(Path::new("t"), |_| true).unwrap()["c"])]);
    let new = [Ok(("d".to_string(), Part::New(vec![]))), Ok(("e".to_string(), Part::New(vec![])))];
    store.put_folder(store.build_folder(Path::new("t"), new.into_iter()).unwrap(), &seen).unwrap();
    assert!(!is_link(&moved.join("t")) && names(&moved.join("t")) == ["d", "e", "theirs"]);
    assert_eq!((sets(&moved).len(), names(&moved).len(), store.sweep().unwrap()), (0, 2, 0));
}

#[test]
fn without_links_the_folder_stays_a_real_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path(), NO_LINKS);
    for set in [["a", "b"], ["b", "c"]] {
        replace(&store, "t", &set).unwrap();
        assert!(!is_link(&dir.path().join("t")) && names(&dir.path().join("t")) == set);
    }
    assert_eq!((names(dir.path()), store.sweep().unwrap()), (vec!["t".to_string()], 0));
    // Nor where the name is too long for both its path and a number.
    let long = format!("{0}/{0}", "x".repeat(130));
    let store = self::store(dir.path(), NO_EXCHANGE);
    for set in [["a"], ["b"]] {
        replace(&store, &long, &set).unwrap();
    }
    assert!(!is_link(&dir.path().join(&long)) && names(&dir.path().join(&long)) == ["b"]);
}

#[test]
fn no_other_link_is_followed() {
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let root = dir.path();
    let store = store(root, NO_EXCHANGE);
    replace(&store, "t", &["a"]).unwrap();
    replace(&store, "u", &["b"]).unwrap();
    fs::write(elsewhere.path().join("a"), b"precious").unwrap();
    let ours = fs::read_link(root.join("t")).unwrap().to_str().unwrap().to_string();
    let set = ours.rsplit('/').next().unwrap().to_string();
    let theirs = fs::read_link(root.join("u")).unwrap().to_str().unwrap().to_string();
    let (absolute, out) =
        (root.join(&ours).to_str().unwrap().to_string(), elsewhere.path().to_str().unwrap());
    let refused = |at: &str| {
        let refused = store.parts(Path::new(at), |_| true).unwrap_err().to_string();
        assert!(refused.contains("is a symbolic link"), "{refused}");
        let error = store.write(&Path::new(at).join("x"), b"x").unwrap_err();
        assert!(matches!(error, StoreError::Refused(Refusal::Taken { .. })), "{error}");
        assert!(store.build_folder(Path::new(at), std::iter::empty()).is_err());
        assert_eq!(store.remove(&Path::new(at).join("a"), &Known::anything()).unwrap(), Removal::Kept);
        store.sweep().unwrap();
        assert!(is_link(&root.join(at)), "{at}");
    };
    for text in [
        theirs.as_str(),
        &absolute,
        out,
        &format!("{ours}/"),
        &format!("./{ours}"),
        &format!("x/../{ours}"),
        &format!("{ours}/../{set}"),
        &format!(".safelight//folders/{set}"),
        &format!(".safelight/folders/../../../{}", elsewhere.path().file_name().unwrap().to_str().unwrap()),
        "t2",
    ] {
        fs::remove_file(root.join("t")).unwrap();
        symlink(text, root.join("t")).unwrap();
        refused("t");
        // Swept, where no link leads there: it is made again.
        fs::remove_file(root.join("t")).unwrap();
        fs::create_dir_all(root.join(&ours)).unwrap();
        fs::write(root.join(&ours).join("a"), b"a").unwrap();
        symlink(&ours, root.join("t")).unwrap();
        assert_eq!(store.parts(Path::new("t"), |_| true).unwrap().len(), 1);
    }
    // One of ours in another place.
    fs::create_dir(root.join("deep")).unwrap();
    symlink(format!("../{ours}"), root.join("deep/t")).unwrap();
    refused("deep/t");
    symlink(&ours, root.join("v")).unwrap();
    refused("v");
    // Its set, or the folder of sets, is a link itself.
    fs::remove_dir_all(root.join(&ours)).unwrap();
    symlink(elsewhere.path(), root.join(&ours)).unwrap();
    refused("t");
    fs::remove_dir_all(root.join(".safelight")).unwrap();
    fs::create_dir_all(elsewhere.path().join(&set)).unwrap();
    fs::create_dir(root.join(".safelight")).unwrap();
    symlink(elsewhere.path(), root.join(".safelight/folders")).unwrap();
    refused("t");
    assert_eq!(fs::read(elsewhere.path().join("a")).unwrap(), b"precious");
}

#[test]
fn what_a_cut_off_run_leaves_is_swept() {
    for (place, present) in [
        ("part", "a.csv"),
        ("sync-folder", "a.csv"),
        ("swap", "a.csv"),
        ("move-folder", "a.csv"),
        ("link-folder", "a.csv"),
        ("drop-old", "b.csv"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        replace(&store(dir.path(), NO_EXCHANGE), "t", &["a.csv"]).unwrap();
        let failed = replace(&store(dir.path(), &format!("{NO_EXCHANGE},fail@{place}:1")), "t", &["b.csv"]);
        assert!(failed.is_err(), "{place}");
        assert_eq!(names(&dir.path().join("t")), [present], "{place}");
        let store = store(dir.path(), NO_EXCHANGE);
        assert!(store.sweep().unwrap() > 0, "{place}");
        assert_eq!(names(&dir.path().join("t")), [present], "{place}");
        assert_eq!((sets(dir.path()).len(), names(dir.path()).len()), (1, 2), "{place}");
    }
    // Folders of another form, and what is no part.
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path(), NO_EXCHANGE);
    let folders = dir.path().join(".safelight/folders");
    for kept in ["notes/a.csv", "t@1/a.csv", "t@0000000000000001/README.md"] {
        fs::create_dir_all(folders.join(kept).parent().unwrap()).unwrap();
        fs::write(folders.join(kept), b"theirs").unwrap();
    }
    fs::write(folders.join("t@0000000000000001/a.csv"), b"ours").unwrap();
    // A link whose folder is gone goes, one of somebody's stays.
    symlink(".safelight/folders/u@0000000000000001", dir.path().join("u")).unwrap();
    symlink("nowhere", dir.path().join("v")).unwrap();
    assert_eq!(store.sweep().unwrap(), 1);
    assert_eq!(
        (names(&folders.join("t@0000000000000001")), sets(dir.path()).len()),
        (vec!["README.md".into()], 3)
    );
    assert_eq!(names(dir.path()), [".safelight", "v"]);
}

/// Lists a folder all the time while it is replaced, and counts how often it was not there, and how often the list was
/// neither of one set nor of another. One that was replaced meanwhile is listed again.
fn watch(root: &Path, faults: &str) -> (usize, usize, usize) {
    let store = store(root, faults);
    let sets: [Vec<String>; 2] = [0, 1].map(|set| (0..6).map(|n| format!("{set}-{n}.csv")).collect());
    let put = |at: usize| {
        let names: Vec<&str> = sets[at].iter().map(String::as_str).collect();
        replace(&store, "t", &names).unwrap();
    };
    put(0);
    let ended = AtomicBool::new(false);
    let sorted = sets.clone().map(|mut names| {
        names.sort();
        names
    });
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut absent, mut wrong, mut lists) = (0, 0, 0);
            // No number of a folder comes twice.
            let present = || fs::read_link(root.join("t")).ok();
            while !ended.load(Ordering::Relaxed) || lists == 0 {
                let before = present();
                let Ok(entries) = fs::read_dir(root.join("t")) else {
                    absent += 1;
                    continue;
                };
                let found = entries.map(|e| e.unwrap().file_name().into_string().unwrap());
                let mut found: Vec<String> = found.collect();
                found.sort();
                if present() == before {
                    lists += 1;
                    wrong += usize::from(!sorted.contains(&found));
                }
            }
            (absent, wrong, lists)
        });
        for at in 0..40 {
            put((at + 1) % 2);
        }
        ended.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    })
}

#[test]
fn readers_see_one_whole_set() {
    for faults in [NO_EXCHANGE, "without@exchange,wait@link-folder:3,wait@drop-old:3"] {
        let dir = tempfile::tempdir().unwrap();
        let (absent, wrong, lists) = watch(dir.path(), faults);
        assert_eq!((absent, wrong), (0, 0), "{faults}: of {lists}");
    }
}

#[test]
fn the_watch_sees_a_gap() {
    let dir = tempfile::tempdir().unwrap();
    let (absent, ..) = watch(dir.path(), "without@exchange,without@links,wait@gap:3");
    assert!(absent > 0);
}

#[test]
fn two_processes_of_one_number_take_different_names() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (store(dir.path(), ""), store(dir.path(), ""));
    assert_ne!(one.temp_name(), other.temp_name());
    // And where they don't, nothing of the other's is touched.
    let number = one.number();
    other.serial.store(number, Ordering::Relaxed);
    one.serial.store(number, Ordering::Relaxed);
    let staged = [&one, &other].map(|store| store.stage(Path::new("a"), b"x").unwrap());
    assert_ne!(staged[0].temp, staged[1].temp);
    replace(&one, "t", &["a"]).unwrap();
    one.serial.store(number, Ordering::Relaxed);
    let built = one.build_folder(Path::new("u"), std::iter::empty()).unwrap();
    other.serial.store(number, Ordering::Relaxed);
    assert_ne!(other.build_folder(Path::new("u"), std::iter::empty()).unwrap().files().count(), 1);
    one.put_folder(built, &BTreeMap::new()).unwrap();
    assert_eq!(names(&dir.path().join("u")).len(), 0);
}
