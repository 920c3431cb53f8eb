//! Ends of tasks that the host is telling somebody of.

use std::rc::Rc;

use crate::number::PostId;
use crate::table::Table;
use crate::task::Millis;

const MINUTE: Millis = 60_000;
const HOUR: Millis = 60 * MINUTE;
/// The pauses before an end is told again, in ms: three days in all. Then it is given up.
const PAUSES: [Millis; 9] =
    [MINUTE / 2, 5 * MINUTE, HOUR / 2, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];

/// An end that is being told.
#[derive(Debug)]
pub(super) struct Post {
    pub owner: Rc<str>,
    pub id: String,
    /// Which attempt it is, from 1 up.
    pub attempt: u32,
}

impl Post {
    /// How long to wait before the next attempt; `None` for none.
    pub fn pause(&self) -> Option<Millis> {
        PAUSES.get(usize::try_from(self.attempt).ok()?.checked_sub(1)?).copied()
    }
}

#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// The host tells somebody of ends.
    is_open: bool,
    posts: Table<PostId, Post>,
    last: PostId,
}

impl Outbox {
    pub fn open(&mut self) {
        self.is_open = true;
    }

    pub fn is_open(&self) -> bool {
        self.is_open
    }

    pub fn add(&mut self, post: Post) -> PostId {
        self.last = self.last.next(1, |number| self.posts.contains_key(&number));
        self.posts.insert(self.last, post);
        self.last
    }

    pub fn take(&mut self, number: PostId) -> Option<Post> {
        self.posts.remove(&number).map(|post| *post)
    }
}
