//! What kind of disk a SQLite database stands on.

use std::path::Path;

/// A file system that does not outlive the machine's next start, or the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassingDisk {
    /// What it is, and when it is gone.
    pub what: &'static str,
    /// What to do about it.
    pub advice: &'static str,
}

/// Whether what is written to `file` will not last. `None` also where it can not be told.
#[cfg(target_os = "linux")]
#[must_use]
pub fn passing_disk(file: &Path) -> Option<PassingDisk> {
    const TMPFS: i128 = 0x0102_1994;
    const RAMFS: i128 = 0x8584_58f6;
    const OVERLAY: i128 = 0x794c_7630;
    match i128::from(rustix::fs::statfs(folder_of(file)).ok()?.f_type) {
        TMPFS | RAMFS => Some(PassingDisk {
            what: "tmpfs, which is memory: it is gone after a restart",
            advice: "name a folder on a disk in DATABASE_URL",
        }),
        OVERLAY => Some(PassingDisk {
            what: "overlay, a container's own layer: it is gone with the container",
            advice: "mount a volume and name a folder on it in DATABASE_URL",
        }),
        _ => None,
    }
}

/// It is only told on Linux.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn passing_disk(_: &Path) -> Option<PassingDisk> {
    None
}

/// The folder a file stands in.
#[must_use]
pub fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
