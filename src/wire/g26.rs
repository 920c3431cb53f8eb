//! Revision 2026-07-28, the extension `io.modelcontextprotocol/tasks`.

use super::error::Error;
use super::message::{Body, News, View};
use super::name::Name;
use super::writer::{Part, Writer};
use crate::task::{Phase, Task};

/// A tool's own error is `completed` here (G26-ERR-02).
const fn status(phase: Phase) -> Name {
    match phase {
        Phase::Working => Name::Working,
        Phase::InputRequired => Name::InputRequired,
        Phase::Completed | Phase::ToolFailed => Name::Completed,
        Phase::Failed => Name::Failed,
        Phase::Cancelled => Name::Cancelled,
    }
}

pub(super) fn write(body: &Body, writer: &mut impl Writer) {
    match body {
        Body::Created { id, task, .. } => {
            writer.word(Name::ResultType, Name::Task);
            write_task(id, task, status(task.phase), writer);
        }
        Body::State { id, task } => {
            writer.word(Name::ResultType, Name::Complete);
            write_state(id, task, writer);
        }
        Body::Ack => writer.word(Name::ResultType, Name::Complete),
        Body::Unsubscribed => {
            writer.word(Name::ResultType, Name::Complete);
            write_subscription(writer);
        }
        Body::Outcome { .. } | Body::Page { .. } | Body::Error(_) => {}
    }
}

/// A notification has no `resultType` (G26-NTF-04).
pub(super) fn write_news(news: &News, writer: &mut impl Writer) {
    match news {
        News::Acknowledged { ids } => {
            writer.word(Name::Method, Name::NewsAcknowledged);
            writer.open(Name::Params);
            write_subscribed(ids, writer);
        }
        News::State { id, task } => {
            writer.word(Name::Method, Name::NewsTask);
            writer.open(Name::Params);
            write_state(id, task, writer);
        }
    }
    write_subscription(writer);
    writer.close();
}

/// The tasks that a stream is asked to push, or pushes (G26-SUB-01).
pub(super) fn write_subscribed(ids: &[String], writer: &mut impl Writer) {
    writer.open(Name::Notifications);
    writer.open_list(Name::TaskIds);
    for id in ids {
        writer.text(Name::Item, id);
    }
    writer.close();
    writer.close();
}

/// The subscription that a message belongs to (G26-NTF-03).
fn write_subscription(writer: &mut impl Writer) {
    writer.open(Name::Meta);
    writer.part(Name::SubscriptionId, Part::Subscription);
    writer.close();
}

fn write_state(id: &str, task: &Task, writer: &mut impl Writer) {
    write_task(id, task, status(task.phase), writer);
    write_detail(id, task, writer);
}

fn write_task(id: &str, task: &Task, status: Name, writer: &mut impl Writer) {
    super::task::write_task(View { id, task }, status, Name::TtlMs, Name::PollIntervalMs, writer);
}

/// What each status carries (G26-GET-02 to 06).
fn write_detail(id: &str, task: &Task, writer: &mut impl Writer) {
    match (task.phase, task.failure) {
        (Phase::Working | Phase::Cancelled, _) => {}
        (Phase::InputRequired, _) => {
            writer.open(Name::InputRequests);
            for input in task.inputs.iter().filter(|input| !input.answered) {
                writer.input(&input.key);
            }
            writer.close();
        }
        (Phase::Completed | Phase::ToolFailed, _) => {
            // The result says so itself, unless an SDK of the other generation made it (G26-RES-02).
            writer.open(Name::Result);
            writer.word(Name::ResultType, Name::Complete);
            writer.part(Name::Item, Part::Result);
            writer.close();
        }
        (Phase::Failed, None) => writer.part(Name::Error, Part::Error),
        (Phase::Failed, Some(failure)) => {
            writer.open(Name::Error);
            Error::Failed(failure).write(id, writer);
            writer.close();
        }
    }
}
