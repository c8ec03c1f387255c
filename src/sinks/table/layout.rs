//! What stands in a table: its columns with what they hold, and what each file says of itself.

use crate::columns::{Column, ColumnType, Zone};
use crate::pipeline::{Publication, Rows};
use serde_json::json;
use std::collections::HashSet;
use std::path::Path;

/// Columns and metadata of a table.
pub(super) struct Layout {
    /// All columns in order: what the file is, what the list said of it, what steps made.
    pub columns: Vec<Column>,
    /// The columns that steps made.
    pub made: Rows,
    /// Whether behind `uri` stands `image_path`, by which clip-retrieval finds pictures.
    pub paths: bool,
    /// Keys and values of the files' metadata.
    pub metadata: Vec<(String, String)>,
}

/// The place of `uri` among the base columns.
pub(super) const URI: usize = 2;

/// Columns every table begins with.
pub(super) fn base_columns() -> Vec<Column> {
    use ColumnType::{Int, Text, Timestamp};
    let columns = [
        ("id", Text, "32 hexadecimal digits that follow from `path` alone"),
        ("path", Text, "path relative to the input, in the form of manifests"),
        (
            "uri",
            Text,
            "address of the file, `file://` with `%` before the hexadecimal digits of odd bytes; empty for pictures that are made",
        ),
        ("size", Int, "bytes of the file"),
        ("mtime", Timestamp(Zone::Utc), "when the file was last changed; empty for pictures that are made"),
        ("hash", Text, "BLAKE3 of the file's bytes, 64 hexadecimal digits"),
        ("width", Int, "pixels as stored, before any turn that the file asks for"),
        ("height", Int, "likewise"),
        ("channels", Int, "1 gray, 3 colour; 2 and 4 with alpha"),
        ("bit_depth", Int, "bits of a sample"),
        ("format", Text, "format of the file, told by its content"),
    ];
    columns.into_iter().map(|(name, kind, about)| Column::new(name, kind).about(about)).collect()
}

impl Layout {
    pub(super) fn of(publication: &Publication<'_>, paths: bool) -> Layout {
        let mut columns = base_columns();
        if paths {
            let about = "absolute path of the file, in the form of manifests";
            columns.insert(URI + 1, Column::new("image_path", ColumnType::Text).about(about));
        }
        let mut taken: HashSet<String> = columns.iter().map(|c| c.name.clone()).collect();
        let made = publication.rows.clone();
        taken.extend(made.columns().map(|c| c.name.clone()));
        for column in publication.carried {
            let mut name = column.name.clone();
            while !taken.insert(name.clone()) {
                name = format!("list_{name}");
            }
            let about = format!("column `{}` of the list", column.name);
            columns.push(Column::new(name, column.kind).about(about));
        }
        columns.extend(made.columns().cloned());
        let metadata = metadata(publication, &columns, &made);
        Layout { columns, made, paths, metadata }
    }

    /// Names, types and all that the values follow from: what a part's name is made of beside its rows.
    pub(super) fn text(&self) -> String {
        let columns = self.columns.iter().map(|c| format!("{}:{};", c.name, c.kind.name()));
        let products = self.made.products().map(|p| format!("{p:?};"));
        let metadata = self.metadata.iter().map(|(k, v)| format!("{k}={v};"));
        columns.chain(products).chain(metadata).collect()
    }
}

fn metadata(publication: &Publication<'_>, columns: &[Column], made: &Rows) -> Vec<(String, String)> {
    let ids: String = made.products().flatten().map(|b| format!("{b:02x}")).collect();
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let models: Vec<_> =
        publication.models.iter().map(|(path, hash)| json!({"name": name(path), "hash": hash})).collect();
    let about: serde_json::Map<String, serde_json::Value> =
        columns.iter().map(|c| (c.name.clone(), json!(c.about))).collect();
    let mut pairs = vec![
        ("safelight.version", env!("CARGO_PKG_VERSION").to_string()),
        ("safelight.pipeline", publication.pipeline.to_string()),
        ("safelight.fingerprint", blake3::hash(ids.as_bytes()).to_hex()[..32].to_string()),
        ("safelight.models", json!(models).to_string()),
        ("safelight.input", super::uri::of(publication.root)),
        ("safelight.yaml", publication.yaml.to_string()),
        ("safelight.columns", json!(about).to_string()),
    ];
    pairs.extend(pictures(columns).map(|told| ("huggingface", told)));
    pairs.into_iter().map(|(key, value)| (key.to_string(), value)).collect()
}

/// Which columns are pictures, as `datasets` reads it.
fn pictures(columns: &[Column]) -> Option<String> {
    let pictures: serde_json::Map<String, serde_json::Value> = columns
        .iter()
        .filter(|c| c.kind == ColumnType::Image)
        .map(|c| (c.name.clone(), json!({"_type": "Image"})))
        .collect();
    (!pictures.is_empty()).then(|| json!({"info": {"features": pictures}}).to_string())
}
