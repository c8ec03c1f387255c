//! The inputs of a job: which there are, what identifies them, and how they are read.

mod beside;
mod identity;
mod input;
mod list_file;
pub(crate) mod litter;
mod made;
mod pages;
mod plan;
mod read;
mod reference;
pub(crate) mod series;
mod walk;

pub(crate) use crate::shown::data as path_text;
pub(crate) use beside::{Beside, ending};
pub(crate) use identity::Identity;
pub(crate) use input::{Input, Origin, Reference, ReferenceFile, item_id};
pub(crate) use list_file::{List, Wanted, read as read_list};
pub(crate) use made::Made;
pub(crate) use pages::Pages;
pub(crate) use plan::{InputPlan, Source};
pub(crate) use read::{identify, read_unchanged};
pub(crate) use reference::{PairLists, References, Rule};
pub(crate) use walk::{Listing, Outside, listing};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_utf8_stays_visible() {
        assert_eq!(path_text(b"a/\xffb"), "a/\\xFFb");
        assert_eq!(path_text("ü\n".as_bytes()), "ü\n");
    }
}
