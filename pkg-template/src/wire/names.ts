// Names of the protocol that both sides read or write themselves; the core writes all others.
import { NAME } from "../name.ts";

/** The extension under which 2026-07-28 has tasks. */
export const EXTENSION = "io.modelcontextprotocol/tasks";

// Keys of `_meta`.
export const RELATED_TASK = "io.modelcontextprotocol/related-task";
export const PROTOCOL_VERSION = "io.modelcontextprotocol/protocolVersion";
export const CLIENT_CAPABILITIES = "io.modelcontextprotocol/clientCapabilities";
export const CLIENT_INFO = "io.modelcontextprotocol/clientInfo";
export const SUBSCRIPTION_ID = "io.modelcontextprotocol/subscriptionId";
/** Names the task that a call makes, to a server that runs tasks with this package. */
export const CREATION_KEY: string = `${NAME}/creation-key`;

// Methods.
export const CANCELLED = "notifications/cancelled";
export const PROGRESS = "notifications/progress";
export const LISTEN = "subscriptions/listen";
export const ACKNOWLEDGED = "notifications/subscriptions/acknowledged";
