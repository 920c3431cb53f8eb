/** The name of this package in ids, markers and messages; in Rust it is `CARGO_PKG_NAME`. */
export const NAME = "mcp-longhaul";

/** The same where a hyphen cannot stand: in names of metrics and attributes. */
export const UNDERSCORED = "mcp_longhaul";
