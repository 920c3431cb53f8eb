//! What clients and handlers say.

use super::*;

impl World {
    pub fn open(&mut self, node: usize, owner: Option<&str>, pipe: bool) -> PeerId {
        self.last_peer = PeerId::new(self.last_peer.get() + 1);
        let peer = self.last_peer;
        self.input(node, |receiver, _| receiver.handle_open(peer, owner, pipe));
        self.nodes[node].peers.insert(peer);
        peer
    }

    pub fn close(&mut self, node: usize, peer: PeerId) {
        self.nodes[node].peers.remove(&peer);
        self.input(node, |receiver, now| receiver.handle_close(now, peer));
    }

    /// What a request with everything declared says of itself.
    pub fn context(&mut self, node: usize, peer: PeerId, generation: Generation) -> RequestContext {
        self.last_request = RequestId::new(self.last_request.get() + 1);
        self.sent.insert(self.last_request, (node, self.nodes[node].life));
        RequestContext { request: self.last_request, peer, generation, capabilities: ABLE, lists: true }
    }

    pub fn entropy(&mut self) -> [u8; id::ENTROPY] {
        self.last_seed += 1;
        self.last_entropy()
    }

    /// What the last call's id is made of.
    pub fn last_entropy(&self) -> [u8; id::ENTROPY] {
        let mut entropy = [0; id::ENTROPY];
        entropy[..8].copy_from_slice(&self.last_seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
        entropy[8..16].copy_from_slice(&self.last_seed.to_be_bytes());
        entropy
    }

    pub fn call_with(
        &mut self,
        node: usize,
        context: RequestContext,
        policy: u32,
        augmentation: Augmentation,
        gate: bool,
    ) -> RequestId {
        self.call_tool(node, context, "paint", policy, augmentation, gate)
    }

    pub fn call_tool(
        &mut self,
        node: usize,
        context: RequestContext,
        tool: &str,
        policy: u32,
        augmentation: Augmentation,
        gate: bool,
    ) -> RequestId {
        let entropy = self.entropy();
        let called = Called {
            method: self.method,
            tool: tool.into(),
            policy,
            augmentation,
            gate,
            trace: self.trace.clone(),
            creation_key: self.creation_key.clone(),
        };
        self.input(node, |receiver, now| receiver.handle_call(now, context, called, entropy));
        context.request
    }

    /// A call that asks for a task, where the generation does.
    pub fn call(&mut self, node: usize, peer: PeerId, generation: Generation, policy: u32) -> RequestId {
        let context = self.context(node, peer, generation);
        let augmentation = if generation == G25 { Augmentation::Asked { ttl: None } } else { Augmentation::Absent };
        self.call_with(node, context, policy, augmentation, false)
    }

    pub fn get(&mut self, node: usize, peer: PeerId, generation: Generation, id: &str) -> Value {
        let context = self.context(node, peer, generation);
        self.input(node, |receiver, now| receiver.handle_get(now, context, Some(id)));
        self.reply(context.request)
    }

    /// `subscriptions/listen` with these tasks; the acknowledgement is not out yet.
    pub fn subscribe(&mut self, node: usize, peer: PeerId, ids: &[&str]) -> RequestId {
        let context = self.context(node, peer, G26);
        self.subscribe_as(node, context, ids, None)
    }

    pub fn subscribe_as(
        &mut self,
        node: usize,
        context: RequestContext,
        ids: &[&str],
        until: Option<Millis>,
    ) -> RequestId {
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        self.input(node, |receiver, now| receiver.handle_listen(now, context, ids, until));
        context.request
    }

    /// The same where nothing else is on the stream, and the acknowledgement is out.
    pub fn listen(&mut self, node: usize, peer: PeerId, ids: &[&str]) -> RequestId {
        let request = self.subscribe(node, peer, ids);
        self.input(node, |receiver, now| receiver.handle_listening(now, request, true));
        request
    }

    pub fn flow(&mut self, node: usize, request: RequestId, ready: bool) {
        self.input(node, |receiver, now| receiver.handle_flow(now, request, ready));
    }

    /// Another process says that a task changed, as a store that watches does.
    pub fn changed(&mut self, node: usize, owner: &str, id: &str) {
        let version = self.store.state(owner, id).map(|_| self.store.version(owner, id));
        self.input(node, |receiver, now| receiver.handle_changed(now, owner, id, version));
    }

    /// What a subscription was told of tasks.
    pub fn heard(&self, request: RequestId) -> Vec<Value> {
        self.told
            .get(&request)
            .into_iter()
            .flatten()
            .filter(|news| news["method"] == "notifications/tasks")
            .map(|news| news["params"].clone())
            .collect()
    }

    /// The statuses that a subscription was told.
    pub fn statuses(&self, request: RequestId) -> Vec<String> {
        self.heard(request).iter().map(|task| task["status"].as_str().expect("a status").to_owned()).collect()
    }

    /// `tasks/result`; it may wait.
    pub fn result(&mut self, node: usize, peer: PeerId, id: &str) -> RequestId {
        let context = self.context(node, peer, G25);
        self.input(node, |receiver, now| receiver.handle_result(now, context, Some(id)));
        context.request
    }

    pub fn list(&mut self, node: usize, peer: PeerId, cursor: Option<&str>) -> Value {
        let context = self.context(node, peer, G25);
        self.input(node, |receiver, now| receiver.handle_list(now, context, Ok(cursor)));
        self.reply(context.request)
    }

    pub fn cancel(&mut self, node: usize, peer: PeerId, generation: Generation, id: &str) -> RequestId {
        let context = self.context(node, peer, generation);
        self.input(node, |receiver, now| receiver.handle_cancel(now, context, Some(id)));
        context.request
    }

    pub fn update(&mut self, node: usize, peer: PeerId, id: &str, answers: &[(&str, u8)]) -> RequestId {
        let context = self.context(node, peer, G26);
        let answers = answers.iter().map(|(key, shape)| ((*key).to_owned(), Shape(*shape))).collect();
        self.input(node, |receiver, now| receiver.handle_update(now, context, Some(id), Some(answers)));
        context.request
    }

    pub fn outcome(&mut self, node: usize, call: RequestId, outcome: Outcome) {
        self.input(node, |receiver, now| receiver.handle_outcome(now, call, outcome));
    }

    pub fn complete(&mut self, node: usize, call: RequestId) {
        self.outcome(node, call, Outcome::Result { is_error: false, size: 10 });
    }

    pub fn ask(&mut self, node: usize, call: RequestId, input: impl Into<InputRequestId>, name: &str) -> bool {
        self.input(node, |receiver, now| {
            receiver.handle_input_request(now, call, input.into(), name, InputKind::Elicit, false)
        })
    }
}
