//! What happens in a story, step by step, until nothing goes wrong any longer.

use mcp_longhaul::receiver::RequestId;
use mcp_longhaul::requestor;
use mcp_longhaul::wire::{Generation, Method};

use super::plan::{Step, Weather};
use super::random::Random;
use super::simulation::{Event, Simulation, To};

impl Simulation {
    pub fn step(&mut self, chance: u16, step: &Step) {
        self.random = Random::new(self.seed ^ u64::from(chance) << 32);
        self.say(|| format!("* {step:?}"));
        let (nodes, clients, now) = (self.nodes(), self.clients.len(), self.world.now);
        match *step {
            Step::Call { client, tool, gate } => {
                self.clients[client % clients].call(now, tool % self.policies.len() as u32, gate);
                self.serve(client % clients);
            }
            Step::Cancel { client, which } => {
                let client = client % clients;
                let tasks: Vec<requestor::TaskNumber> = self.clients[client].tasks.keys().copied().collect();
                if let Some(task) = tasks.get(which % tasks.len().max(1)).copied() {
                    self.with(client, |requestor, now| requestor.handle_cancel(now, task.get().into(), task, true));
                }
            }
            Step::Abort { client, which } => {
                let client = client % clients;
                let calls: Vec<requestor::CallNumber> = self.clients[client].calls.iter().copied().collect();
                if let Some(call) = calls.get(which % calls.len().max(1)).copied() {
                    self.give_up(client, call);
                }
            }
            Step::Resume { client, which } => {
                let client = client % clients;
                let (owner, generation) = (self.clients[client].owner, self.clients[client].generation);
                if let Some(id) = self.some_id(which, |other, task| other == owner && task == generation) {
                    self.clients[client].resume(now, &id);
                    self.serve(client);
                }
            }
            Step::Read { node, which } => self.meddle(node % nodes, which, Method::Get),
            Step::Stop { node, which } => self.meddle(node % nodes, which, Method::Cancel),
            Step::Kill { node } => self.kill(node % nodes),
            Step::KillAtWrite { writes, after } => self.dies_at = Some((writes, after)),
            Step::Leave { node } => self.leave(node % nodes),
            Step::Pause { node, time } => self.pause(node % nodes, time),
            Step::Clock { node, ahead, drift } => self.spoil_clock(node % nodes, ahead, drift),
            Step::Network(weather) => self.network = weather,
            Step::Store(weather) => self.store = weather,
            Step::Streak { node, failures } => self.streaks[node % nodes] = failures,
            Step::Hang { node, operations } => self.hangs[node % nodes] = operations,
            Step::Outage { time } => self.outage_until = self.outage_until.max(now + time),
            Step::Newer { which } => {
                if let Some(id) = self.some_id(which, |_, _| true) {
                    self.world.store.write_newer(&id);
                }
            }
            Step::Watch(watch) => self.watch = watch,
            Step::Pass { time } => self.pass(time),
        }
        let pause = self.random.time(0, 100);
        self.pass(pause);
    }

    pub(super) fn some_id(&self, which: usize, fits: impl Fn(&str, Generation) -> bool) -> Option<String> {
        let ids: Vec<String> = self
            .world
            .store
            .rows()
            .filter(|(owner, _, task)| fits(owner, task.generation))
            .map(|(_, id, _)| id.to_owned())
            .collect();
        ids.get(which % ids.len().max(1)).cloned()
    }

    pub(super) fn meddle(&mut self, node: usize, which: usize, method: Method) {
        let Some(id) = self.some_id(which, |_, _| true) else { return };
        self.ask_of(node, &id, method);
    }

    /// Somebody of the same owner asks an instance after a task.
    pub fn ask_of(&mut self, node: usize, id: &str, method: Method) {
        if self.world.is_paused(node) {
            return;
        }
        let Some((owner, generation)) = self
            .world
            .store
            .rows()
            .find(|(_, other, _)| *other == id)
            .map(|(owner, _, task)| (owner.to_owned(), task.generation))
        else {
            return;
        };
        let client = self
            .clients
            .iter()
            .position(|client| client.owner == owner && client.generation == generation)
            .expect("one of each");
        self.ask(node, client, To::Ask(requestor::RequestNumber::default(), method), id, method, &[]);
    }

    /// Nothing goes wrong any longer, and everybody goes on where he was.
    pub fn clear_up(&mut self) {
        self.network = Weather::FAIR;
        self.store = Weather::FAIR;
        self.watch = true;
        self.dies_at = None;
        self.streaks.fill(0);
        self.failing.fill(0);
        self.hangs.fill(0);
        self.outage_until = 0;
        for node in 0..self.nodes() {
            let ahead = self.world.clock(node) - self.world.now;
            self.set_clock(node, ahead, 0);
            self.go_on(node);
        }
    }

    /// The clients are gone.
    pub fn desert(&mut self) {
        for client in 0..self.clients.len() {
            self.with(client, |requestor, _| requestor.handle_close(requestor::Ending::Connection));
        }
        let listens: Vec<(usize, RequestId)> = self
            .open
            .iter()
            .filter(|(_, open)| matches!(open.to, To::Listen(_)))
            .map(|(request, open)| (open.node, *request))
            .collect();
        for (node, request) in listens {
            self.open.remove(&request);
            self.at(node, |receiver, now| receiver.handle_unlisten(now, request));
        }
    }

    /// Waits for what is on its way to the store and back.
    pub fn pass_until_quiet(&mut self) {
        let is_on_its_way =
            |event: &Event| matches!(event, Event::Perform(_) | Event::PerformLate(_) | Event::Performed(..));
        while self.events.values().any(is_on_its_way) {
            self.pass(5);
        }
    }

    /// Waits for what the store takes long after it was given up.
    pub fn pass_until_none_is_late(&mut self) {
        while self.events.values().any(|event| matches!(event, Event::PerformLate(_))) {
            self.pass(1_000);
        }
    }

    /// Requests that no instance has answered.
    pub fn unanswered(&self) -> Vec<RequestId> {
        self.open.iter().filter(|(_, open)| !open.excused).map(|(request, _)| *request).collect()
    }
}
