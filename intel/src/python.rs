//! Tests that speak with programs in Python, installed by scripts/setup.sh into a virtual environment of their own.

use std::path::PathBuf;
use std::process::Command;

/// The interpreter (`WEIR_PYTHON`, else the one of the virtual environment), if it has the module.
pub(crate) fn interpreter(module: &str) -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let python = std::env::var_os("WEIR_PYTHON")
        .map_or_else(|| home.join(".cache/weir/python/bin/python3"), PathBuf::from);
    let found = Command::new(&python).args(["-c", &format!("import {module}")]).output();
    if found.is_ok_and(|found| found.status.success()) {
        return Some(python);
    }
    println!("skipped: {} has no {module}: run scripts/setup.sh --python", python.display());
    None
}

/// A script of tests/python.
pub(crate) fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/python").join(name)
}
