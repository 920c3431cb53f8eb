//! Connections, each with one owner.

use std::collections::VecDeque;
use std::rc::Rc;

use super::types::{PeerId, RequestContext, RequestId};
use crate::table::Table;
use crate::wire::Generation;

/// So many tasks of a connection are kept in mind, and one more.
const MOST_MADE: usize = 9_999;

/// A connection with one owner.
#[derive(Debug)]
struct Connection {
    /// `None`: the owner could not be told, and nothing is created or found for it.
    owner: Option<Rc<str>>,
    /// The client reads this connection as one stream, so requests to it need no other (stdio, in-memory).
    single_stream: bool,
    /// Its requests that wait: blocked `tasks/result`, and calls whose tasks are on their way to the store.
    waits: Table<RequestId, ()>,
    /// What its last request said of itself, while it is open: a task of the same owner can run again on it.
    last: Option<RequestContext>,
    /// The tasks that it has made, the latest first: all that it lists where it has no principal.
    made: VecDeque<String>,
}

#[derive(Debug, Default)]
pub(super) struct Peers {
    connections: Table<PeerId, Connection>,
}

impl Peers {
    pub fn open(&mut self, peer: PeerId, owner: Option<&str>, single_stream: bool) {
        let owner = owner.map(Rc::from);
        let connection = Connection { owner, single_stream, waits: Table::new(), last: None, made: VecDeque::new() };
        self.connections.insert(peer, connection);
    }

    /// Forgets a connection. Its requests that wait, and whether it was one stream.
    pub fn close(&mut self, peer: PeerId) -> Option<(Table<RequestId, ()>, bool)> {
        let connection = self.connections.remove(&peer)?;
        Some((connection.waits, connection.single_stream))
    }

    /// Nothing goes out on a connection any more, but its owner is still asked for. Its requests that wait.
    pub fn lose(&mut self, peer: PeerId) -> Option<Table<RequestId, ()>> {
        let connection = self.connections.get_mut(&peer)?;
        connection.single_stream = false;
        connection.last = None;
        Some(connection.waits.clone())
    }

    pub fn has(&self, peer: PeerId) -> bool {
        self.connections.contains_key(&peer)
    }

    pub fn owner_of(&self, peer: PeerId) -> Option<Rc<str>> {
        self.connections.get(&peer)?.owner.clone()
    }

    /// Whose bucket pays for what comes on a connection. The only client of one that is one stream is the host's own.
    pub fn counted_owner(&self, peer: PeerId) -> Option<Rc<str>> {
        self.connections.get(&peer).filter(|connection| !connection.single_stream)?.owner.clone()
    }

    pub fn is_single_stream(&self, peer: PeerId) -> bool {
        self.connections.get(&peer).is_some_and(|connection| connection.single_stream)
    }

    /// What a request says of itself is also said of its connection.
    pub fn meet(&mut self, context: RequestContext) {
        if let Some(connection) = self.connections.get_mut(&context.peer) {
            connection.last = Some(context);
        }
    }

    /// A request waits on its connection. Whether that is there.
    pub fn wait(&mut self, context: RequestContext) -> bool {
        let connection = self.connections.get_mut(&context.peer);
        connection.map(|connection| connection.waits.insert(context.request, ())).is_some()
    }

    pub fn no_longer_waits(&mut self, context: RequestContext) {
        if let Some(connection) = self.connections.get_mut(&context.peer) {
            connection.waits.remove(&context.request);
        }
    }

    /// A task was made for a request of a connection.
    pub fn made(&mut self, peer: PeerId, id: &str) {
        if let Some(connection) = self.connections.get_mut(&peer) {
            connection.made.truncate(MOST_MADE);
            connection.made.push_front(id.to_owned());
        }
    }

    pub fn has_made(&self, peer: PeerId, id: &String) -> bool {
        self.connections.get(&peer).is_some_and(|connection| connection.made.contains(id))
    }

    /// Where a task of `owner`'s can run again: on the connection of the request that met it, or on another one of the
    /// same owner and generation. A stranger's connection is none: the handler would see a stranger's authorization.
    pub fn place(&self, owner: &Rc<str>, generation: Generation, on: Option<RequestContext>) -> Option<RequestContext> {
        let fits = |context: &RequestContext| {
            let connection = self.connections.get(&context.peer);
            context.generation == generation
                && connection.is_some_and(|connection| connection.owner.as_ref() == Some(owner))
        };
        on.filter(fits).or_else(|| self.connections.values().filter_map(|connection| connection.last).find(fits))
    }

    /// How many requests wait.
    pub fn waits(&self) -> usize {
        self.connections.values().map(|connection| connection.waits.len()).sum()
    }
}
