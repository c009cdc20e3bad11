//! The control socket: where it is, and that it is there only while the program runs.

use anyhow::{Context as _, Result, bail};
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

const NAME: &str = "control.sock";
/// For root, and for a service whose manager makes the folder.
const SYSTEM_FOLDER: &str = "/run/weir";

/// Where the socket is looked for when nobody says: the first place that will do.
pub(crate) fn usual_places() -> Vec<PathBuf> {
    let own = std::env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty());
    let own = own.map(|folder| PathBuf::from(folder).join("weir"));
    [PathBuf::from(SYSTEM_FOLDER)].into_iter().chain(own).map(|folder| folder.join(NAME)).collect()
}

/// A bound socket; its file goes when this is dropped.
#[derive(Debug)]
pub(super) struct ControlSocket {
    path: PathBuf,
    /// Device and inode: whoever made the folder anew may have another program's socket there by now.
    file: Option<(u64, u64)>,
}

impl ControlSocket {
    /// Binds the socket where the operator says, else where it usually is.
    pub(super) fn bind(named: Option<&Path>) -> Result<(Self, UnixListener)> {
        if let Some(path) = named {
            return Self::bind_at(path);
        }
        let mut tried = Vec::new();
        for path in usual_places() {
            match make_folder(&path).and_then(|()| Self::bind_at(&path)) {
                Ok(bound) => return Ok(bound),
                Err(error) => tried.push(format!("{error:#}")),
            }
        }
        bail!("no place for the control socket ({}); say --control PATH", tried.join("; "))
    }

    /// Where it lies.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn bind_at(path: &Path) -> Result<(Self, UnixListener)> {
        remove_left_over(path)?;
        let cannot = || format!("cannot open the control socket {}", path.display());
        let listener = UnixListener::bind(path).with_context(cannot)?;
        let socket = Self { path: path.to_owned(), file: identity(path) };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660)).with_context(cannot)?;
        Ok((socket, listener))
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        if self.file.is_some() && identity(&self.path) == self.file {
            drop(std::fs::remove_file(&self.path));
        }
    }
}

/// Which file it is.
fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::symlink_metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

fn make_folder(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    match DirBuilder::new().mode(0o750).create(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(error).with_context(|| format!("cannot create {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// Removes the socket of a process that was killed; refuses where one still answers, or where something else lies.
fn remove_left_over(path: &Path) -> Result<()> {
    let Ok(found) = std::fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !found.file_type().is_socket() {
        bail!("{} is there and is no socket", path.display());
    }
    if UnixStream::connect(path).is_ok() {
        bail!("another weir answers at {}; say --control PATH for a second one", path.display());
    }
    std::fs::remove_file(path).with_context(|| format!("cannot remove the old socket {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_taken_once_and_left_over_ones_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "what a killed process leaves");
        let (socket, listener) = ControlSocket::bind(Some(&path)).unwrap();
        let error = ControlSocket::bind(Some(&path)).unwrap_err().to_string();
        assert!(error.contains("another weir answers"), "{error}");
        drop((socket, listener));
        assert!(!path.exists());
        let (ours, _listener) = ControlSocket::bind(Some(&path)).unwrap();
        std::fs::remove_file(&path).unwrap();
        let theirs = UnixListener::bind(&path).unwrap();
        drop(ours);
        assert!(path.exists(), "it is another's by now");
        drop(theirs);
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "precious").unwrap();
        assert!(ControlSocket::bind(Some(&path)).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    }
}
