//! A small made-up picture archive for trying the program out, and the clean scenes it is made of:
//! `cargo run --release --example archive -- new-folder [seed]`, or `make sample` for `sample_data/archive`.
//!
//! Everything follows from a seed through [`rng::SplitMix64`], so that the same seed gives the same
//! bytes; only the last digits of the platform's `sin`, `exp` and `powf` may differ between machines.

mod archive;
mod degrade;
mod draw;
mod march;
mod noise;
mod rng;
mod scenes;

use std::error::Error;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let folder = arguments.next().ok_or("usage: archive FOLDER [SEED]")?;
    let seed = arguments.next().map_or(Ok(0), |seed| seed.to_string_lossy().parse())?;
    for (name, bytes) in archive::archive(seed)? {
        let path = Path::new(&folder).join(name);
        fs::create_dir_all(path.parent().ok_or("no folder")?)?;
        // Nothing that is there is written over.
        fs::File::create_new(&path).and_then(|mut file| std::io::Write::write_all(&mut file, &bytes))?;
    }
    Ok(())
}
