//! Connections open and close.

use std::collections::VecDeque;
use std::rc::Rc;

use super::peers::Connection;
use super::receiver::Receiver;
use super::types::{PeerId, RequestContext};
use crate::table::Table;
use crate::task::Millis;

impl Receiver {
    /// A connection opens, or one of an earlier receiver whose instance was lost goes on under its number.
    /// `owner: None` fails closed (X-SEC-01). `pipe`: it is one stream in both directions.
    pub fn handle_open(&mut self, peer: PeerId, owner: Option<&str>, single_stream: bool) {
        let connection = Connection {
            owner: owner.map(Rc::from),
            single_stream,
            waits: Table::new(),
            last: None,
            made: VecDeque::new(),
        };
        self.peers.insert(peer, connection);
    }

    /// A connection closed. Its waiters are gone; its tasks go on (X-STO-08, G25-RES-11), but for those of 2026-07-28
    /// that nobody will hear of (G26-HTT-07).
    pub fn handle_close(&mut self, now: Millis, peer: PeerId) {
        self.tick(now);
        let Some(connection) = self.peers.remove(&peer) else { return };
        for request in connection.waits.into_keys() {
            if let Some(call) = self.calls.get_mut(&request).filter(|call| call.needs_caller()) {
                call.dropped = true;
            }
            self.end_wait(request);
        }
        self.unlisten_peer(peer);
        if connection.single_stream {
            self.mark_all_undelivered(peer);
        }
    }

    /// A connection is gone, but a task that runs here still needs to know whose it was: nothing more goes out on it.
    pub fn handle_gone(&mut self, now: Millis, peer: PeerId) {
        self.tick(now);
        let Some(connection) = self.peers.get_mut(&peer) else { return };
        connection.single_stream = false;
        connection.last = None;
        for request in connection.waits.clone().into_keys() {
            self.end_wait(request);
        }
        self.mark_all_undelivered(peer);
    }

    /// What a request says of itself is also said of its connection.
    pub(super) fn meet(&mut self, context: RequestContext) {
        if let Some(connection) = self.peers.get_mut(&context.peer) {
            connection.last = Some(context);
        }
    }

    pub(super) fn owner_of(&self, peer: PeerId) -> Option<Rc<str>> {
        self.peers.get(&peer).and_then(|connection| connection.owner.clone())
    }
}
