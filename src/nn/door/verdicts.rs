//! Which models passed, remembered below the user's cache folder. A verdict is a small file that only its user may
//! write; whatever is odd about it, the model is inspected again.

use super::ask::Question;
use crate::nn::error::ModelError;
use crate::nn::limits::MAX_FILE;
use crate::nn::passed::Passed;
use crate::store::look;
use rustix::fs::OFlags;
use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

/// Most bytes of a verdict.
const LONGEST: u64 = 4 << 20;
/// Most verdicts that are kept.
const KEPT: usize = 1000;

/// The folder of the verdicts, as the environment tells.
pub(super) fn folder() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")))?;
    Some(caches.join("safelight").join("models"))
}

/// BLAKE3 of the file at `path`, in hexadecimal.
pub(super) fn hash(path: &Path) -> Result<String, ModelError> {
    let io = |source| ModelError::Read { path: path.to_path_buf(), source };
    // Opening a pipe for reading would wait for a writer.
    let nonblock = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(nonblock).open(path).map_err(io)?;
    let about = file.metadata().map_err(io)?;
    if !about.is_file() {
        return Err(io(std::io::Error::other("it is not a regular file")));
    }
    // What grows meanwhile, or is longer than a model may be, is refused where it is read.
    hash_of(&mut file.take(MAX_FILE + 1), blake3::Hasher::new()).map(|h| hex(&h)).map_err(io)
}

fn hash_of(from: &mut dyn Read, mut hasher: blake3::Hasher) -> std::io::Result<blake3::Hasher> {
    std::io::copy(from, &mut hasher)?;
    Ok(hasher)
}

fn hex(hasher: &blake3::Hasher) -> String {
    hasher.finalize().to_hex().to_string()
}

/// The name of the verdict on a file of this hash, for this question put to this program.
pub(super) fn key(program: &Path, question: &Question<'_>, hash: &str) -> String {
    // Builds of one version differ while they are worked on.
    let built = program.metadata().map(|m| (m.len(), m.mtime(), m.mtime_nsec())).ok();
    let version = env!("CARGO_PKG_VERSION");
    let text = format!("{version} {built:?} {:?} {:?} {hash}", question.purpose, question.options);
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

/// The verdict of this name, if it is sound and covers what may be taken now and the weight files there are.
pub(super) fn find(folder: &Path, key: &str, question: &Question<'_>, hash: &str) -> Option<Passed> {
    if !is_private(&look::name(folder).ok()??) {
        return None;
    }
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(folder.join(key)).ok()?;
    let about = file.metadata().ok()?;
    if !about.is_file() || !is_private(&about) || about.len() > LONGEST {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes).ok()?;
    let passed: Passed = serde_json::from_slice(&bytes).ok()?;
    let affordable =
        passed.memory <= question.budget.memory && passed.seconds <= question.budget.seconds as f64;
    let known = affordable && passed.hash == hash;
    (known && same_weights(question, &passed).is_some()).then_some(passed)
}

/// Whether the weight files are those of the verdict.
fn same_weights(question: &Question<'_>, passed: &Passed) -> Option<()> {
    if passed.files.is_empty() {
        return Some(());
    }
    let mut hasher = hash_of(&mut File::open(question.path).ok()?, blake3::Hasher::new()).ok()?;
    let folder = look::real_of(crate::nn::proto::folder_of(question.path)).ok()?;
    for name in &passed.files {
        let inside = Path::new(name).components().all(|c| matches!(c, Component::Normal(_)));
        let file = folder.join(name);
        if !inside || !look::is_file(&file).ok()? {
            return None;
        }
        hasher = hash_of(&mut File::open(file).ok()?, hasher).ok()?;
    }
    (hex(&hasher) == passed.all).then_some(())
}

/// Whether nobody else could have written there.
fn is_private(about: &Metadata) -> bool {
    about.uid() == rustix::process::geteuid().as_raw() && about.mode() & 0o022 == 0
}

/// Keeps a verdict. Where that can't be done, the model is inspected again next time.
pub(super) fn remember(folder: &Path, key: &str, passed: &Passed) {
    let Some(staged) = write(folder, key, passed) else { return };
    if std::fs::rename(&staged, folder.join(key)).is_err() {
        std::fs::remove_file(staged).ok();
    }
    forget_oldest(folder);
}

/// Writes a verdict beside its place.
fn write(folder: &Path, key: &str, passed: &Passed) -> Option<PathBuf> {
    let text = serde_json::to_vec(passed).ok().filter(|text| text.len() as u64 <= LONGEST)?;
    // Nothing is left in the cache folder of somebody whose rights are borrowed.
    let caches = folder.parent()?.parent()?;
    DirBuilder::new().recursive(true).mode(0o700).create(caches).ok()?;
    if !is_private(&caches.metadata().ok()?) {
        return None;
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder).ok()?;
    if !is_private(&look::name(folder).ok()??) {
        return None;
    }
    let staged = folder.join(format!(".{key}.{}", std::process::id()));
    std::fs::remove_file(&staged).ok();
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&staged).ok()?;
    if file.write_all(&text).is_err() {
        std::fs::remove_file(&staged).ok();
        return None;
    }
    Some(staged)
}

/// Removes the oldest verdicts beyond those that are kept, and whatever writers left that were killed.
fn forget_oldest(folder: &Path) {
    let Ok(Some(entries)) = look::list(folder) else { return };
    let mut found: Vec<_> = entries
        .into_iter()
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    if found.len() <= KEPT {
        return;
    }
    found.sort_unstable();
    for (_, path) in &found[..found.len() - KEPT] {
        std::fs::remove_file(path).ok();
    }
}
