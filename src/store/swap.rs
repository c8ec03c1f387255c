//! Giving a folder that was built its name, in place of the one that has it.

use super::dir::{Dir, Kind};
use super::error::{Refusal, StoreError};
use super::links::{Link, name_for, text_for};
use super::names::{FOLDERS, STATE_FOLDER};
use super::output::Store;
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

/// Where a folder is that has been replaced: the folder that it lies in, and its name there.
type Old = Option<(Dir, OsString)>;

impl Store {
    /// Gives the folder `temp` in `parent` the name `name`, which is `folder` in the output; tells where the old one is.
    ///
    /// Where the file system can exchange two names, the two do, whatever stands there. Where it can't, a link leads to the
    /// new folder in place of the link to the old one ([`super::links`]); a real folder that stands there (the output was
    /// copied from elsewhere) has first to give way, which leaves a short gap without either, once. Where it has no links
    /// either, there is that gap each time.
    pub(super) fn swap(
        &self,
        parent: &Dir,
        temp: &OsStr,
        (name, folder): (&OsStr, &Path),
    ) -> io::Result<Old> {
        let link = Link::at(&self.root, parent, name, folder)?;
        if let Some(found) = parent.look(name)?.filter(|found| found.kind != Kind::Folder && link.is_none()) {
            let refusal = Refusal::stands(&parent.path().join(name), found.kind);
            return Err(io::Error::other(refusal.to_string()));
        }
        if !self.exchanges(parent)? {
            return self.swap_links(parent, temp, (name, folder), link);
        }
        match parent.rename_new(temp, name) {
            Ok(()) => return Ok(None),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
        if !self.exchange(parent, temp, name)? {
            return self.swap_names(parent, temp, name);
        }
        match link {
            // From a time when the output lay where links were needed.
            Some(link) if parent.look(temp)?.is_some_and(|found| found.kind == Kind::Link) => {
                parent.unlink(temp)?;
                Ok(self.folders(false)?.map(|folders| (folders, link.name)))
            }
            _ => Ok(Some((parent.again()?, temp.to_os_string()))),
        }
    }

    /// Whether two names in a folder can be exchanged, by trying.
    fn exchanges(&self, dir: &Dir) -> io::Result<bool> {
        let (one, ()) = self.fresh(|temp| dir.make(temp))?;
        let other = self.fresh(|temp| dir.make(temp));
        let answer = other.and_then(|(other, ())| {
            let answer = self.exchange(dir, &one, &other);
            dir.remove_folder(&other).ok();
            answer
        });
        // What stays is swept.
        dir.remove_folder(&one).ok();
        answer
    }

    /// Puts a link to the new folder in place of that to the old one.
    fn swap_links(
        &self,
        parent: &Dir,
        temp: &OsStr,
        (name, folder): (&OsStr, &Path),
        link: Option<Link>,
    ) -> io::Result<Old> {
        let Some(set) = name_for(folder, self.number()) else { return self.swap_names(parent, temp, name) };
        let made = self.fresh(|temp| match self.fault().lacks("links") {
            true => Err(Errno::PERM.into()),
            false => parent.make_link(&text_for(folder, &set), temp),
        });
        let new = match made {
            Ok((new, ())) => new,
            Err(e) if lacks_links(&e) => return self.swap_names(parent, temp, name),
            Err(e) => return Err(e),
        };
        let Some(folders) = self.folders(true)? else { return Err(io::ErrorKind::NotFound.into()) };
        self.fault().hit("move-folder")?;
        match parent.move_new(temp, &folders, &set) {
            // The state folder is on another file system.
            Err(e) if Errno::from_io_error(&e) == Some(Errno::XDEV) => {
                parent.unlink(&new)?;
                return self.swap_names(parent, temp, name);
            }
            moved => moved?,
        }
        // On the disk before anything leads there.
        folders.sync()?;
        self.root.child(OsStr::new(STATE_FOLDER))?.sync()?;
        self.fault().hit("link-folder")?;
        match link {
            Some(link) => {
                parent.rename(&new, name)?;
                Ok(Some((folders, link.name)))
            }
            None => match parent.rename_new(&new, name) {
                Ok(()) => Ok(None),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => self.swap_names(parent, &new, name),
                Err(e) => Err(e),
            },
        }
    }

    /// In two steps, with a moment between them in which nothing has the name.
    fn swap_names(&self, parent: &Dir, temp: &OsStr, name: &OsStr) -> io::Result<Old> {
        match parent.rename_new(temp, name) {
            Ok(()) => return Ok(None),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
        let aside = self.temp_name();
        parent.rename(name, &aside)?;
        self.fault().hit("gap")?;
        parent.rename(temp, name)?;
        Ok(Some((parent.again()?, aside)))
    }

    /// The folder of those to which links lead.
    pub(super) fn folders(&self, make: bool) -> io::Result<Option<Dir>> {
        let opened = self.folder(&PathBuf::from(STATE_FOLDER).join(FOLDERS), make);
        opened.map_err(|error| match error {
            StoreError::Io { source, .. } => source,
            refused => io::Error::other(refused.to_string()),
        })
    }

    /// Removes the link `name` in `dir`, which is `relative` in the output, where it is one of safelight's and leads to an
    /// empty folder or to none, with that folder; tells whether it is gone.
    pub(super) fn remove_link(&self, dir: &Dir, name: &OsStr, relative: &Path) -> bool {
        let Ok(Some(link)) = Link::at(&self.root, dir, name, relative) else { return false };
        let emptied = match (link.folder, self.folders(false)) {
            (None, _) => true,
            (Some(_), Ok(Some(folders))) => folders.remove_folder(&link.name).is_ok(),
            (Some(_), _) => false,
        };
        emptied && dir.unlink(name).is_ok()
    }
}

/// Whether an answer says that the file system has no symbolic links.
fn lacks_links(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::PERM | Errno::NOSYS | Errno::OPNOTSUPP))
}

#[cfg(test)]
mod tests;
