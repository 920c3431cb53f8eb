//! What the receiver refuses to exceed (X-LIM-01, X-LIM-02, X-LIM-10, X-SEC-08).

use crate::task::Millis;

/// The limits of a receiver.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Tasks that run at once for one owner.
    pub running_per_owner: u32,
    /// Tasks that run at once.
    pub running: u32,
    /// Code units of one stored outcome.
    pub outcome: u32,
    /// Input requests outstanding for one task.
    pub outstanding: u32,
    /// Input requests of one task in its whole life.
    pub issued: u32,
    /// Bytes of an input's name.
    pub name: usize,
    /// Rows on a page.
    pub page: u32,
    /// Tasks that one subscription listens to; more are not accepted.
    pub listened: usize,
    /// Subscriptions that are open at once for one owner.
    pub listens: usize,
    /// Tasks that one owner has in the store.
    pub stored: Option<u32>,
    /// Length of what they keep.
    pub stored_bytes: Option<u32>,
    /// How often one owner may do what; the host says.
    pub rates: Rates,
    /// How long a creation key is remembered, in ms.
    pub creation_window: Millis,
}

/// How often something may happen: `burst` times at once, and then once in `interval` µs; any time, where `burst` is 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rate {
    pub interval: u32,
    pub burst: u32,
}

impl Rate {
    /// How long an empty bucket takes to fill, in µs.
    pub fn fills_in(self) -> i64 {
        (u64::from(self.interval) * u64::from(self.burst)).try_into().unwrap_or(i64::MAX)
    }
}

/// What an owner does, as far as it is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Act {
    /// Makes a task.
    Create,
    /// `tasks/get`, `tasks/result`, `tasks/list`.
    Read,
    /// `tasks/update`, `tasks/cancel`.
    Change,
    /// Names a task that it does not have.
    Miss,
}

/// So many kinds of acts are counted.
pub const ACTS: usize = 4;

/// The rate of each act for one owner.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rates([Rate; ACTS]);

impl Rates {
    /// `None` for any.
    pub fn of(&self, act: Act) -> Option<Rate> {
        self.0.get(act as usize).copied().filter(|rate| rate.burst > 0)
    }

    /// The same with another rate for `act`.
    #[must_use]
    pub fn with(mut self, act: Act, rate: Rate) -> Self {
        if let Some(place) = self.0.get_mut(act as usize) {
            *place = rate;
        }
        self
    }
}

impl Act {
    pub const ALL: [Self; ACTS] = [Self::Create, Self::Read, Self::Change, Self::Miss];
}

impl Limits {
    /// Whether an owner with so many records of a kind may have no more.
    pub(crate) fn is_full(&self, records: u64) -> bool {
        self.stored.is_some_and(|limit| records >= u64::from(limit))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            running_per_owner: 100,
            running: 10_000,
            outcome: 16 << 20,
            outstanding: 64,
            issued: 10_000,
            name: 240,
            page: 100,
            listened: 256,
            listens: 16,
            stored: None,
            stored_bytes: None,
            rates: Rates::default(),
            creation_window: 86_400_000,
        }
    }
}
