// Made from the enums of the core by `npm run codes`; docs/decisions/boundary.md says how.

export const AugmentationCode = {
  Absent: 0,
  Invalid: 1,
  Asked: 2,
} as const;
export type AugmentationCode = (typeof AugmentationCode)[keyof typeof AugmentationCode];

export const CompletionCode = {
  NotDone: 0,
  Done: 1,
  Missing: 2,
  TooManyTasks: 3,
  TooManyBytes: 4,
  NotJson: 5,
  Failed: 6,
  Unreadable: 7,
} as const;
export type CompletionCode = (typeof CompletionCode)[keyof typeof CompletionCode];

export const Generation = {
  G25: 25,
  G26: 26,
} as const;
export type Generation = (typeof Generation)[keyof typeof Generation];

export const OutcomeCode = {
  Result: 0,
  ToolFailed: 1,
  Error: 2,
  NotJson: 3,
  Input: 4,
  InputWithState: 5,
} as const;
export type OutcomeCode = (typeof OutcomeCode)[keyof typeof OutcomeCode];

export const Part = {
  Result: 0,
  RelatedResult: 1,
  Error: 2,
  Input: 3,
  Subscription: 4,
  Declaration: 5,
} as const;
export type Part = (typeof Part)[keyof typeof Part];

export const PartCode = {
  Request: 0,
  Result: 1,
  Error: 2,
  State: 3,
  Input: 4,
  Answer: 5,
  Step: 6,
} as const;
export type PartCode = (typeof PartCode)[keyof typeof PartCode];

export const Phase = {
  Working: 0,
  InputRequired: 1,
  Completed: 2,
  ToolFailed: 3,
  Failed: 4,
  Cancelled: 5,
} as const;
export type Phase = (typeof Phase)[keyof typeof Phase];

export const ReplyKind = {
  Result: 0,
  Error: 1,
  ErrorPart: 2,
  LimitError: 3,
} as const;
export type ReplyKind = (typeof ReplyKind)[keyof typeof ReplyKind];

export const RequestFault = {
  None: 0,
  Unenveloped: 1,
  TooDeep: 2,
  Malformed: 3,
} as const;
export type RequestFault = (typeof RequestFault)[keyof typeof RequestFault];

export const SourceCode = {
  Request: 0,
  Outcome: 1,
  Asked: 2,
  InputRequest: 3,
  Response: 4,
  Step: 5,
} as const;
export type SourceCode = (typeof SourceCode)[keyof typeof SourceCode];

export const Stop = {
  Cancelled: 0,
  Expired: 1,
  HandedOver: 2,
  Lost: 3,
} as const;
export type Stop = (typeof Stop)[keyof typeof Stop];

export const Trouble = {
  Newer: 0,
  Malformed: 1,
  OutcomeLost: 2,
  Untold: 3,
} as const;
export type Trouble = (typeof Trouble)[keyof typeof Trouble];

export const Withdrawal = {
  Ended: 0,
  Undeclared: 1,
  TooMany: 2,
  NotATask: 3,
  Storage: 4,
  NoCarrier: 5,
} as const;
export type Withdrawal = (typeof Withdrawal)[keyof typeof Withdrawal];

export const WriteCode = {
  Keep: 0,
  Replace: 1,
  Edit: 2,
} as const;
export type WriteCode = (typeof WriteCode)[keyof typeof WriteCode];

export const AnswerShape = {
  Elicited: 1,
  Sampled: 2,
  Roots: 4,
} as const;

export const RequestFlag = {
  Lists: 64,
} as const;

export const Capability = {
  Tasks: 1,
  Elicit: 2,
  ElicitUrl: 4,
  Sampling: 8,
  SamplingTools: 16,
  Roots: 32,
} as const;

export type Happening =
  | "created"
  | "started"
  | "stopped"
  | "status"
  | "input_required"
  | "input_answered"
  | "input_withdrawn"
  | "cancel_requested"
  | "extended"
  | "completed"
  | "failed"
  | "cancelled"
  | "expired"
  | "lost"
  | "restarted"
  | "retrieved"
  | "late_outcome";

export const CALL_METHODS = [
  { code: 0, name: "tools/call", nameIn: "name", receiver: "server" },
  { code: 1, name: "prompts/get", nameIn: "name", receiver: "server" },
  { code: 2, name: "resources/read", nameIn: "uri", receiver: "server" },
  { code: 3, name: "sampling/createMessage", nameIn: undefined, receiver: "client" },
  { code: 4, name: "elicitation/create", nameIn: undefined, receiver: "client" },
] as const;

export const NAMES: readonly string[] = [
  "",
  "task",
  "taskId",
  "status",
  "statusMessage",
  "createdAt",
  "lastUpdatedAt",
  "ttl",
  "ttlMs",
  "pollInterval",
  "pollIntervalMs",
  "resultType",
  "complete",
  "working",
  "input_required",
  "completed",
  "failed",
  "cancelled",
  "result",
  "error",
  "inputRequests",
  "tasks",
  "nextCursor",
  "_meta",
  "io.modelcontextprotocol/model-immediate-response",
  "io.modelcontextprotocol/tasks",
  "code",
  "message",
  "data",
  "reason",
  "requiredCapabilities",
  "extensions",
  "requests",
  "tools",
  "call",
  "prompts",
  "get",
  "resources",
  "read",
  "createMessage",
  "create",
  "list",
  "cancel",
  "elicitation",
  "form",
  "url",
  "sampling",
  "roots",
  "task_limit",
  "rate_limit",
  "payload_limit",
  "retryAfterMs",
  "expired",
  "interrupted",
  "inputResponses",
  "io.modelcontextprotocol/subscriptionId",
  "notifications",
  "taskIds",
  "notifications/subscriptions/acknowledged",
  "notifications/tasks",
  "notifications/tasks/status",
  "params",
  "method",
  "not_found",
  "unsupported",
  "unreachable",
  "protocol",
  "connection",
  "detached",
  "limit",
  "internal",
];
