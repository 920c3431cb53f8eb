//! The processes of a world: how they are lost, their clocks and their deadlines.

use super::*;

impl World {
    /// The process of a receiver dies; another one takes its place.
    pub fn crash(&mut self, node: usize) {
        self.crashes += 1;
        let holder = format!("{node}.{}", self.nodes[node].life + 1);
        self.renew(node, holder);
    }

    /// The instance of a receiver is lost; another one in the same process takes its place, and its name.
    pub fn rebuild(&mut self, node: usize) {
        let holder = self.nodes[node].holder.clone();
        self.renew(node, holder);
    }

    fn renew(&mut self, node: usize, holder: String) {
        let old = &mut self.nodes[node];
        old.life += 1;
        old.receiver = Receiver::new(self.limits, self.cross, self.key);
        old.receiver.identify((node as u64 + 1) << 48 | u64::from(old.life) << 32);
        old.receiver.lease(&holder, LEASE);
        old.receiver.limit_store(Some(STORE_LIMIT));
        old.receiver.keep_time(&holder, self.store.skew);
        old.receiver.offer(self.methods);
        old.holder = holder;
        for policy in &self.policies {
            old.receiver.add_policy(policy.clone());
        }
        old.wake = None;
        old.paused = false;
        old.read.clear();
        old.peers.clear();
        let life = old.life;
        self.pending.retain(|op| op.node != node || op.life == life);
        for (request, place) in &self.sent {
            if *place == (node, life - 1) && !self.replies.contains_key(request) {
                self.excused.insert(*request);
            }
        }
        self.input(node, |receiver, now| receiver.handle_start(now));
    }

    /// Time passes, and every deadline in it comes at its instant.
    pub fn pass(&mut self, ms: Millis) {
        let end = self.now + ms;
        for _ in 0..MOST_OUTPUTS {
            match self.due() {
                Some((at, number)) if at <= end => {
                    self.now = self.now.max(at);
                    self.ring(number);
                }
                _ => {
                    self.now = self.now.max(end);
                    return;
                }
            }
        }
        panic!("deadlines without end");
    }

    /// The next deadline, and whose it is.
    pub fn due(&self) -> Option<(Millis, usize)> {
        self.nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| !node.paused)
            .filter_map(|(number, node)| Some((node.wake? - node.ahead, number)))
            .min()
    }

    /// The deadline of a receiver has come.
    pub fn ring(&mut self, node: usize) {
        self.nodes[node].wake = None;
        self.input(node, |receiver, now| receiver.handle_deadline(now));
    }

    /// What the clock of a receiver shows.
    pub fn clock(&self, node: usize) -> Millis {
        self.now + self.nodes[node].ahead
    }

    /// Sets the clock of a receiver ahead of the world's, or behind it.
    pub fn skew(&mut self, node: usize, ahead: Millis) {
        self.nodes[node].ahead = ahead;
    }

    /// Stops the process of a receiver, or lets it go on where it stopped. Operations that are on their way wait with
    /// it.
    pub fn pause(&mut self, node: usize, paused: bool) {
        self.nodes[node].paused = paused;
    }

    pub fn is_paused(&self, node: usize) -> bool {
        self.nodes[node].paused
    }

    pub fn holder(&self, node: usize) -> &str {
        &self.nodes[node].holder
    }

    /// How often each receiver was started anew.
    pub fn lives(&self) -> Vec<u32> {
        self.nodes.iter().map(|node| node.life).collect()
    }

    pub fn is_open(&self, node: usize, peer: PeerId) -> bool {
        self.nodes[node].peers.contains(&peer)
    }

    pub fn wake(&self, node: usize) -> Option<Millis> {
        self.nodes[node].wake
    }
}
