//! What the tests share: small archives, running the program, comparing trees.

use safelight::codec::{EncodeOptions, Format, Metadata, encode};
use safelight::image::{Depth, Image};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The shared development data, or `None` (with the reason printed) where there is none.
pub fn shared(path: &str) -> Option<PathBuf> {
    let found = root().join("../shared").join(path);
    if !found.exists() {
        eprintln!("skipped: {} is not there", found.display());
        return None;
    }
    Some(found)
}

/// Whether hang-ups are ignored here, as under `nohup`, and so in every child.
pub fn ignores_hangups() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap() & 1 == 1)
}

/// A small picture with gradients and edges that differ by `seed`.
pub fn picture(width: usize, height: usize, channels: usize, depth: Depth, seed: u32) -> Image {
    let mut image = Image::new(width, height, channels, depth);
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    for i in 0..image.samples().len() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (state >> 16) as f32 / 65536.0 - 0.5;
        let (x, y) = (i / channels % width, i / channels / width);
        let wave = 0.5 + 0.3 * ((x as f32 + seed as f32) / 5.0).sin() * (y as f32 / 7.0).cos();
        image.samples_mut().set(i, (wave + 0.08 * noise).clamp(0.0, 1.0));
    }
    image
}

pub fn save(image: &Image, path: &Path) {
    let format = Format::from_extension(path.extension().unwrap().to_str().unwrap()).unwrap();
    let bytes = encode(image, &Metadata::default(), None, &EncodeOptions::new(format)).unwrap().bytes;
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// An archive of `count` small pictures of several kinds in nested folders.
pub fn archive(folder: &Path, count: u32) {
    for n in 0..count {
        let (extension, channels, depth) = match n % 5 {
            0 => ("png", 3, Depth::U8),
            1 => ("jpg", 3, Depth::U8),
            2 => ("png", 1, Depth::U16),
            3 => ("bmp", 3, Depth::U8),
            _ => ("tif", 3, Depth::U16),
        };
        let name = format!("{}/{}/img-{n:03}.{extension}", n % 3, n % 2);
        save(&picture(40 + n as usize % 9, 30 + n as usize % 7, channels, depth, n), &folder.join(name));
    }
}

/// A job on disk: an input folder, an output folder and a pipeline file.
pub struct Job {
    pub dir: tempfile::TempDir,
}

impl Job {
    /// A job with these steps (YAML list items) over an empty input folder.
    pub fn new(steps: &str) -> Job {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("in")).unwrap();
        let job = Job { dir };
        job.steps(steps);
        job
    }

    /// Replaces the steps.
    pub fn steps(&self, steps: &str) {
        let steps: String = steps.lines().map(|l| format!("  {}\n", l.trim_start())).collect();
        let text = format!(
            "version: 1\nname: test\ninput: {{path: {}}}\noutput: {}\nsteps:\n{steps}",
            self.input().display(),
            self.output().display()
        );
        fs::write(self.pipeline(), text).unwrap();
    }

    /// Makes it a training job: `input` as YAML, the keys of `train` and the limits as lines.
    pub fn trains(&self, input: &str, keys: &str, limits: &str) {
        let output = self.output();
        let text = format!(
            "version: 1\nname: test\ninput: {input}\noutput: {}\ntrain:\n{keys}limits: {limits}\n",
            output.display()
        );
        fs::write(self.pipeline(), text).unwrap();
    }

    pub fn input(&self) -> PathBuf {
        self.dir.path().join("in")
    }

    pub fn output(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    pub fn pipeline(&self) -> PathBuf {
        self.dir.path().join("job.yaml")
    }

    /// A command of the program on this job's pipeline, not yet run.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_safelight"));
        command.arg(arguments[0]).arg(self.pipeline()).args(&arguments[1..]).current_dir(root());
        command
    }

    /// Runs a command of the program on this job's pipeline.
    pub fn call(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.command(arguments).output().unwrap())
    }

    /// The same with a planted fault, and those that the tests were begun with.
    pub fn call_with_fault(&self, arguments: &[&str], fault: &str) -> Ended {
        let all =
            std::env::var("SAFELIGHT_TEST_FAULT").map_or(fault.to_string(), |all| format!("{all},{fault}"));
        Ended::from(self.command(arguments).env("SAFELIGHT_TEST_FAULT", all).output().unwrap())
    }

    /// Starts a command without waiting.
    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// The same, with its messages to be read.
    pub fn start_told(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The model that a training job wrote.
    pub fn model(&self) -> Vec<u8> {
        fs::read(self.output().join("model.onnx")).unwrap()
    }

    /// What the program tells of the model that a training job wrote.
    pub fn described(&self) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_safelight"));
        let command = command.arg("model").arg(self.output().join("model.onnx"));
        Ended::from(command.output().unwrap()).expect(0).out
    }

    /// The checkpoints of a training job.
    pub fn checkpoints(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.output().join(".safelight")).unwrap().map(|e| e.unwrap().path());
        let named = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("checkpoint-");
        entries.filter(named).collect()
    }

    pub fn clear_output(&self) {
        fs::remove_dir_all(self.output()).ok();
    }

    /// Rows of the manifest by path.
    pub fn manifest(&self) -> BTreeMap<String, csv::StringRecord> {
        let mut reader = csv::Reader::from_path(self.output().join(MANIFEST)).unwrap();
        reader.records().map(|r| r.unwrap()).map(|r| (r[1].to_string(), r)).collect()
    }
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// Exit code; `None` when killed by a signal.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Ended {
        Ended {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ended {
    /// Asserts the exit code and gives itself back.
    #[track_caller]
    pub fn expect(self, code: i32) -> Ended {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }
}

/// The rows of a Parquet file, without columns of times, which polars is compiled without.
pub fn frame(bytes: &[u8]) -> polars::prelude::PolarsResult<polars::prelude::DataFrame> {
    use polars::prelude::{ArrowDataType, ParquetReader, SerReader};
    let mut reader = ParquetReader::new(std::io::Cursor::new(bytes));
    let timeless = reader
        .schema()?
        .iter_values()
        .filter(|f| !matches!(f.dtype, ArrowDataType::Timestamp(..)))
        .map(|f| f.name.to_string())
        .collect();
    reader.with_columns(Some(timeless)).finish()
}

pub type Tree = BTreeMap<PathBuf, Vec<u8>>;

/// The list of all inputs, in an output.
pub const MANIFEST: &str = ".safelight/manifest.csv";

/// Every file below `folder` with its content; of the ledger's own folder the manifests alone, no temporary names. Links that
/// stand for folders of parts are followed.
pub fn tree(folder: &Path) -> Tree {
    let mut files = Tree::new();
    for entry in walkdir::WalkDir::new(folder).into_iter().filter_entry(|e| {
        let name = e.file_name().to_string_lossy();
        !name.starts_with(".safelight-tmp-")
    }) {
        let Ok(entry) = entry else { continue };
        let own = entry.path().parent().is_some_and(|parent| parent.ends_with(".safelight"));
        if entry.path().iter().any(|name| name == ".safelight")
            && !(own && entry.path().to_string_lossy().contains("manifest."))
        {
            continue;
        }
        let relative = entry.path().strip_prefix(folder).unwrap().to_path_buf();
        let link = || fs::read_link(entry.path()).unwrap().to_string_lossy().contains(".safelight/folders/");
        if entry.file_type().is_file() {
            files.insert(relative, fs::read(entry.path()).unwrap());
        } else if entry.path_is_symlink() && entry.depth() > 0 && link() {
            files.extend(tree(entry.path()).into_iter().map(|(path, bytes)| (relative.join(path), bytes)));
        }
    }
    files
}

/// Content and modification time of every original.
pub fn originals(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, std::time::SystemTime)> {
    tree(folder)
        .into_iter()
        .map(|(path, bytes)| {
            let time = fs::metadata(folder.join(&path)).unwrap().modified().unwrap();
            (path, (bytes, time))
        })
        .collect()
}

/// How two trees differ, in words.
pub fn differences(found: &Tree, wanted: &Tree) -> Vec<String> {
    let mut list = Vec::new();
    for (path, bytes) in wanted {
        match found.get(path) {
            None => list.push(format!("missing {}", path.display())),
            Some(b) if b != bytes => list.push(format!("differs {}", path.display())),
            Some(_) => {}
        }
    }
    list.extend(found.keys().filter(|p| !wanted.contains_key(*p)).map(|p| format!("extra {}", p.display())));
    list
}
