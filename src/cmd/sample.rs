//! `sample`: writes the sample archive.

use super::{code, err, out};
use crate::cli::SampleArgs;
use crate::shown::Show;
use crate::store::{Fault, Guard, Known, Store, look};
use std::path::Path;

/// Fills a folder with the sample archive.
pub fn sample(args: &SampleArgs) -> u8 {
    let taken = match look::list(&args.folder) {
        Ok(entries) => entries.is_some_and(|entries| !entries.is_empty()),
        Err(error) => {
            err(&format!("error: cannot look at {}: {error}\n", args.folder.shown()));
            return code::STORAGE;
        }
    };
    if taken {
        err(&format!("error: {} is not empty; name an empty or new folder\n", args.folder.shown()));
        return 2;
    }
    let files = match crate::sample::archive(args.seed) {
        Ok(files) => files,
        Err(error) => {
            err(&format!("error: {error}\n"));
            return code::FAILURE;
        }
    };
    let written = Store::open(&args.folder, Guard::default(), Fault::default()).and_then(|store| {
        files.iter().try_for_each(|(name, bytes)| {
            store.write_over(Path::new(name), bytes, Known::default(), false).map(drop)
        })
    });
    match written {
        Ok(()) => out(&format!("{} files in {}\n", files.len(), args.folder.shown())),
        Err(error) => {
            err(&format!("error: {error}\n"));
            code::STORAGE
        }
    }
}
