//! Words of the requestor for JavaScript: they cross as numbers, and are the strings of the public API on its side.

use mcp_longhaul::requestor;
use mcp_longhaul::wire;
use wasm_bindgen::prelude::*;

/// A set of words: what is which variant of the core's own type.
macro_rules! words {
    ($(#[$about:meta])* $name:ident, $of:ty { $($variant:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[wasm_bindgen(skip_typescript)]
        #[derive(Clone, Copy)]
        pub enum $name { $($variant = $word,)* }

        // wasm-bindgen declares such a type only where a function of ours takes it; the host's take them too.
        const _: () = {
            #[wasm_bindgen(typescript_custom_section)]
            const TYPE: &'static str =
                concat!("export type ", stringify!($name), " =" $(, " | \"", $word, "\"")*, ";\n");
        };

        impl From<$of> for $name {
            fn from(value: $of) -> Self {
                match value { $(<$of>::$variant => Self::$variant,)* }
            }
        }

        impl From<$name> for Option<$of> {
            fn from(word: $name) -> Self {
                match word {
                    $($name::$variant => Some(<$of>::$variant),)*
                    // The other side is checked by the compiler; what is none of the words is nothing here.
                    _ => None,
                }
            }
        }
    };
}

words! {
    TaskStatus, wire::Status {
        Working = "working",
        InputRequired = "input_required",
        Completed = "completed",
        Failed = "failed",
        Cancelled = "cancelled",
    }
}

words! {
    /// How a followed task, or a call, ended for its requestor: codes of `TaskError`, and two that are none.
    Ending, requestor::Ending {
        Completed = "completed",
        Failed = "failed",
        Cancelled = "cancelled",
        Expired = "expired",
        NotFound = "not_found",
        Unsupported = "unsupported",
        Unreachable = "unreachable",
        Protocol = "protocol",
        Connection = "connection",
        Detached = "detached",
        Limit = "limit",
        Internal = "internal",
        Refused = "refused",
    }
}

words! {
    Problem, requestor::Problem {
        Changed = "changed",
        UnknownMethod = "unknown_method",
        Rejected = "rejected",
        Unsent = "unsent",
        Contradicted = "contradicted",
        Unsteady = "unsteady",
    }
}

words! {
    Preference, requestor::Preference {
        Forbid = "forbid",
        Allow = "allow",
        Prefer = "prefer",
        Require = "require",
    }
}

words! {
    RequestMethod, wire::Method {
        Get = "tasks/get",
        Result = "tasks/result",
        List = "tasks/list",
        Cancel = "tasks/cancel",
        Update = "tasks/update",
    }
}

/// Where a snapshot comes from.
#[wasm_bindgen]
#[derive(Clone, Copy)]
pub enum Source {
    /// It answers the call of this number.
    Call = "call",
    /// It answers the request of this number.
    Request = "request",
    /// The server pushed it; the number is its generation.
    Push = "push",
}
