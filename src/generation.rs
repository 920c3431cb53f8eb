//! The generations of the protocol, and in what they differ beyond shapes: questions that the receiver and the
//! requestor ask. How each says what it says is in [`wire`](crate::wire).

use serde::{Deserialize, Serialize};
use strum::{EnumString, FromRepr, IntoStaticStr};

/// A generation of the protocol: what a task is called on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize, IntoStaticStr, EnumString, FromRepr)]
#[serde(into = "&'static str", try_from = "&str")]
#[repr(u8)]
pub enum Generation {
    /// Revision 2025-11-25: tasks in the core protocol.
    #[strum(serialize = "2025-11-25")]
    G25 = 25,
    /// Revision 2026-07-28: the extension `io.modelcontextprotocol/tasks`.
    #[strum(serialize = "2026-07-28")]
    G26 = 26,
}

impl Generation {
    /// The generation that a protocol version speaks, if it knows tasks (G25-CAP-10, X-GEN-01).
    pub fn of_version(version: &str) -> Option<Self> {
        version.parse().ok()
    }

    /// The generation whose number is `number`.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::from_repr(number)
    }

    /// Whether the server decides what becomes a task, for clients that declare the extension with each request;
    /// otherwise the client asks for it (G25-CRE-01, G26-TLN-02).
    pub const fn server_decides(self) -> bool {
        matches!(self, Self::G26)
    }

    /// Whether the state of a task carries its outcome and its input requests (G26-GET-03, G26-GET-04); otherwise the
    /// handler's questions are requests of the server's own (G25-INP-02).
    pub const fn state_has_details(self) -> bool {
        matches!(self, Self::G26)
    }

    /// Whether the outcome has a method of its own, `tasks/result`, which waits for it.
    pub const fn has_result_method(self) -> bool {
        !self.state_has_details()
    }

    /// Whether `tasks/cancel` exists only where the server declared it (G25-CAP-08).
    pub const fn declares_cancel(self) -> bool {
        matches!(self, Self::G25)
    }

    /// Whether a handle must say how long it lives (G26-CRE-09).
    pub const fn demands_ttl(self) -> bool {
        matches!(self, Self::G26)
    }

    /// Whether a call given up before its answer takes the task along (G26-HTT-07).
    pub const fn task_needs_caller(self) -> bool {
        matches!(self, Self::G26)
    }

    /// Whether a cancelled task may go on until its handler decides (G26-CAN-05), and `tasks/cancel` says nothing of it
    /// (G26-CAN-02, G26-CAN-04).
    pub const fn cancel_is_advisory(self) -> bool {
        matches!(self, Self::G26)
    }

    /// Whether the time to live may change (G25-TTL-05, G26-TTL-02).
    pub const fn ttl_may_change(self) -> bool {
        matches!(self, Self::G26)
    }

    /// Whether progress and log messages may follow the handle (G25-PRG-01, G26-PRG-01).
    pub const fn has_progress(self) -> bool {
        matches!(self, Self::G25)
    }

    /// Whether a requestor hears of changes without having subscribed to them (G25-NTF-01, G26-NTF-02).
    pub const fn pushes_status(self) -> bool {
        matches!(self, Self::G25)
    }

    /// Whether error codes are reserved that handlers must not use (G26-ERR-03).
    pub const fn reserves_codes(self) -> bool {
        matches!(self, Self::G26)
    }
}
