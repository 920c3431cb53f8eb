//! What the peers on Rust crates share: the report of their checks.

use std::{fmt::Display, future::Future, time::Duration};

use serde_json::json;

/// A check that takes longer than this has failed.
const LIMIT: Duration = Duration::from_secs(20);

pub type Told = Result<String, Box<dyn std::error::Error + Send + Sync>>;

/// Runs one check and prints what it found, one JSON object a line; one that fails or hangs does not end the others.
pub async fn check(name: &str, story: impl Future<Output = Told>) {
    let (ok, detail) = match tokio::time::timeout(LIMIT, story).await {
        Ok(Ok(detail)) => (true, detail),
        Ok(Err(error)) => (false, error.to_string()),
        Err(_) => (false, format!("no end within {} s", LIMIT.as_secs())),
    };
    println!("{}", json!({ "check": name, "ok": ok, "detail": detail }));
}

/// `found`, where it is what was expected.
pub fn expect(condition: bool, found: impl Display) -> Told {
    if condition { Ok(found.to_string()) } else { Err(found.to_string().into()) }
}
