//! What both generations say of a task.

use super::message::View;
use super::name::Name;
use super::writer::Writer;

/// `ttl` and `poll` are what a generation calls its times.
pub(super) fn write_task(View { id, task }: View, status: Name, ttl: Name, poll: Name, writer: &mut impl Writer) {
    writer.text(Name::TaskId, id);
    writer.word(Name::Status, status);
    if let Some(message) = task.shown_message() {
        writer.text(Name::StatusMessage, message);
    }
    writer.instant(Name::CreatedAt, task.created_at);
    writer.instant(Name::LastUpdatedAt, task.updated_at);
    match task.ttl {
        Some(time) => writer.number(ttl, time as f64),
        None => writer.null(ttl),
    }
    writer.number(poll, f64::from(task.poll_interval));
}
