//! What the reader counts.

/// Counters of one [`crate::Reader`]. The books: `frames_read = frames_filtered + frames_delivered`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadStats {
    /// Frames read from all inputs.
    pub frames_read: u64,
    /// Frames that the filter left out, [`Self::frames_unfilterable`] among them.
    pub frames_filtered: u64,
    /// Of these, frames of a link type for which libpcap cannot express the filter.
    pub frames_unfilterable: u64,
    /// Frames handed on.
    pub frames_delivered: u64,
    /// Captured bytes of the frames read.
    pub bytes_read: u64,
    /// Captured bytes of the frames handed on.
    pub bytes_delivered: u64,
    /// Frames whose time is before that of the frame before them.
    pub steps_backwards: u64,
    /// Frames cut by the snap length.
    pub frames_snapped: u64,
    /// Records and blocks that could not be used, after which reading went on.
    pub records_unusable: u64,
    /// Inputs that turned out to be captures.
    pub inputs_opened: u64,
    /// Files in folders that are no captures.
    pub skipped_not_a_capture: u64,
    /// Files in folders that are empty.
    pub skipped_empty: u64,
    /// Entries of folders that are neither files nor folders, and symbolic links to folders.
    pub skipped_not_a_file: u64,
    /// Folders deeper than [`crate::MAX_FOLDER_DEPTH`].
    pub skipped_too_deep: u64,
}

impl ReadStats {
    /// Every counter with its name, always all of them and in this order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("frames_read", self.frames_read),
            ("frames_filtered", self.frames_filtered),
            ("frames_unfilterable", self.frames_unfilterable),
            ("frames_delivered", self.frames_delivered),
            ("bytes_read", self.bytes_read),
            ("bytes_delivered", self.bytes_delivered),
            ("steps_backwards", self.steps_backwards),
            ("frames_snapped", self.frames_snapped),
            ("records_unusable", self.records_unusable),
            ("inputs_opened", self.inputs_opened),
            ("skipped_not_a_capture", self.skipped_not_a_capture),
            ("skipped_empty", self.skipped_empty),
            ("skipped_not_a_file", self.skipped_not_a_file),
            ("skipped_too_deep", self.skipped_too_deep),
        ]
        .into_iter()
    }

    /// Files and folders that were not read because they are no captures.
    pub fn skipped(&self) -> u64 {
        self.skipped_not_a_capture + self.skipped_empty + self.skipped_not_a_file + self.skipped_too_deep
    }
}
