//! Revision 2025-11-25.

use super::message::{Body, News, View};
use super::name::Name;
use super::task;
use super::writer::{Part, Writer};
use crate::task::Phase;

/// A tool's own error is `failed` here (G25-ERR-05).
const fn status(phase: Phase) -> Name {
    match phase {
        Phase::Working => Name::Working,
        Phase::InputRequired => Name::InputRequired,
        Phase::Completed => Name::Completed,
        Phase::ToolFailed | Phase::Failed => Name::Failed,
        Phase::Cancelled => Name::Cancelled,
    }
}

pub(super) fn write(body: &Body, writer: &mut impl Writer) {
    match body {
        Body::Created { id, task, immediate } => {
            writer.open(Name::Task);
            write_task(View { id, task }, Name::Working, writer);
            writer.close();
            if let Some(text) = immediate {
                writer.open(Name::Meta);
                writer.text(Name::ImmediateResponse, text);
                writer.close();
            }
        }
        Body::State { id, task } => write_state(View { id, task }, writer),
        Body::Page { rows, next } => {
            writer.open_list(Name::Tasks);
            for (id, task) in rows {
                writer.open(Name::Item);
                write_state(View { id, task }, writer);
                writer.close();
            }
            writer.close();
            if let Some(cursor) = next {
                writer.text(Name::NextCursor, cursor);
            }
        }
        Body::Outcome { .. } | Body::Ack | Body::Unsubscribed | Body::Error(_) => {}
    }
}

/// No related-task key is in it (G25-NTF-03).
pub(super) fn write_news(news: &News, writer: &mut impl Writer) {
    let News::State { id, task } = news else { return };
    writer.word(Name::Method, Name::NewsStatus);
    writer.open(Name::Params);
    write_state(View { id, task }, writer);
    writer.close();
}

pub(super) fn write_outcome(writer: &mut impl Writer) {
    writer.part(Name::Item, Part::RelatedResult);
}

fn write_state(view: View, writer: &mut impl Writer) {
    write_task(view, status(view.task.phase), writer);
}

fn write_task(view: View, status: Name, writer: &mut impl Writer) {
    task::write_task(view, status, Name::Ttl, Name::PollInterval, writer);
}
