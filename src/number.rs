//! Numbers for what lives for a while, each kind a type of its own: a job is never taken for a request.

use std::ops::RangeInclusive;

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
        pub struct $name(u32);

        impl $name {
            pub const fn new(number: u32) -> Self {
                Self(number)
            }

            pub const fn get(self) -> u32 {
                self.0
            }

            /// The number after this one, from `first` up, that is not in use.
            #[allow(dead_code)] // the host gives some of them
            pub(crate) fn next(self, first: u32, is_used: impl Fn(Self) -> bool) -> Self {
                Self(after(self.0, first..=u32::MAX, |number| is_used(Self(number))))
            }
        }

        impl From<u32> for $name {
            fn from(number: u32) -> Self {
                Self(number)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

numbers! {
    /// A JSON-RPC request. The host numbers requests from 1 up; numbers from
    /// [`RESTARTED`](crate::receiver::RESTARTED) up are given by the receiver. A call has the number of its request.
    RequestId
    /// A connection with one owner. The host numbers them from 1 up.
    PeerId
    /// An input request that a handler made. The host numbers them from 1 up.
    InputRequestId
    /// What a step of a handler has led to. The host numbers them from 1 up.
    StepId
    /// An end of a task that the host is telling somebody of. The receiver numbers them from 1 up.
    PostId
    /// A piece of work that waits for the store. The core numbers them from 1 up.
    JobId
    /// A task that a receiver has in hand. The receiver numbers them from 1 up.
    SlotId
    /// A task that a requestor follows. The requestor numbers them from 1 up.
    TaskNumber
    /// A request of a requestor's own. The requestor numbers them from 1 up.
    RequestNumber
    /// A call that a requestor sees through. The host numbers them.
    CallNumber
    /// A message whose payloads the host of a requestor keeps while the input that named it is handled; 0 for
    /// one that has none.
    PayloadNumber
    /// A caller that waits for its cancellation. The host of the requestor numbers them.
    WaiterNumber
}

/// The number after `last` that is not in use. At the end of their range numbers begin anew, and what has lived that
/// long keeps its own.
pub(crate) fn after(last: u32, range: RangeInclusive<u32>, is_used: impl Fn(u32) -> bool) -> u32 {
    let (first, end) = range.into_inner();
    let mut number = last;
    loop {
        number = if (first..end).contains(&number) { number + 1 } else { first };
        if !is_used(number) {
            return number;
        }
    }
}
