//! What is known about what the clients of a server can call: what of it runs as a task (2025-11-25). Tools are listed;
//! what no list tells, the refusals of the server do.

use super::limits::later;
use super::types::RequestNumber;
use crate::method::{CallMethod, TABLE};
use crate::table::Table;
use crate::task::Millis;
use crate::wire::Support;

/// Tools, or names of another method, and pages that are remembered; for a tool beyond them a plain call is made.
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
    /// By method and name.
    known: [Table<String, Support>; TABLE.len()],
    /// Whether a tool that is not in `known` does not exist.
    complete: bool,
    walk: Option<Walk>,
}

impl Tools {
    /// Whether what a method calls by this name runs as a task; `None` where that is not known, so that the list must
    /// be read first if there is one (G25-TLN-08).
    pub fn support(&self, method: CallMethod, name: &str) -> Option<Support> {
        match self.known.get(method as usize)?.get(name) {
            Some(&support) => Some(support),
            None if self.complete && method.row().listed_by.is_some() => Some(Support::Forbidden),
            None => None,
        }
    }

    pub fn insert(&mut self, method: CallMethod, name: &str, support: Support) {
        let Some(known) = self.known.get_mut(method as usize) else { return };
        if known.len() < TOOLS || known.contains_key(name) {
            known.insert(name.to_owned(), support);
        }
    }

    /// A list that had one page, or whose last page was seen by the walk.
    pub fn set_complete(&mut self) {
        self.complete = true;
    }

    /// The list changed, or the session (G25-TLN-09).
    pub fn forget(&mut self) {
        self.known.iter_mut().for_each(Table::clear);
        self.complete = false;
    }

    pub fn is_walking(&self) -> bool {
        self.walk.is_some()
    }

    pub fn start(&mut self, request: RequestNumber) {
        self.walk = Some(Walk { request, until: 0, patience: 0, cursors: Vec::new() });
    }

    /// A page was asked for at `now`.
    pub fn asked(&mut self, now: Millis, timeout: u32) {
        if let Some(walk) = &mut self.walk {
            walk.until = later(now, timeout.into());
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
