//! Reading a pipeline file, with bounds, before anything is parsed.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::diagnostic::{Diagnostic, Diagnostics, Origin, Sources, Span};
use super::suggest;

/// Largest pipeline file accepted.
pub const MAX_FILE_BYTES: u64 = 1 << 20;

/// Entries of a folder looked through for a similar name.
const MAX_NEIGHBOURS: usize = 1000;

/// Reads a pipeline file as text.
///
/// # Errors
/// When it is missing, no regular file, unreadable, larger than [`MAX_FILE_BYTES`] or not UTF-8.
pub fn read_file(path: &Path) -> Result<String, Diagnostics> {
    read_checked(path).map_err(Diagnostics::from)
}

fn read_checked(path: &Path) -> Result<String, Diagnostic> {
    let file = path.display().to_string();
    let fail = |message: String, help: Option<String>| Diagnostic::of_file(&file, message, help);
    let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => fail("there is no such file".to_owned(), neighbour(path)),
        _ => fail(format!("cannot be read: {error}"), None),
    })?;
    if !metadata.is_file() {
        let help = "give the path of a .yaml file".to_owned();
        return Err(fail("this is not a regular file".to_owned(), Some(help)));
    }
    let unreadable = |error: std::io::Error| fail(format!("cannot be read: {error}"), None);
    let mut bytes = Vec::new();
    // The size in the metadata may be out of date, so reading is bounded as well.
    File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    if u64::try_from(bytes.len()).map_or(true, |length| length > MAX_FILE_BYTES) {
        let help = "check that this is the pipeline file and not a data file".to_owned();
        return Err(fail(format!("the file is larger than {MAX_FILE_BYTES} bytes"), Some(help)));
    }
    String::from_utf8(bytes).map_err(|error| not_utf8(&file, &error))
}

fn not_utf8(file: &str, error: &std::string::FromUtf8Error) -> Diagnostic {
    let (before, _) = error.as_bytes().split_at(error.utf8_error().valid_up_to());
    let before = String::from_utf8_lossy(before);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
    let sources = Sources::new(file, &String::from_utf8_lossy(error.as_bytes()), &[]);
    let span = Span { origin: Origin::File, line, column, length: 1 };
    sources.diagnostic(span, "the file is not UTF-8 text", Some("save it as UTF-8".to_owned()))
}

/// Names in the folder of the missing `path`, sorted.
fn names_beside(path: &Path) -> Option<Vec<String>> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(folder).ok()?.take(MAX_NEIGHBOURS);
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    Some(names)
}

/// The path of a file or folder beside the missing `path` whose name is near.
pub fn similar_file(path: &Path) -> Option<String> {
    let names = names_beside(path)?;
    let near = suggest::nearest(path.file_name()?.to_str()?, names.iter().map(String::as_str))?;
    Some(path.with_file_name(near).display().to_string())
}

/// A pipeline file beside the missing one whose name is near.
fn neighbour(path: &Path) -> Option<String> {
    let wanted = path.file_name()?.to_str()?;
    let mut names = names_beside(path)?;
    names.retain(|name| name.ends_with(".yaml") || name.ends_with(".yml"));
    let near = suggest::nearest(wanted, names.iter().map(String::as_str));
    let near = near.or_else(|| {
        // `denoise` for `denoise.yaml`.
        names
            .iter()
            .map(String::as_str)
            .find(|name| name.rsplit_once('.').is_some_and(|(stem, _)| stem == wanted))
    })?;
    Some(format!("did you mean `{}`?", path.with_file_name(near).display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(path: &Path) -> String {
        read_file(path).err().map(|found| found.to_string()).unwrap_or_default()
    }

    #[test]
    fn unusable_files_are_refused() {
        let folder = std::env::temp_dir().join(format!("safelight-spec-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("denoise.yaml");
        std::fs::write(&file, "version: 1\nname: caf\u{e9}\n").unwrap();
        assert_eq!(read_file(&file).unwrap(), "version: 1\nname: caf\u{e9}\n");

        let missing = message(&folder.join("denose.yaml"));
        assert!(missing.contains("there is no such file"), "{missing}");
        assert!(missing.contains("did you mean `") && missing.contains("denoise.yaml`?"), "{missing}");
        assert!(message(&folder.join("denoise")).contains("denoise.yaml"));
        assert!(message(&folder).contains("not a regular file"));

        std::fs::write(&file, b"version: 1\nname: caf\xe9\n").unwrap();
        let latin = message(&file);
        assert!(latin.contains("denoise.yaml:2:10") && latin.contains("not UTF-8"), "{latin}");

        File::create(&file).unwrap().set_len(100 << 20).unwrap();
        assert!(message(&file).contains("larger than"));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
