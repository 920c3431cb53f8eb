//! The smallest world: one tool, one client, and short words for what it does.

use mcp_longhaul::receiver::{PeerId, Policy, RequestId};
use mcp_longhaul::task::Task;
use mcp_longhaul::wire::Generation;
use serde_json::Value;

use crate::harness::{LEASE, World, policy};

/// One receiver with one tool and one client, of which everything is known.
pub struct Bench {
    pub world: World,
    pub peer: PeerId,
    pub generation: Generation,
    pub tool: u32,
}

impl std::ops::Deref for Bench {
    type Target = World;
    fn deref(&self) -> &World {
        &self.world
    }
}

impl std::ops::DerefMut for Bench {
    fn deref_mut(&mut self) -> &mut World {
        &mut self.world
    }
}

impl Bench {
    pub fn new(generation: Generation) -> Self {
        Self::of(World::default(), generation, policy())
    }

    pub fn of(mut world: World, generation: Generation, policy: Policy) -> Self {
        let tool = world.policy(policy);
        let peer = world.open(0, Some("ann"), true);
        Self { world, peer, generation, tool }
    }

    /// A task that runs: its call and its id.
    pub fn start(&mut self) -> (RequestId, String) {
        let call = self.world.call(0, self.peer, self.generation, self.tool);
        (call, self.world.id(call))
    }

    /// The same where the store answers later.
    pub fn start_later(&mut self) -> (RequestId, String) {
        let call = self.world.call(0, self.peer, self.generation, self.tool);
        self.world.answer_all();
        (call, self.world.id(call))
    }

    /// A whole lease passes in which somebody asks at `node` after a task, but for the last time.
    pub fn watch_for_a_lease(&mut self, node: usize, peer: PeerId, id: &str) {
        for _ in 0..4 {
            let generation = self.generation;
            let state = self.world.get(node, peer, generation, id);
            assert!(matches!(state["result"]["status"].as_str(), Some("working" | "input_required")), "{state}");
            self.world.pass(LEASE / 4);
        }
    }

    pub fn state(&mut self, id: &str) -> Value {
        let (peer, generation) = (self.peer, self.generation);
        self.world.get(0, peer, generation, id)
    }

    pub fn status(&mut self, id: &str) -> String {
        let state = self.state(id);
        state["result"]["status"].as_str().unwrap_or_else(|| panic!("a status: {state}")).to_owned()
    }

    pub fn stop(&mut self, id: &str) -> RequestId {
        let (peer, generation) = (self.peer, self.generation);
        self.world.cancel(0, peer, generation, id)
    }

    pub fn wait(&mut self, id: &str) -> RequestId {
        let peer = self.peer;
        self.world.result(0, peer, id)
    }

    /// The same task in the store.
    pub fn stored(&self, id: &str) -> Task {
        self.world.task("ann", id)
    }
}
