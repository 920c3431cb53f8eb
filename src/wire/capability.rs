//! What a peer declared, as a set of bits, and what each kind of input needs.

use super::name::Name;
use super::writer::Writer;
use crate::method::{Methods, Side};
use crate::task::InputKind;

/// A set of client capabilities. The host reads them out of the peer's JSON: a leaf counts when it is an object
/// (G25-CAP-12, G26-CAP-14).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Capabilities(u8);

impl Capabilities {
    pub const NONE: Self = Self(0);
    /// The extension `io.modelcontextprotocol/tasks`.
    pub const TASKS: Self = Self(1);
    /// `elicitation.form`, or a bare `elicitation`.
    pub const ELICIT: Self = Self(2);
    /// `elicitation.url`.
    pub const ELICIT_URL: Self = Self(4);
    pub const SAMPLING: Self = Self(8);
    /// `sampling.tools`.
    pub const SAMPLING_TOOLS: Self = Self(16);
    pub const ROOTS: Self = Self(32);

    /// Everything that a client can declare.
    pub const ALL: Self = Self(63);

    /// The set with these bits; unknown bits are dropped.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & 63)
    }

    pub const fn bits(self) -> u8 {
        self.0
    }

    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Writes the members of `requiredCapabilities`.
    pub(super) fn write(self, writer: &mut impl Writer) {
        if self.contains(Self::TASKS) {
            writer.open(Name::Extensions);
            writer.open(Name::Extension);
            writer.close();
            writer.close();
        }
        if self.0 & (Self::ELICIT.0 | Self::ELICIT_URL.0) != 0 {
            writer.open(Name::Elicitation);
            if self.contains(Self::ELICIT) {
                writer.open(Name::Form);
                writer.close();
            }
            if self.contains(Self::ELICIT_URL) {
                writer.open(Name::Url);
                writer.close();
            }
            writer.close();
        }
        if self.0 & (Self::SAMPLING.0 | Self::SAMPLING_TOOLS.0) != 0 {
            writer.open(Name::Sampling);
            if self.contains(Self::SAMPLING_TOOLS) {
                writer.open(Name::Tools);
                writer.close();
            }
            writer.close();
        }
        if self.contains(Self::ROOTS) {
            writer.open(Name::Roots);
            writer.close();
        }
    }
}

/// What a client must have declared before it is asked for this kind of input (G25-INP-09, G26-INP-04).
pub const fn needed_by(kind: InputKind) -> Capabilities {
    match kind {
        InputKind::Elicit => Capabilities::ELICIT,
        InputKind::ElicitUrl => Capabilities::ELICIT_URL,
        InputKind::Sample => Capabilities::SAMPLING,
        InputKind::SampleWithTools => Capabilities(Capabilities::SAMPLING.0 | Capabilities::SAMPLING_TOOLS.0),
        InputKind::Roots => Capabilities::ROOTS,
    }
}

/// What a side declares for tasks of 2025-11-25 whose calls it receives, without the object around it (G25-CAP-01,
/// G25-CAP-02).
pub fn write_g25(side: Side, methods: Methods, list: bool, writer: &mut impl Writer) {
    if list {
        writer.open(Name::List);
        writer.close();
    }
    writer.open(Name::Cancel);
    writer.close();
    writer.open(Name::Requests);
    for row in methods.rows().filter(|row| row.receiver == side) {
        row.leaf.into_iter().for_each(|name| writer.open(name));
        row.leaf.into_iter().for_each(|_| writer.close());
    }
    writer.close();
}
