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
mod lease;
mod links;
mod lock;
pub(crate) mod look;
pub(crate) mod names;
mod output;
mod process;
mod publish;
mod retime;
mod same;
mod stamp;
mod swap;
mod sweep;
pub(crate) mod target_names;
mod writing;

pub(crate) use attributes::Attributes;
pub(crate) use dir::FileId;
pub(crate) use error::{Refusal, StoreError};
pub(crate) use fault::Fault;
#[cfg(feature = "cli")]
pub(crate) use fault::VARIABLE as FAULT_VARIABLE;
pub(crate) use folder::{Built, Part};
pub(crate) use guard::Guard;
pub(crate) use known::{Known, Seen, Standing};
pub(crate) use lease::{Asked, Lease, Owner, Tenure, generation_of, name_of};
pub(crate) use lock::{Lock, LockError};
pub(crate) use names::{STATE_FOLDER, TEMP_PREFIX};
pub(crate) use output::{Staged, Store};
pub(crate) use process::{Life, Process, host, random};
pub(crate) use publish::Removal;
pub(crate) use stamp::{Stamp, Written, mtime_ns};
pub(crate) use writing::hash;

#[cfg(test)]
mod tests;
