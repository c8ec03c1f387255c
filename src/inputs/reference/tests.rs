use super::*;
use crate::inputs::Source;
use globset::GlobSet;
use std::fs;

fn plan(root: &Path) -> InputPlan {
    InputPlan {
        root: root.to_path_buf(),
        list: None,
        source: Source::Folder,
        include: GlobSet::empty(),
        exclude: GlobSet::empty(),
        shallow: None,
        follow_symlinks: false,
        strict: false,
        hidden: false,
        pages: crate::inputs::Pages::default(),
        carried: Vec::new(),
        notes: Vec::new(),
    }
}

fn input(root: &Path, relative: &str, carried: Vec<Value>) -> Input {
    let file = root.join(relative);
    let identity = Ok(Identity { size: 1, mtime_ns: 1 });
    let origin = crate::inputs::Origin::File(file);
    Input { relative: relative.into(), origin, identity, blind: false, carried, reference: None }
}

fn write(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "x").unwrap();
}

fn found(references: &References, root: &Path, inputs: &[Input]) -> Vec<Result<String, String>> {
    let mut inputs = inputs.to_vec();
    references.find(&plan(root), &mut inputs);
    let told = |input: &Input| match &**input.reference.as_ref().unwrap() {
        Ok(file) => Ok(file.name.shown().to_string()),
        Err(error) => Err(format!("{error}")),
    };
    inputs.iter().map(told).collect()
}

#[test]
fn names_are_looked_up_with_any_ending() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for name in [
        "clean/a/one.png",
        "clean/two.tif",
        "clean/two.jpg",
        "clean/two.txt",
        "clean/same.jpg",
        "clean/same.png",
    ] {
        write(&root.join(name));
    }
    let folder = Some(root.join("clean"));
    let rule = Rule::new("*_x2", "*").unwrap();
    let references = References::Named { folder, rule, written: "`from: \"*_x2\"`".into() };
    let inputs = ["a/one_x2.jpg", "two_x2.png", "same_x2.png", "three_x2.png", "b/one_x2.png", "one.png"];
    let inputs: Vec<Input> = inputs.iter().map(|name| input(root, name, vec![])).collect();
    let found = found(&references, root, &inputs);
    assert_eq!(found[0], Ok("a/one.png".into()));
    let ambiguous = found[1].clone().unwrap_err();
    assert!(
        ambiguous.contains("two.jpg") && ambiguous.contains("two.tif") && ambiguous.contains("no_reference")
    );
    assert_eq!(found[2], Ok("same.png".into()));
    assert!(found[3].clone().unwrap_err().contains("three.*"), "{found:?}");
    assert!(found[4].clone().unwrap_err().contains("b/one.*"), "{found:?}");
    assert!(found[5].clone().unwrap_err().contains("does not match `from: \"*_x2\"`"), "{found:?}");
}

#[test]
fn no_picture_is_its_own() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("a.png"));
    let rule = Rule::new("*", "*").unwrap();
    let references = References::Named { folder: None, rule, written: String::new() };
    let told = found(&references, dir.path(), &[input(dir.path(), "a.png", vec![])]);
    assert!(told[0].clone().unwrap_err().contains("the picture itself"), "{told:?}");
}

#[test]
fn lists_of_pairs_are_put_together() {
    let dir = tempfile::tempdir().unwrap();
    let root = fs::canonicalize(dir.path()).unwrap();
    for name in
        ["train/noisy/a.png", "train/clean/a.png", "test/noisy/b.png", "test/clean/b.png", "test/noisy/c.png"]
    {
        write(&root.join(name));
    }
    let train = "noisy_file_name,clean_file_name,corruption,level\nnoisy/a.png,clean/a.png,blur,3\n";
    let test =
        "level,clean_file_name,noisy_file_name\n0.5,clean/b.png,noisy/b.png\n1,clean/gone.png,noisy/c.png\n";
    fs::write(root.join("train/metadata.csv"), train).unwrap();
    fs::write(root.join("test/metadata.csv"), test).unwrap();
    let lists = PairLists::read(&root, &["corruption", "level", "none"]).unwrap();
    let columns: Vec<&str> = lists.columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(columns, ["corruption", "level"]);
    assert!(lists.names().contains(&"clean_file_name".to_string()));
    let pair = lists.find(&root.join("train/noisy/a.png")).unwrap();
    assert_eq!(pair.values, [Value::Text("blur".into()), Value::Float(3.0)]);
    let pair = lists.find(&root.join("test/noisy/b.png")).unwrap();
    assert_eq!(pair.values, [Value::Null, Value::Float(0.5)]);
    let references = References::Paired(root.clone(), lists);
    let names = ["train/noisy/a.png", "test/noisy/b.png", "test/noisy/c.png", "train/clean/a.png"];
    let inputs: Vec<Input> = names.iter().map(|name| input(&root, name, vec![])).collect();
    let told = found(&references, &root, &inputs);
    assert_eq!(told[..2], [Ok("train/clean/a.png".to_string()), Ok("test/clean/b.png".to_string())]);
    assert!(told[2].clone().unwrap_err().contains("gone.png is not there"), "{told:?}");
    assert!(told[3].clone().unwrap_err().contains("**/noisy/**"), "{told:?}");
    // A single list, and nothing of the kind.
    assert!(PairLists::read(&root.join("train/metadata.csv"), &[]).unwrap().columns().is_empty());
    let nothing = PairLists::read(&root.join("train/noisy"), &[]).err().unwrap();
    assert!(nothing.0.contains("holds no list of pairs"), "{nothing:?}");
    fs::write(root.join("train/metadata.csv"), "file_name,text\na,b\n").unwrap();
    let wrong = PairLists::read(&root, &[]).err().unwrap();
    assert!(wrong.0.contains("noisy_file_name") && wrong.0.contains("metadata.csv"), "{wrong:?}");
}

#[test]
fn a_column_of_the_list_names_them() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("clean/a.png"));
    let carried = |text: &str| vec![Value::Text(text.into())];
    let inputs = [
        input(dir.path(), "a.png", carried("clean/a.png")),
        input(dir.path(), "b.png", carried("")),
        input(dir.path(), "c.png", carried("clean/c.png")),
    ];
    let told = found(&References::Listed(0), dir.path(), &inputs);
    assert!(told[0].clone().unwrap().ends_with("clean/a.png"));
    assert!(told[1].clone().unwrap_err().contains("names no reference"));
    assert!(told[2].clone().unwrap_err().contains("is not there"));
}
