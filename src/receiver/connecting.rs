//! Connections open and close.

use super::receiver::Receiver;
use super::types::PeerId;
use crate::task::Millis;

impl Receiver {
    /// A connection opens, or one of an earlier receiver whose instance was lost goes on under its number.
    /// `owner: None` fails closed (X-SEC-01). `single_stream`: its client reads it as one stream.
    pub fn handle_open(&mut self, peer: PeerId, owner: Option<&str>, single_stream: bool) {
        self.peers.open(peer, owner, single_stream);
    }

    /// A connection closed. Its waiters are gone; its tasks go on (X-STO-08, G25-RES-11), but for those of 2026-07-28
    /// that nobody will hear of (G26-HTT-07).
    pub fn handle_close(&mut self, now: Millis, peer: PeerId) {
        self.tick(now);
        let Some((waits, single_stream)) = self.peers.close(peer) else { return };
        for request in waits.into_keys() {
            if let Some(call) = self.calls.get_mut(request).filter(|call| call.needs_caller()) {
                call.drop_caller();
            }
            self.end_wait(request);
        }
        self.unlisten_peer(peer);
        if single_stream {
            self.mark_all_undelivered(peer);
        }
    }

    /// A connection is gone, but a task that runs here still needs to know whose it was: nothing more goes out on it.
    pub fn handle_gone(&mut self, now: Millis, peer: PeerId) {
        self.tick(now);
        let Some(waits) = self.peers.lose(peer) else { return };
        for request in waits.into_keys() {
            self.end_wait(request);
        }
        self.mark_all_undelivered(peer);
    }
}
