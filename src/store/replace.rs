//! Putting a whole SQLite database in the place of another one, so that at any moment one of the two stands there.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::copies::{CopyError, fold, with_companions};
use super::disk::folder_of;

/// A database could not be put in its place; what stood there stands there still.
#[derive(Debug, thiserror::Error)]
pub enum ReplaceError {
    /// Another process has it open.
    #[error("another process uses it")]
    InUse,
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] io::Error),
}

/// Whether anything stands in a database's place.
#[must_use]
pub fn is_taken(target: &Path) -> bool {
    with_companions(target).iter().any(|file| file.exists())
}

/// Sees to it that nobody has a database open, as long as the answer is held. SQLite's processes hold a lock on the file
/// while they run; one that starts meanwhile waits.
///
/// # Errors
/// [`ReplaceError`].
pub fn hold(file: &Path) -> Result<Option<File>, ReplaceError> {
    if !file.exists() {
        return Ok(None);
    }
    let held = OpenOptions::new().read(true).write(true).open(file)?;
    #[cfg(unix)]
    match rustix::fs::fcntl_lock(&held, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => return Err(ReplaceError::InUse),
        Err(error) => return Err(io::Error::from(error).into()),
    }
    Ok(Some(held))
}

/// Puts `new` where `target` is. What stood there is kept as `aside`, whole: with what SQLite keeps beside it, where that
/// can not be folded in because the file is damaged.
///
/// # Errors
/// [`ReplaceError`].
pub async fn replace_database(new: NamedTempFile, target: &Path, aside: &Path) -> Result<(), ReplaceError> {
    new.as_file().sync_all()?;
    if !is_taken(target) {
        new.persist_noclobber(target).map_err(|error| error.error)?;
        return sync_folder(target);
    }
    if target.exists() {
        drop(hold(target)?);
        match fold(target).await {
            Ok(()) | Err(CopyError::Damaged(_) | CopyError::Foreign) => {}
            Err(CopyError::InUse) => return Err(ReplaceError::InUse),
            Err(CopyError::Store(error)) => return Err(io::Error::other(error.to_string()).into()),
        }
    }
    let held = hold(target)?;
    if let Some(old) = &held {
        take_over_owner(old, new.as_file())?;
    }
    let [main, log, index] = with_companions(target);
    for (old, kept) in [&main, &log].into_iter().zip(with_companions(aside)) {
        if old.exists() {
            keep(old, &kept)?;
        }
    }
    sync_folder(target)?;
    // A log that is left behind would be taken for the new database's.
    for left in [&log, &index].into_iter().filter(|file| file.exists()) {
        std::fs::remove_file(left)?;
    }
    new.persist(target).map_err(|error| error.error)?;
    drop(held);
    sync_folder(target)
}

fn keep(old: &Path, kept: &PathBuf) -> io::Result<()> {
    // Some file systems have no second names.
    std::fs::hard_link(old, kept).or_else(|_| std::fs::copy(old, kept).map(drop))
}

#[cfg(unix)]
fn take_over_owner(old: &File, new: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let (was, is) = (old.metadata()?, new.metadata()?);
    new.set_permissions(was.permissions())?;
    if (was.uid(), was.gid()) != (is.uid(), is.gid()) {
        fchown(new, Some(was.uid()), Some(was.gid()))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn take_over_owner(_: &File, _: &File) -> io::Result<()> {
    Ok(())
}

/// So that the new name survives a power loss.
///
/// # Errors
/// [`ReplaceError::Disk`].
pub fn sync_folder(file: &Path) -> Result<(), ReplaceError> {
    #[cfg(unix)]
    File::open(folder_of(file))?.sync_all()?;
    Ok(())
}
