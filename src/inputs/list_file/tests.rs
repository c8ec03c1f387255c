//! Lists as people have them.

use super::list::below;
use super::*;
use crate::columns::{ColumnType, Value};
use polars::prelude::{DataFrame, IntoColumn, NamedFrom, ParquetWriter, Series};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn csv(&self, text: impl AsRef<[u8]>) -> PathBuf {
        let file = self.0.path().join("l.csv");
        fs::write(&file, text).unwrap();
        file
    }

    fn parquet(&self, columns: Vec<Series>, group: usize) -> PathBuf {
        let file = self.0.path().join("l.parquet");
        let columns = columns.into_iter().map(IntoColumn::into_column).collect();
        let mut frame = DataFrame::new_infer_height(columns).unwrap();
        let writer = ParquetWriter::new(File::create(&file).unwrap()).with_row_group_size(Some(group));
        writer.finish(&mut frame).unwrap();
        file
    }
}

fn wanted(file: &Path) -> Wanted<'_> {
    Wanted { file, column: "path", root: Path::new("/archive"), memory: 1 << 30, written: false }
}

fn list(file: &Path) -> List {
    read(&wanted(file)).unwrap_or_else(|what| panic!("{what}"))
}

fn refused(file: &Path) -> String {
    read(&wanted(file)).unwrap_err().to_string()
}

fn kinds(list: &List) -> Vec<(&str, ColumnType)> {
    list.columns.iter().map(|c| (c.name.as_str(), c.kind)).collect()
}

#[test]
fn listed_paths_stay_below_the_root() {
    let root = Path::new("/archive");
    assert_eq!(below(Path::new("./a/b.png"), root), Ok(PathBuf::from("a/b.png")));
    assert_eq!(below(Path::new("/archive/a.png"), root), Ok(PathBuf::from("a.png")));
    for outside in ["../a.png", "/etc/passwd", "", "a/../../b", "/"] {
        assert!(below(Path::new(outside), root).is_err(), "{outside}");
    }
}

#[test]
fn csv_columns_are_typed_as_a_whole_and_keep_their_values() {
    let folder = Folder::new();
    let text = "label,path,zip,score,note,id,phone,mixed\n\
                3,a.png,00123,1.5,,12345678901234567890,+49,1\n\
                ,b.png,123,-2,\"x,\ny\",7,-1,9007199254740993.5\n";
    let list = list(&folder.csv(format!("\u{feff}{text}")));
    use ColumnType::{Float, Int, Text};
    let expected = [
        ("label", Int),
        ("zip", Text),
        ("score", Float),
        ("note", Text),
        ("id", Text),
        ("phone", Text),
        ("mixed", Float),
    ];
    assert_eq!(kinds(&list), expected);
    assert_eq!(list.rows.paths().collect::<Vec<_>>(), [Path::new("a.png"), Path::new("b.png")]);
    let text = |text: &str| Value::Text(text.into());
    let first = [
        Value::Int(3),
        text("00123"),
        Value::Float(1.5),
        text(""),
        text("12345678901234567890"),
        text("+49"),
        Value::Float(1.0),
    ];
    assert_eq!(list.rows.values(0), first);
    assert_eq!((&list.rows.values(1)[0], &list.rows.values(1)[3]), (&Value::Null, &text("x,\ny")));
}

#[test]
fn numbers_are_paths_where_paths_are_wanted_and_bytes_are_kept() {
    let folder = Folder::new();
    let list = list(&folder.csv(b"path\n1\n007\ncaf\xe9.png\n\\xFF.png\n=1.png\n'=2.png\n"));
    let paths: Vec<&[u8]> =
        list.rows.paths().map(|p| std::os::unix::ffi::OsStrExt::as_bytes(p.as_os_str())).collect();
    let expected: [&[u8]; 6] = [b"1", b"007", b"caf\xe9.png", b"\\xFF.png", b"=1.png", b"'=2.png"];
    assert_eq!(paths, expected);
}

#[test]
fn a_manifest_gives_back_the_names_that_it_was_written_from() {
    let folder = Folder::new();
    let file =
        folder.csv("id,path,status,note\n1,'=a.png,done,'-x\n2,''=b.png,done,'x\n3,\\xFF\\x5Cx41,failed,\n");
    let list = list(&file);
    let paths: Vec<&[u8]> =
        list.rows.paths().map(|p| std::os::unix::ffi::OsStrExt::as_bytes(p.as_os_str())).collect();
    assert_eq!(paths, [&b"=a.png"[..], b"'=b.png", b"\xff\\x41"]);
    assert_eq!(list.rows.values(0)[2], Value::Text("-x".into()));
    assert_eq!(list.rows.values(1)[2], Value::Text("'x".into()));
    // An escape cannot lead out of the root.
    assert!(refused(&folder.csv("id,path,status\n1,\\x2E\\x2E/a.png,done\n")).contains("not below"));
}

#[test]
fn what_is_wrong_with_a_csv_is_told_with_its_line() {
    let folder = Folder::new();
    for (text, told) in [
        (&b"path,label\na.png,3\nb.png\n"[..], "line: 3"),
        (b"path,label\na.png,3\n,4\n", "line 3 has no path: the cell of `path` is empty"),
        (b"label,path\n\"x\ny\",a\nz,../b\n", "line 4: ../b is not below /archive"),
        (b"path\na\nb\n./a\n", "row 3: a is listed twice, first in row 1"),
        (b"path\n/etc/\x1b[2J\n", "/etc/\\x1B[2J is not below"),
        (b"path,label\na,caf\xe9\n", "line 2: a cell is not UTF-8"),
        (b"path;label\na;b\n", "not separated by commas"),
        (b"file,label\na,b\n", "has no column `path`; it has file, label"),
        (b"", "has no column `path`"),
    ] {
        let what = refused(&folder.csv(text));
        assert!(what.contains(told), "{what}\n{told}");
    }
    assert!(refused(folder.0.path()).contains("no regular file"));
}

#[test]
fn a_list_that_cannot_fit_is_refused_with_its_numbers() {
    let folder = Folder::new();
    let rows: String = (0..300_000).map(|i| format!("a/{i}.png,label\n")).collect();
    let file = folder.csv(format!("path,label\n{rows}"));
    let what = read(&Wanted { memory: 128 << 20, ..wanted(&file) }).unwrap_err().to_string();
    assert!(what.contains("has 300000 rows") && what.contains("over the 128 MiB of limits.memory"), "{what}");
    let paths: Vec<String> = (0..300_000).map(|i| format!("a/{i}.png")).collect();
    let file = folder.parquet(vec![Series::new("path".into(), paths)], 50_000);
    let what = read(&Wanted { memory: 128 << 20, ..wanted(&file) }).unwrap_err().to_string();
    assert!(what.contains("has 300000 rows") && what.contains("limits.memory"), "{what}");
    assert_eq!(list(&file).rows.path(299_999), Path::new("a/299999.png"));
}

#[test]
fn parquet_columns_are_read_by_their_schema() {
    let folder = Folder::new();
    let columns = vec![
        Series::new("flag".into(), [Some(true), None, Some(false)]),
        Series::new("small".into(), [1_i8, -2, 3]),
        Series::new("large".into(), [u64::MAX, 1, 2]),
        Series::new("path".into(), ["a.png", "b.png", "c.png"]),
        Series::new("few".into(), [Some(7_u64), None, Some(9)]),
        Series::new("score".into(), [0.5_f32, f32::NAN, 2.0]),
        Series::new(
            "lists".into(),
            [Series::new("".into(), [1, 2]), Series::new("".into(), [3]), Series::new("".into(), [4])],
        ),
        Series::new("raw".into(), [&b"x"[..], b"y", b"\xff"]),
        Series::new("name".into(), [Some("x"), None, Some("")]),
    ];
    let list = list(&folder.parquet(columns, 2));
    use ColumnType::{Bool, Float, Int, Text};
    let expected =
        [("flag", Bool), ("small", Int), ("large", Text), ("few", Int), ("score", Float), ("name", Text)];
    assert_eq!(kinds(&list), expected);
    assert_eq!(list.left_out, ["lists (nested values)", "raw (bytes)"]);
    let text = |text: &str| Value::Text(text.into());
    let first = [
        Value::Bool(true),
        Value::Int(1),
        text("18446744073709551615"),
        Value::Int(7),
        Value::Float(0.5),
        text("x"),
    ];
    assert_eq!(list.rows.values(0), first);
    let second = [Value::Null, Value::Int(-2), text("1"), Value::Null, Value::Null, Value::Null];
    assert_eq!(list.rows.values(1), second);
    assert_eq!(list.rows.paths().collect::<Vec<_>>(), ["a.png", "b.png", "c.png"].map(Path::new));
}

/// Written by `tests/python/list_fixture.py`, with every type that others put into such files.
#[test]
fn columns_of_other_types_are_left_out_and_categories_are_texts() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/list_types.parquet");
    let list = list(&file);
    use ColumnType::{Int, Text};
    // Parquet has no type for what Arrow calls a duration.
    let expected = [("took", Int), ("large", Text), ("view", Text), ("category", Text), ("count", Int)];
    assert_eq!(kinds(&list), expected);
    assert_eq!(list.left_out.len(), 14, "{:?}", list.left_out);
    assert!(list.left_out.contains(&"price (decimals)".to_string()), "{:?}", list.left_out);
    assert_eq!(list.rows.paths().collect::<Vec<_>>(), ["a.png", "b.png", "a b.png"].map(Path::new));
    let text = |text: &str| Value::Text(text.into());
    let day = Value::Int(86_400);
    assert_eq!(list.rows.values(0), [day.clone(), text("x"), text("x"), text("cat"), Value::Int(1)]);
    assert_eq!(list.rows.values(1), [day, Value::Null, Value::Null, text("dog"), Value::Null]);
    // Each of the others as the column of paths is told for what it is.
    for column in
        list.left_out.iter().map(|name| name.split(' ').next().unwrap()).filter(|name| *name != "raw")
    {
        let what = read(&Wanted { column, ..wanted(&file) }).unwrap_err().to_string();
        assert!(what.contains("not paths: set `input.column`"), "{what}");
    }
}

#[test]
fn what_is_wrong_with_a_parquet_list_is_told() {
    let folder = Folder::new();
    let nulls = Series::new("path".into(), [Some("a"), None]);
    assert!(refused(&folder.parquet(vec![nulls], 9)).contains("row 2 has no path"));
    let numbers = Series::new("path".into(), [1, 2]);
    let what = refused(&folder.parquet(vec![numbers], 9));
    assert!(what.contains("has whole numbers in the column `path`, not paths"), "{what}");
    let other = Series::new("file".into(), ["a"]);
    assert!(refused(&folder.parquet(vec![other], 9)).contains("has no column `path`; it has file"));
    // Bytes can be paths.
    let bytes = Series::new("path".into(), [&b"caf\xe9.png"[..]]);
    assert_eq!(list(&folder.parquet(vec![bytes], 9)).rows.len(), 1);
    let whole = folder.parquet(vec![Series::new("path".into(), ["a.png"; 1])], 9);
    let bytes = fs::read(&whole).unwrap();
    for cut in [0, 3, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&whole, &bytes[..cut]).unwrap();
        assert!(refused(&whole).contains("Parquet"), "{cut}");
    }
}
