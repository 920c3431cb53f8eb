//! What a receiver still does.

/// What a receiver still does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Service {
    Open,
    /// No new tasks; handlers may finish.
    Closing,
    /// Nothing runs here any longer, and nothing is tried twice.
    Leaving,
}
