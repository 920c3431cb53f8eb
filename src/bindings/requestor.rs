//! The requestor for JavaScript.
