//! Every name and constant text that this crate writes, as one table.

macro_rules! names {
    ($($name:ident = $text:literal,)*) => {
        /// A name or constant text on the wire.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        #[allow(clippy::empty_docs)] // the name of what has none
        pub enum Name { $(#[doc = $text] $name,)* }

        impl Name {
            /// All names, by number.
            pub const ALL: &'static [&'static str] = &[$($text,)*];

            /// The text itself.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

names! {
    Item = "",
    Task = "task",
    TaskId = "taskId",
    Status = "status",
    StatusMessage = "statusMessage",
    CreatedAt = "createdAt",
    LastUpdatedAt = "lastUpdatedAt",
    Ttl = "ttl",
    TtlMs = "ttlMs",
    PollInterval = "pollInterval",
    PollIntervalMs = "pollIntervalMs",
    ResultType = "resultType",
    Complete = "complete",
    Working = "working",
    InputRequired = "input_required",
    Completed = "completed",
    Failed = "failed",
    Cancelled = "cancelled",
    Result = "result",
    Error = "error",
    InputRequests = "inputRequests",
    Tasks = "tasks",
    NextCursor = "nextCursor",
    Meta = "_meta",
    ImmediateResponse = "io.modelcontextprotocol/model-immediate-response",
    Extension = "io.modelcontextprotocol/tasks",
    Code = "code",
    Message = "message",
    Data = "data",
    Reason = "reason",
    RequiredCapabilities = "requiredCapabilities",
    Extensions = "extensions",
    Requests = "requests",
    Tools = "tools",
    Call = "call",
    Prompts = "prompts",
    Get = "get",
    Resources = "resources",
    Read = "read",
    CreateMessage = "createMessage",
    Create = "create",
    List = "list",
    Cancel = "cancel",
    Elicitation = "elicitation",
    Form = "form",
    Url = "url",
    Sampling = "sampling",
    Roots = "roots",
    TaskLimit = "task_limit",
    RateLimit = "rate_limit",
    PayloadLimit = "payload_limit",
    RetryAfterMs = "retryAfterMs",
    Expired = "expired",
    Interrupted = "interrupted",
    InputResponses = "inputResponses",
    SubscriptionId = "io.modelcontextprotocol/subscriptionId",
    Notifications = "notifications",
    TaskIds = "taskIds",
    NewsAcknowledged = "notifications/subscriptions/acknowledged",
    NewsTask = "notifications/tasks",
    NewsStatus = "notifications/tasks/status",
    Params = "params",
    Method = "method",
    NotFound = "not_found",
    Unsupported = "unsupported",
    Unreachable = "unreachable",
    Protocol = "protocol",
    Connection = "connection",
    Detached = "detached",
    Limit = "limit",
    Internal = "internal",
}
