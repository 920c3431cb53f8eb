//! What a story is made of. A seed gives the plan, and the plan gives the story: everything else is chance from the
//! seed.

use mcp_longhaul::task::Millis;
use proptest::prelude::*;

/// How badly messages travel: so many of a hundred are lost, or come twice, and each takes up to so many ms.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Weather {
    pub lost: u8,
    pub doubled: u8,
    pub slow: Millis,
}

impl Weather {
    pub const FAIR: Self = Self { lost: 0, doubled: 0, slow: 20 };
}

/// What somebody does. Numbers choose among what is there.
#[derive(Clone, Debug)]
pub enum Step {
    /// A client calls a tool.
    Call {
        client: usize,
        tool: u32,
        gate: bool,
    },
    /// A client cancels one of the tasks that it follows, or gives up a call.
    Cancel {
        client: usize,
        which: usize,
    },
    Abort {
        client: usize,
        which: usize,
    },
    /// A client asks after a task that another one of its owner follows.
    Resume {
        client: usize,
        which: usize,
    },
    /// Somebody reads a task, or cancels it, or waits for it, at this instance.
    Read {
        node: usize,
        which: usize,
    },
    Stop {
        node: usize,
        which: usize,
    },
    /// A process dies.
    Kill {
        node: usize,
    },
    /// The process that makes the write number so-and-so from now dies, before it or after it.
    KillAtWrite {
        writes: usize,
        after: bool,
    },
    /// A process is asked to end, and ends.
    Leave {
        node: usize,
    },
    /// A process stands still, and goes on where it was.
    Pause {
        node: usize,
        time: Millis,
    },
    /// The clock of a process is wrong by so many ms a minute from now on, and that of its successor begins so much
    /// ahead.
    Clock {
        node: usize,
        ahead: Millis,
        drift: Millis,
    },
    Network(Weather),
    Store(Weather),
    /// The next write of an instance arrives, but its answer does not, and so many of its next operations fail.
    Streak {
        node: usize,
        failures: usize,
    },
    /// So many of the next operations of an instance have no answer, whatever has become of them.
    Hang {
        node: usize,
        operations: usize,
    },
    /// The store is out of reach for everybody.
    Outage {
        time: Millis,
    },
    /// Another version of the package writes a task, with a member that this one does not know.
    Newer {
        which: usize,
    },
    /// Whether the store tells of changes.
    Watch(bool),
    Pass {
        time: Millis,
    },
}

#[derive(Clone, Debug)]
pub struct Plan {
    pub instances: usize,
    pub clocks: Vec<Millis>,
    /// The process that makes this write dies, before it or after it.
    pub dies_at: Option<(usize, bool)>,
    /// Clients leave when the faults end, so that nobody but the sweep finds what is lost.
    pub deserted: bool,
    /// Each with chance of its own, so that a story without one of them is otherwise the same.
    pub steps: Vec<(u16, Step)>,
}

fn weather(slow: Millis) -> impl Strategy<Value = Weather> {
    let bad = (0u8..30, 0u8..30, 20..=slow).prop_map(|(lost, doubled, slow)| Weather { lost, doubled, slow });
    prop_oneof![2 => Just(Weather::FAIR), 3 => bad]
}

fn clock() -> impl Strategy<Value = Millis> {
    // One clock in ten is wrong by more than a lease, and one by ten minutes.
    prop_oneof![4 => Just(0), 5 => -5_000i64..5_000, 1 => -45_000i64..45_000, 1 => -600_000i64..600_000]
}

fn step() -> impl Strategy<Value = Step> {
    let (client, node, which) = (0usize..6, 0usize..5, 0usize..8);
    prop_oneof![
        10 => (client.clone(), 0u32..8, any::<bool>())
            .prop_map(|(client, tool, gate)| Step::Call { client, tool, gate }),
        2 => (client.clone(), which.clone()).prop_map(|(client, which)| Step::Cancel { client, which }),
        1 => (client.clone(), which.clone()).prop_map(|(client, which)| Step::Abort { client, which }),
        2 => (client, which.clone()).prop_map(|(client, which)| Step::Resume { client, which }),
        4 => (node.clone(), which.clone()).prop_map(|(node, which)| Step::Read { node, which }),
        1 => (node.clone(), which.clone()).prop_map(|(node, which)| Step::Stop { node, which }),
        2 => node.clone().prop_map(|node| Step::Kill { node }),
        4 => (0usize..8, any::<bool>()).prop_map(|(writes, after)| Step::KillAtWrite { writes, after }),
        1 => node.clone().prop_map(|node| Step::Leave { node }),
        3 => (node.clone(), 0i64..90_000).prop_map(|(node, time)| Step::Pause { node, time }),
        3 => (node.clone(), 1usize..12).prop_map(|(node, failures)| Step::Streak { node, failures }),
        2 => (node.clone(), 1usize..4).prop_map(|(node, operations)| Step::Hang { node, operations }),
        2 => prop_oneof![1_000i64..40_000, 30_000i64..300_000].prop_map(|time| Step::Outage { time }),
        1 => which.prop_map(|which| Step::Newer { which }),
        2 => (node, clock(), -600i64..600).prop_map(|(node, ahead, drift)| Step::Clock { node, ahead, drift }),
        2 => weather(5_000).prop_map(Step::Network),
        2 => weather(4_000).prop_map(Step::Store),
        1 => any::<bool>().prop_map(Step::Watch),
        8 => (0i64..5_000).prop_map(|time| Step::Pass { time }),
        4 => (0i64..70_000).prop_map(|time| Step::Pass { time }),
    ]
}

/// Plans for so many instances, or for any number of them.
pub fn plan(instances: Option<usize>, steps: usize) -> impl Strategy<Value = Plan> {
    let number = instances.map_or(2..=5, |number| number..=number);
    (number, prop::collection::vec(clock(), 5), any::<bool>(), prop::collection::vec((any::<u16>(), step()), 1..steps))
        .prop_map(|(instances, clocks, deserted, steps)| Plan { instances, clocks, dies_at: None, deserted, steps })
}
