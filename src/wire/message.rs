//! What a server says about tasks: answers and notifications.

use std::rc::Rc;

use super::error::Error;
use crate::task::Task;

/// One row of a list, or the task of an answer.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub id: &'a str,
    pub task: &'a Task,
}

/// What a request is answered with.
#[derive(Clone, PartialEq, Debug)]
pub enum Body {
    /// A task was created; the seed says `working` (G25-CRE-02, G25-CRE-04, G26-CRE-01).
    Created { id: String, task: Rc<Task>, immediate: Option<Rc<str>> },
    /// The state of a task (G25-GET-01, G26-GET-01 to 06).
    State { id: String, task: Rc<Task> },
    /// The outcome of a task (G25-RES-02).
    Outcome { id: String, task: Rc<Task> },
    /// Tasks of an owner (G25-LST-01).
    Page { rows: Vec<(String, Rc<Task>)>, next: Option<String> },
    /// It was done; nothing to say (G26-CAN-02, G26-UPD-02).
    Ack,
    /// A subscription is over (G26-SUB-08).
    Unsubscribed,
    /// A JSON-RPC error.
    Error(Error),
}

/// What a client is told without having asked just then.
#[derive(Clone, PartialEq, Debug)]
pub enum News {
    /// A subscription begins: these of the tasks it named are listened to (G26-SUB-02).
    Acknowledged { ids: Vec<String> },
    /// The state of a task, in the same words as the answer to `tasks/get` (G25-NTF-01, G26-NTF-01, G26-NTF-05).
    State { id: String, task: Rc<Task> },
}
