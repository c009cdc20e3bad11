//! What people should know of a sink, until somebody asks.

use std::sync::{Arc, Mutex, PoisonError};

/// Remarks that wait, at most: more say the same again. What comes on top is dropped.
const MAX_REMARKS: usize = 16;

/// Remarks of a sink and of its threads; clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Remarks(Arc<Mutex<Vec<String>>>);

impl Remarks {
    /// Adds one, unless it waits already.
    pub fn add(&self, remark: &str) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MAX_REMARKS && !waiting.iter().any(|other| other == remark) {
            waiting.push(remark.to_owned());
        }
    }

    /// Takes those that wait.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
