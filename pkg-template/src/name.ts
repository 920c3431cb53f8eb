/**
 * The name of this package, as it stands in ids, markers and messages; `CARGO_PKG_NAME` is the same in Rust.
 */
export const NAME = "mcp-longhaul";
