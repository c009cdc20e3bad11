//! Files that are needed for a moment: what a server sent while it is read, what the library sorts.

use rusqlite::Connection;
use std::path::Path;

/// Has them lie in this folder from here on, not in the system's; for processes that may write in few places. To be called before a
/// library is opened, while there is one thread; only the first call counts.
pub fn keep_temporary_files_in(folder: &Path) {
    // Whoever called first is right.
    let _before = tempfile::env::override_temp_dir(folder);
    let place = || {
        let connection = Connection::open_in_memory().ok()?;
        connection.pragma_update(None, "temp_store_directory", folder.to_str()?).ok()
    };
    // Where this cannot be said, sorting in the system's folder may still be allowed.
    let _ = place();
}
