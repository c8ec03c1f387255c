//! The inputs of a job: which there are, what identifies them, and how they are read.

mod beside;
mod identity;
mod input;
mod list_file;
pub mod litter;
mod made;
mod pages;
mod plan;
mod read;
pub mod series;
mod walk;

pub use crate::shown::data as path_text;
pub use beside::{Beside, ending};
pub use identity::Identity;
pub use input::{Input, Origin, item_id};
pub use list_file::{List, Wanted, read as read_list};
pub use made::Made;
pub use pages::Pages;
pub use plan::{InputPlan, Source};
pub use read::{identify, read_unchanged};
pub use walk::{Listing, Outside, listing};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_utf8_stays_visible() {
        assert_eq!(path_text(b"a/\xffb"), "a/\\xFFb");
        assert_eq!(path_text("ü\n".as_bytes()), "ü\n");
    }
}
