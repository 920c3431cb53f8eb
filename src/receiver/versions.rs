//! What is known of a task's versions.

/// What is known of a task's versions, so that news of a known one costs nothing.
#[derive(Debug, Default)]
pub(super) struct Versions {
    /// Up to this one, those who wait here have seen what became of the task.
    pub seen: u32,
    /// The one that the write on its way makes; 0 for none.
    pub writing: u32,
    /// It is in the store. Whether that write made it is not known yet.
    pub made: bool,
}

impl Versions {
    /// Whether there is something to look at.
    pub fn is_news(&mut self, version: u32) -> bool {
        if version == self.writing {
            self.made = true;
            return false;
        }
        version > self.seen
    }

    pub fn write(&mut self, version: u32) {
        self.writing = version;
        self.made = false;
    }

    /// The store has answered the write. Whether it was heard of the version, and another write made it.
    pub fn written(&mut self, done: bool) -> bool {
        self.writing = 0;
        std::mem::take(&mut self.made) && !done
    }

    /// This receiver has made the version. What it wrote over, it need not have shown to those who wait.
    pub fn made(&mut self, version: u32) {
        if version == self.seen.saturating_add(1) {
            self.seen = version;
        }
    }

    /// Those who wait have seen the version.
    pub fn saw(&mut self, version: u32) {
        self.seen = version;
    }
}
