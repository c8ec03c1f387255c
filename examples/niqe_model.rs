//! Fits the model of natural statistics that `measure: [niqe]` compares with, to the table of `pipelines/niqe_features.yaml`.
//!
//! Usage: `cargo run --release --example niqe_model -- <folder of the table> <model file> [remark]`
//!
//! As Mittal, Soundararajan and Bovik did, of each picture the sharpest patches count: those whose mean local deviation is above
//! three quarters of the highest.

use polars::prelude::{DataFrame, ParquetReader, PolarsError, SerReader};
use safelight::image::measure::niqe::{DIM, Model};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;

/// Share of the highest sharpness of a picture that a patch has to have.
const SHARP: f64 = 0.75;

type Patch = (f64, [f32; DIM]);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, out, remark @ ..] = &arguments[..] else {
        return Err("name the folder of the table and the file to write".into());
    };
    let mut parts: Vec<_> =
        std::fs::read_dir(folder)?.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
    parts.retain(|part| part.extension().is_some_and(|ending| ending == "parquet"));
    parts.sort();
    let mut pictures: BTreeMap<String, Vec<Patch>> = BTreeMap::new();
    for part in parts {
        add(&ParquetReader::new(File::open(part)?).finish()?, &mut pictures)?;
    }
    let sharpest = |patches: &Vec<Patch>| {
        let highest = patches.iter().map(|(sharpness, _)| *sharpness).fold(0.0, f64::max);
        let kept = patches.iter().filter(move |(sharpness, _)| *sharpness > SHARP * highest);
        kept.map(|(_, numbers)| *numbers).collect::<Vec<_>>()
    };
    let patches: Vec<[f32; DIM]> = pictures.values().flat_map(sharpest).collect();
    let told = format!("{} patches of {} pictures", patches.len(), pictures.len());
    let model = Model::fit(&patches).map_err(|e| format!("{told}: {e}"))?;
    std::fs::write(out, model.text(&[std::slice::from_ref(&told), remark].concat().join("\n")))?;
    println!("{out}: {told}");
    Ok(())
}

/// Adds the patches of a part of the table; flat ones have no sharpness.
fn add(table: &DataFrame, pictures: &mut BTreeMap<String, Vec<Patch>>) -> Result<(), PolarsError> {
    let paths = table.column("path")?.str()?;
    let sharpness = table.column("niqe_sharpness")?.f64()?;
    let numbers = table.column("niqe_features")?.array()?.get_inner();
    let numbers = numbers.f32()?;
    for row in 0..table.height() {
        let Some((path, sharpness)) = paths.get(row).zip(sharpness.get(row)) else { continue };
        let patch = std::array::from_fn(|i| numbers.get(row * DIM + i).unwrap_or_default());
        pictures.entry(path.to_owned()).or_default().push((sharpness, patch));
    }
    Ok(())
}
