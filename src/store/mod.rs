//! The only writer of files. Everything appears under its final name whole, synced, and by rename.
//!
//! A file is *staged* (written under a temporary name beside its target) by a worker and *published*
//! (synced, renamed, folder synced) by the committer. What a crash leaves behind carries a temporary
//! name and is swept by the next run. The output folder is opened once; from there every folder is reached
//! by handle ([`Dir`]), never through a link and never into a folder of the input ([`Guard`]). A name that is
//! new is taken only while nothing has it; a file that is there is replaced only while it is the one that
//! was written ([`Known`]).

mod attributes;
mod compare;
mod dir;
mod error;
mod fault;
mod folder;
mod guard;
mod hashing;
mod known;
mod lock;
pub mod look;
pub mod names;
mod output;
mod publish;
mod retime;
mod stamp;
mod sweep;
pub mod target_names;
mod writing;

pub use attributes::Attributes;
pub use dir::FileId;
pub use error::{Refusal, StoreError};
pub use fault::Fault;
#[cfg(feature = "cli")]
pub use fault::VARIABLE as FAULT_VARIABLE;
pub use folder::{Built, Part};
pub use guard::Guard;
pub use known::{Known, Seen, Standing};
pub use lock::{Lock, LockError};
pub use names::{STATE_FOLDER, TEMP_PREFIX};
pub use output::{Staged, Store};
pub use publish::Removal;
pub use stamp::{Stamp, Written, mtime_ns};

#[cfg(test)]
mod tests;
