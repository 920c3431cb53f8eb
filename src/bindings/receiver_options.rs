//! The options of a receiver and its policies: the wrapper has them, and the core asks for each by its name. Times in
//! ms.

use wasm_bindgen::prelude::*;

use mcp_longhaul::limit::{Act, Limits, Rate};
use mcp_longhaul::method::Methods;
use mcp_longhaul::receiver::{Policy, Promotion, Receiver, Support};
use mcp_longhaul::task::{Millis, OnLost};

#[wasm_bindgen]
extern "C" {
    /// An object whose members are the options.
    pub type Options;

    /// A number, or whether a flag is set; NaN where there is none of that name.
    #[wasm_bindgen(method, structural, indexing_getter)]
    fn member(this: &Options, name: &str) -> f64;
    /// Throws where there is no text of that name.
    #[wasm_bindgen(method, structural, indexing_getter)]
    fn text(this: &Options, name: &str) -> String;
}

impl Options {
    fn optional(&self, name: &str) -> Option<f64> {
        Some(self.member(name)).filter(|number| !number.is_nan())
    }

    /// Throws where there is no number of that name: the wrapper is not of one build with this.
    fn number(&self, name: &str) -> f64 {
        self.optional(name).unwrap_or_else(|| wasm_bindgen::throw_str(name))
    }

    fn flag(&self, name: &str) -> bool {
        self.number(name) != 0.0
    }
}

pub fn receiver(options: &Options) -> Receiver {
    let count = |name| options.number(name) as u32;
    let mut limits = Limits {
        running_per_owner: count("runningPerOwner"),
        running: count("running"),
        outcome: count("resultBytes"),
        outstanding: count("outstandingInputs"),
        issued: count("inputsPerTask"),
        page: count("pageSize"),
        stored: options.optional("storedPerOwner").map(|limit| limit as u32),
        stored_bytes: options.optional("storedBytesPerOwner").map(|limit| limit as u32),
        creation_window: options.number("creationWindow") as Millis,
        ..Limits::default()
    };
    for (act, interval, burst) in [
        (Act::Create, "createsInterval", "createsBurst"),
        (Act::Read, "readsInterval", "readsBurst"),
        (Act::Change, "changesInterval", "changesBurst"),
        (Act::Miss, "missesInterval", "missesBurst"),
    ] {
        // The interval in µs; a burst of 0 stands for any rate.
        limits.rates = limits.rates.with(act, Rate { interval: count(interval), burst: count(burst) });
    }
    // A character for each byte.
    let mut cursor_key = [0; 16];
    cursor_key.iter_mut().zip(options.text("cursorKey").chars()).for_each(|(byte, given)| *byte = given as u8);
    let mut core = Receiver::new(limits, options.flag("crossGeneration"), cursor_key);
    core.prefix_ids(&options.text("idPrefix"));
    core.audit(options.flag("audited"));
    core.tell_requestors(options.flag("statusNotifications"));
    core.lease(&options.text("holder"), options.number("lease") as Millis);
    core.limit_store(options.optional("storeTimeout").map(|limit| limit as Millis));
    core.keep_time(&options.text("clock"), options.number("clockSkew") as Millis);
    core.offer(Methods::from_bits(count("methods") as u8));
    if options.flag("tellsEnds") {
        core.post_ends();
    }
    if options.flag("makesServers") {
        core.run_alone();
    }
    core
}

pub fn policy(options: &Options) -> Policy {
    let count = |name| options.number(name) as u32;
    let restarts = count("restarts");
    Policy {
        promotion: match &*options.text("promotion") {
            "always" => Promotion::Always,
            "after" => Promotion::After(count("after")),
            "handler" => Promotion::Handler,
            _ => Promotion::Never,
        },
        support: match &*options.text("support") {
            "optional" => Support::Optional,
            "required" => Support::Required,
            _ => Support::Forbidden,
        },
        ttl: options.optional("ttl").map(|ttl| ttl as u64),
        max_ttl: options.number("maxTtl") as u64,
        extends: options.flag("extends"),
        poll_interval: count("pollInterval"),
        cooperative: options.flag("cooperative"),
        on_lost: if restarts > 0 { OnLost::Restart } else { OnLost::Fail },
        restarts,
        immediate: Some(options.text("immediateResponse")).filter(|text| !text.is_empty()).map(Into::into),
    }
}
