//! How far the following of a task has come, and the table of what each event does to it.

use super::types::Ending;

/// How far the following of a task has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Stage {
    /// It runs, as far as is known.
    Following,
    /// The server said that it does not know the task; one more read confirms it (X-ERR-05).
    Doubting,
    /// Its time is over; one more read is made (X-TTL-04).
    LastLook,
    /// It has ended; its outcome is being fetched.
    Fetching,
}

/// What can happen to a followed task.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Event {
    /// A snapshot says that it runs.
    Live,
    /// The same, and its time to live has grown.
    Extended,
    /// A snapshot says that it has ended, and not how.
    Terminal,
    /// The server does not know it.
    Missing,
    /// The server refuses such requests altogether.
    Refused,
    /// Too many attempts failed.
    Exhausted,
    /// Its time is over.
    Overdue,
}

/// What is done about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Nothing but wait for the next read.
    Wait,
    /// Read at once.
    Look,
    /// Get the outcome.
    Fetch,
    /// The read did not bring what it must: try again, not for ever.
    Retry,
    End(Ending),
    /// End with what the last snapshot says.
    EndAsKnown,
}

/// Every (stage, event) that does something. An outcome ends the following in any stage, and nothing follows it.
pub const TABLE: &[(Stage, Event, Stage, Action)] = {
    use Action::{End, EndAsKnown, Fetch, Look, Retry, Wait};
    use Event::{Exhausted, Extended, Live, Missing, Overdue, Refused, Terminal};
    use Stage::{Doubting, Fetching, Following, LastLook};
    &[
        (Following, Live, Following, Wait),
        (Following, Extended, Following, Wait),
        (Following, Terminal, Fetching, Fetch),
        (Following, Missing, Doubting, Wait),
        (Following, Refused, Following, End(Ending::Unsupported)),
        (Following, Exhausted, Following, End(Ending::Unreachable)),
        (Following, Overdue, LastLook, Look),
        (Doubting, Live, Following, Wait),
        (Doubting, Extended, Following, Wait),
        (Doubting, Terminal, Fetching, Fetch),
        (Doubting, Missing, Doubting, End(Ending::NotFound)),
        (Doubting, Refused, Doubting, End(Ending::Unsupported)),
        (Doubting, Exhausted, Doubting, End(Ending::Unreachable)),
        (Doubting, Overdue, LastLook, Look),
        (LastLook, Live, LastLook, End(Ending::Expired)),
        (LastLook, Extended, Following, Wait),
        (LastLook, Terminal, Fetching, Fetch),
        (LastLook, Missing, LastLook, End(Ending::Expired)),
        (LastLook, Refused, LastLook, End(Ending::Unsupported)),
        (LastLook, Exhausted, LastLook, End(Ending::Expired)),
        // The first terminal snapshot wins (X-NTF-01): what says otherwise later is not believed.
        (Fetching, Live, Fetching, Retry),
        (Fetching, Extended, Fetching, Retry),
        (Fetching, Terminal, Fetching, Retry),
        (Fetching, Missing, Fetching, EndAsKnown),
        (Fetching, Refused, Fetching, EndAsKnown),
        (Fetching, Exhausted, Fetching, EndAsKnown),
    ]
};

/// What `event` does in `stage`, if anything.
pub fn transition(stage: Stage, event: Event) -> Option<(Stage, Action)> {
    let row = TABLE.iter().find(|(from, on, _, _)| (*from, *on) == (stage, event));
    row.map(|(_, _, to, action)| (*to, *action))
}
