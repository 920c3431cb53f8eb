//! How a tool runs as a task.

use std::rc::Rc;

use crate::task::{LONGEST_TTL, OnLost};

/// When a call becomes a task.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Promotion {
    Always,
    #[default]
    Never,
    /// When it takes longer than this many ms.
    After(u32),
    /// When its handler says so.
    Handler,
}

/// What a client may or must do (`execution.taskSupport` in 2025-11-25).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Support {
    #[default]
    Forbidden,
    Optional,
    Required,
}

/// How a tool runs as a task; by default it never does. All times in ms.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    pub promotion: Promotion,
    pub support: Support,
    /// `None` for no end.
    pub ttl: Option<u64>,
    pub max_ttl: u64,
    pub extends: bool,
    pub poll_interval: u32,
    pub cooperative: bool,
    pub on_lost: OnLost,
    /// How often a task runs again because its process was lost.
    pub restarts: u32,
    /// Text for the model while the task runs (G25-CRE-07).
    pub immediate: Option<Rc<str>>,
}

/// The shortest time to live, in ms (G25-TTL-06).
pub const MIN_TTL: u64 = 1_000;

impl Policy {
    /// The time to live of a task, given what the requestor asked for (G25-TTL-02, G25-TTL-06).
    pub fn ttl_for(&self, requested: Option<u64>) -> Option<u64> {
        match requested {
            Some(ttl) => Some(ttl.clamp(MIN_TTL, self.max_ttl.clamp(MIN_TTL, LONGEST_TTL))),
            None => self.ttl.map(|ttl| ttl.clamp(MIN_TTL, LONGEST_TTL)),
        }
    }

    pub(super) fn immediate_text(&self) -> Option<Rc<str>> {
        self.immediate.clone()
    }
}

/// All policies; a call names one by its number.
#[derive(Debug, Default)]
pub(super) struct Policies {
    policies: Vec<Policy>,
}

impl Policies {
    /// The number of the new one.
    pub fn add(&mut self, policy: Policy) -> u32 {
        self.policies.push(policy);
        u32::try_from(self.policies.len() - 1).unwrap_or(u32::MAX)
    }

    pub fn get(&self, number: u32) -> Option<&Policy> {
        self.policies.get(usize::try_from(number).ok()?)
    }
}
