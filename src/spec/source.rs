//! Reading a pipeline file, with bounds, before anything is parsed.

use crate::store::look;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::diagnostic::{Diagnostic, Diagnostics, Origin, Sources, Span};
use super::node::item;
use super::suggest;
use crate::shown::Show;

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
    let file = path.shown().to_string();
    let fail = |message: String, help: Option<String>| Diagnostic::of_file(&file, message, help);
    let metadata = look::there(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => fail("there is no such file".to_owned(), neighbour(path)),
        _ => fail(format!("cannot be read: {error}"), None),
    })?;
    if !metadata.is_file() {
        let help = match metadata.is_dir() {
            true => "give the path of a .yaml file; `status`, `verify` and `report` take an output folder",
            false => "give the path of a .yaml file",
        };
        let help = help.to_owned();
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
    let entries = look::list(folder).ok()??.into_iter().take(MAX_NEIGHBOURS);
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    Some(names)
}

/// The path of a file or folder beside `path` whose name is near, but not the same.
fn similar_file(path: &Path) -> Option<String> {
    let names = names_beside(path)?;
    let wanted = path.file_name()?.to_str()?;
    let others = names.iter().map(String::as_str).filter(|name| *name != wanted);
    Some(path.with_file_name(suggest::nearest(wanted, others)?).shown().to_string())
}

/// What is wrong with a path at which no folder or file is, and what to do.
pub fn missing(path: &Path) -> (String, String) {
    let shown = path.shown();
    if let Ok(target) = std::fs::read_link(path) {
        let help = "mend the link, or name what it should lead to".to_owned();
        return (format!("{shown} is a link to {}, where nothing is", target.shown()), help);
    }
    let message = format!("there is no {shown}");
    let text = path.to_string_lossy();
    if text.contains(['*', '?']) {
        // The folder is what stands before the first part with a pattern.
        let parts: Vec<&str> = text.split('/').collect();
        let at = parts.iter().position(|part| part.contains(['*', '?'])).unwrap_or_default();
        let (folder, pattern) = parts.split_at(at);
        let folder = match folder {
            [] => ".".to_owned(),
            [""] => "/".to_owned(),
            parts => parts.join("/"),
        };
        let help = format!(
            "a path is one folder or file; patterns stand in `include`: `{{path: {}, include: [\"{}\"]}}`",
            item(&folder),
            pattern.join("/")
        );
        return (message, help);
    }
    if text.contains(|c: char| c.is_control()) {
        let help = "`\\` begins an escape inside double quotes: write single quotes, or paths with `/`";
        return (message, help.to_owned());
    }
    let help = similar_file(path).map_or_else(
        || "relative paths start at the working directory".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    (message, help)
}

/// Endings of model files.
const MODELS: [&str; 3] = ["onnx", "pth", "safetensors"];

/// What is wrong with the path of a model that is no file, and what to do; `places` is where it was looked for.
pub fn missing_model(written: &Path, places: &[PathBuf]) -> (String, String) {
    let is_folder = |path: &&PathBuf| look::is_folder(path).unwrap_or(false);
    let Some(folder) = places.iter().find(is_folder) else {
        let help = similar_file(written).map_or_else(
            || "give a path from the working directory or beside the pipeline file".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        return (format!("there is no model {}", written.shown()), help);
    };
    let entries = look::list(folder).ok().flatten().into_iter().flatten().take(MAX_NEIGHBOURS);
    let mut models: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            let known =
                |ending: &std::ffi::OsStr| MODELS.iter().any(|known| ending.eq_ignore_ascii_case(known));
            path.extension().is_some_and(known)
        })
        .collect();
    models.sort();
    let help = match models.first() {
        Some(model) => format!("name a file in it, such as `{}`", model.shown()),
        None => "name an ONNX file; there is none in it".to_owned(),
    };
    (format!("{} is a folder, not a model", written.shown()), help)
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
    Some(format!("did you mean `{}`?", path.with_file_name(near).shown()))
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

        assert_eq!(similar_file(&file), None);

        File::create(&file).unwrap().set_len(100 << 20).unwrap();
        assert!(message(&file).contains("larger than"));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_is_not_there_is_told_with_what_to_write() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (message, help) = missing(Path::new("/no/dir/**/a?.png"));
        assert_eq!(message, "there is no /no/dir/**/a?.png");
        assert!(help.ends_with("`{path: /no/dir, include: [\"**/a?.png\"]}`"), "{help}");
        assert!(missing(Path::new("*.png")).1.contains("{path: ., include: [\"*.png\"]}"));
        assert!(missing(Path::new("C:\new")).1.contains("single quotes"));
        std::os::unix::fs::symlink("nowhere", at("photos")).unwrap();
        let (message, help) = missing(&at("photos"));
        assert!(message.ends_with("photos is a link to nowhere, where nothing is"), "{message}");
        assert!(help.contains("mend the link"));
        assert!(missing(&at("photo")).1.contains("photos`?"));

        std::fs::create_dir(at("models")).unwrap();
        let wrong = || missing_model(Path::new("models"), &[at("x"), at("models")]);
        assert_eq!(
            wrong(),
            ("models is a folder, not a model".into(), "name an ONNX file; there is none in it".into())
        );
        std::fs::write(at("models/a.onnx"), "").unwrap();
        assert!(wrong().1.ends_with("models/a.onnx`"));
        assert!(missing_model(&at("modles"), &[at("modles")]).1.contains("models`?"));
    }
}
