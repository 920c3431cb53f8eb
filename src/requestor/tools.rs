//! What is known about the server's tools: which of them run as tasks (2025-11-25).

use super::limits::PATIENCE;
use super::types::RequestNumber;
use crate::table::Table;
use crate::task::Millis;
use crate::wire::Support;

/// Tools and pages that are remembered; a server with more is asked for a plain call.
const TOOLS: usize = 10_000;
const PAGES: usize = 100;
/// How long a page may take before calls that can do without the list go out.
const CALLS_WAIT: Millis = 1000;

/// A walk through all pages of `tools/list` that the requestor makes itself.
#[derive(Debug)]
struct Walk {
    request: RequestNumber,
    until: Millis,
    /// Until when calls wait that could go out as plain ones.
    patience: Millis,
    cursors: Vec<String>,
}

#[derive(Default, Debug)]
pub struct Tools {
    known: Table<String, Support>,
    /// Whether a tool that is not in `known` does not exist.
    complete: bool,
    walk: Option<Walk>,
}

impl Tools {
    /// Whether the tool runs as a task; `None` where the list must be read first (G25-TLN-08).
    pub fn support(&self, tool: &str) -> Option<Support> {
        match self.known.get(tool) {
            Some(&support) => Some(support),
            None if self.complete => Some(Support::Forbidden),
            None => None,
        }
    }

    pub fn insert(&mut self, tool: &str, support: Support) {
        if self.known.len() < TOOLS || self.known.contains_key(tool) {
            self.known.insert(tool.to_owned(), support);
        }
    }

    /// A list that had one page, or whose last page was seen by the walk.
    pub fn set_complete(&mut self) {
        self.complete = true;
    }

    /// The list changed, or the session (G25-TLN-09).
    pub fn forget(&mut self) {
        self.known.clear();
        self.complete = false;
    }

    pub fn is_walking(&self) -> bool {
        self.walk.is_some()
    }

    pub fn start(&mut self, request: RequestNumber) {
        self.walk = Some(Walk { request, until: 0, patience: 0, cursors: Vec::new() });
    }

    /// A page was asked for at `now`.
    pub fn asked(&mut self, now: Millis) {
        if let Some(walk) = &mut self.walk {
            walk.until = now.saturating_add(PATIENCE);
            walk.patience = now.saturating_add(CALLS_WAIT);
        }
    }

    /// Whether a call that could go out as a plain one waits for the walk.
    pub fn is_worth_waiting(&self, now: Millis) -> bool {
        self.walk.as_ref().is_none_or(|walk| now < walk.patience)
    }

    /// Whether `request` is the walk's; a walk has one request under way.
    pub fn is_page(&self, request: RequestNumber) -> bool {
        self.walk.as_ref().is_some_and(|walk| walk.request == request)
    }

    /// Whether another page follows; a cursor that was seen before ends the walk, and so does a page too many.
    pub fn goes_on(&mut self, cursor: &str, request: RequestNumber) -> bool {
        let Some(walk) = &mut self.walk else { return false };
        if walk.cursors.len() >= PAGES || walk.cursors.iter().any(|seen| seen == cursor) {
            return false;
        }
        walk.cursors.push(cursor.to_owned());
        walk.request = request;
        true
    }

    pub fn end(&mut self) {
        self.walk = None;
    }

    /// When something is to be done about a walk that is late.
    pub fn due(&self, now: Millis) -> Option<Millis> {
        self.walk.as_ref().map(|walk| if now < walk.patience { walk.patience } else { walk.until })
    }

    /// When the walk is given up.
    pub fn until(&self) -> Option<Millis> {
        self.walk.as_ref().map(|walk| walk.until)
    }
}
