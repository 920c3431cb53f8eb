//! Where everything that leaves is written, field by field.

use strum::FromRepr;

use super::name::Name;
use crate::task::Millis;

/// What the host puts into a hole.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromRepr)]
#[repr(u8)]
pub enum Part {
    /// The result of the original request, as it is.
    Result,
    /// The same, marked with the task it belongs to (G25-RES-03).
    RelatedResult,
    /// The JSON-RPC error of the original request, as it is.
    Error,
    /// An input request, or the answer to one, under its key.
    Input,
    /// The id of the `subscriptions/listen` request that this belongs to, with its own JSON type (G26-NTF-03).
    Subscription,
    /// The `_meta` in which a client declares the extension (G26-CAP-01): always the same, so it crosses as one field.
    Declaration,
}

/// Takes a message field by field.
pub trait Writer {
    /// Begins an object under `name`.
    fn open(&mut self, name: Name);
    /// Begins a list under `name`; its items are named [`Name::Item`].
    fn open_list(&mut self, name: Name);
    /// Ends the object or list begun last.
    fn close(&mut self);
    fn text(&mut self, name: Name, value: &str);
    /// A text from the table of names.
    fn word(&mut self, name: Name, value: Name);
    fn number(&mut self, name: Name, value: f64);
    fn null(&mut self, name: Name);
    /// A time, as RFC 3339 in UTC.
    fn instant(&mut self, name: Name, at: Millis);
    /// A hole for a payload.
    fn part(&mut self, name: Name, part: Part);
    /// A hole for [`Part::Input`], under a key that is not a name.
    fn input(&mut self, key: &str);
}
