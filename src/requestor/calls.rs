//! The calls that are on their way: how far each has come, and whether it may become a task.

use super::tools::Tools;
use super::types::{CallFacts, CallNumber, Declared, Preference, TaskNumber};
use crate::method::{CallMethod, Methods};
use crate::table::Table;
use crate::task::Millis;
use crate::wire::{Generation, Support};

/// How far a call has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// The list of tools is being read first; `Some` after a first attempt that offered a task, or did not.
    Listing(Option<bool>),
    /// It is with the peer; `again`: for the second time, because its tool had changed its mind.
    Sent {
        offered: bool,
        again: bool,
    },
    /// Its caller has given it up; it is with the peer.
    GivenUp,
    Following(TaskNumber),
}

/// How a call goes out, or what is done first.
pub enum Route {
    Plain,
    Offer,
    List,
    Refuse,
}

#[derive(Debug)]
pub struct CallState {
    generation: Option<Generation>,
    method: CallMethod,
    tool: String,
    preference: Preference,
    cancels: bool,
    ttl: Option<u64>,
    /// How long its caller waits for a sign of life, in ms.
    silence: Option<u32>,
    pub progress: Progress,
}

impl CallState {
    pub const fn generation(&self) -> Option<Generation> {
        self.generation
    }

    pub const fn method(&self) -> CallMethod {
        self.method
    }

    pub const fn ttl(&self) -> Option<u64> {
        self.ttl
    }

    /// Whether giving it up cancels its task.
    pub const fn cancels(&self) -> bool {
        self.cancels
    }

    pub const fn silence(&self) -> Option<u32> {
        self.silence
    }

    /// The member of its params that names what is called.
    pub fn name(&self) -> &str {
        &self.tool
    }

    pub fn set_silence(&mut self, silence: u32) {
        self.silence = Some(silence);
    }

    pub fn forbids_tasks(&self) -> bool {
        self.preference == Preference::Forbid
    }

    /// Whether it may go out as a plain call before the list is known: no server has refused it so yet (G25-TLN-08).
    pub fn can_be_plain(&self) -> bool {
        self.progress == Progress::Listing(None) && self.preference != Preference::Require
    }

    /// How it goes out to this peer, where tasks are offered for `methods`. `listed`: what is not known of the peer's
    /// tools now is not going to be.
    pub fn route(&self, methods: Methods, declared: &Declared, tools: &Tools, listed: bool) -> Route {
        let required = self.preference == Preference::Require;
        let plain = if required { Route::Refuse } else { Route::Plain };
        let Some(generation) = self.generation else { return plain };
        if self.forbids_tasks() {
            return Route::Plain;
        }
        if !methods.contains(self.method) || !self.method.is_in(generation) {
            return plain;
        }
        if generation.server_decides() {
            return if required && declared.extension == Some(false) { Route::Refuse } else { Route::Offer };
        }
        if !declared.methods.contains(self.method) {
            return plain;
        }
        let is_listed = self.method.row().listed_by.is_some();
        match tools.support(self.method, &self.tool) {
            // The declaration holds for everything that the method can call, until the server refuses it.
            None if !is_listed && self.preference == Preference::Allow => Route::Plain,
            None if !is_listed => Route::Offer,
            None if !listed => Route::List,
            None | Some(Support::Forbidden) => plain,
            Some(Support::Optional) if self.preference == Preference::Allow => Route::Plain,
            Some(Support::Optional | Support::Required) => Route::Offer,
        }
    }
}

#[derive(Default, Debug)]
pub struct Calls {
    states: Table<CallNumber, CallState>,
    /// Calls that were given up and whose exchanges are still open, and how long.
    hanging_up: Vec<(CallNumber, Millis)>,
}

impl Calls {
    pub fn insert(&mut self, call: CallNumber, facts: CallFacts<'_>, progress: Progress) {
        let CallFacts { generation, method, tool, preference, cancels, ttl } = facts;
        let tool = tool.to_owned();
        let state = CallState { generation, method, tool, preference, cancels, ttl, silence: None, progress };
        self.states.insert(call, state);
    }

    pub fn get(&self, call: CallNumber) -> Option<&CallState> {
        self.states.get(&call)
    }

    pub fn get_mut(&mut self, call: CallNumber) -> Option<&mut CallState> {
        self.states.get_mut(&call)
    }

    pub fn remove(&mut self, call: CallNumber) {
        self.states.remove(&call);
        self.hanging_up.retain(|(waiting, _)| *waiting != call);
    }

    /// Forgets all calls; answers with those that wait for an answer.
    pub fn clear(&mut self) -> Vec<CallNumber> {
        self.hanging_up.clear();
        let states = std::mem::take(&mut self.states);
        states.into_iter().filter(|(_, state)| state.progress != Progress::GivenUp).map(|(call, _)| call).collect()
    }

    /// The caller gave it up; its exchange stays open until then.
    pub fn hang_up_at(&mut self, call: CallNumber, until: Millis) {
        if let Some(state) = self.states.get_mut(&call) {
            state.progress = Progress::GivenUp;
            self.hanging_up.push((call, until));
        }
    }

    /// Forgets the calls whose exchanges have been open for long enough.
    pub fn take_overdue(&mut self, now: Millis) -> Vec<CallNumber> {
        let overdue: Vec<CallNumber> =
            self.hanging_up.iter().filter(|(_, until)| *until <= now).map(|(call, _)| *call).collect();
        overdue.iter().for_each(|call| self.remove(*call));
        overdue
    }

    /// When the next exchange is closed.
    pub fn next_overdue(&self) -> Option<Millis> {
        self.hanging_up.iter().map(|(_, until)| *until).min()
    }

    /// The calls that wait for the list of tools.
    pub fn listing(&self, which: impl Fn(&CallState) -> bool) -> Vec<CallNumber> {
        let waits = |state: &CallState| matches!(state.progress, Progress::Listing(_)) && which(state);
        self.states.iter().filter(|(_, state)| waits(state)).map(|(call, _)| *call).collect()
    }
}
