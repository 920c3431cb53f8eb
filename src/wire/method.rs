//! The methods about tasks.

use crate::generation::Generation;

/// A method about tasks, as far as a generation has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    Get,
    Result,
    List,
    Cancel,
    Update,
}

impl Method {
    /// The method called `name` in `generation`, if there is one (G25-UPD-01, G26-RES-01, G26-LST-01).
    pub fn named(generation: Generation, name: &str) -> Option<Self> {
        let method = match name {
            "tasks/get" => Self::Get,
            "tasks/result" => Self::Result,
            "tasks/list" => Self::List,
            "tasks/cancel" => Self::Cancel,
            "tasks/update" => Self::Update,
            _ => return None,
        };
        method.is_in(generation).then_some(method)
    }

    const fn is_in(self, generation: Generation) -> bool {
        match generation {
            Generation::G25 => !matches!(self, Self::Update),
            Generation::G26 => !matches!(self, Self::Result | Self::List),
        }
    }
}
