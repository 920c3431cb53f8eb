//! How often an owner may do what (X-SEC-08, G26-GET-08): token buckets.
//!
//! A bucket is the instant at which it will be full again. One that is full is the same as none, so only the buckets of
//! owners who did something a moment ago are kept.

use std::rc::Rc;

use crate::limit::{ACTS, Act, Rates};
use crate::table::Table;
use crate::task::Millis;

/// So many buckets are never looked through.
const FEW_OWNERS: usize = 1024;

/// The buckets of all owners.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    pub rates: Rates,
    /// For each act, when the owner's bucket is full again, in µs since the epoch.
    owners: Table<Rc<str>, [i64; ACTS]>,
    /// More owners than this are looked through for those whose buckets are full.
    many: usize,
}

impl Buckets {
    pub fn new(rates: Rates) -> Self {
        Self { rates, owners: Table::new(), many: FEW_OWNERS }
    }

    /// How long until the owner may do this, in ms; 0 for now.
    pub fn wait(&self, owner: &str, act: Act, now: Millis) -> u32 {
        match self.drawn(owner, act, now) {
            Some(Err(wait)) => wait,
            _ => 0,
        }
    }

    /// Takes a token, or says how long until there is one, in ms.
    pub fn take(&mut self, owner: &Rc<str>, act: Act, now: Millis) -> Result<(), u32> {
        let Some(drawn) = self.drawn(owner, act, now) else { return Ok(()) };
        let full_at = drawn?;
        self.forget_full(now);
        if let Some(bucket) = self.owners.get_or_default(owner.clone()).get_mut(act as usize) {
            *bucket = full_at;
        }
        Ok(())
    }

    /// When the bucket is full again if a token is taken now, or how long until there is one. `None`: nothing is
    /// counted.
    pub fn drawn(&self, owner: &str, act: Act, now: Millis) -> Option<Result<i64, u32>> {
        let rate = self.rates.of(act)?;
        let now = micros(now);
        let full_at = self.owners.get(owner).and_then(|buckets| buckets.get(act as usize)).copied().unwrap_or_default();
        let full_at = full_at.max(now).saturating_add(i64::from(rate.interval));
        let over = full_at.saturating_sub(now).saturating_sub(rate.fills_in());
        Some(if over <= 0 { Ok(full_at) } else { Err((over as u64).div_ceil(1000) as u32) })
    }

    pub fn forget_full(&mut self, now: Millis) {
        if self.owners.len() >= self.many {
            let now = micros(now);
            let mut kept = Table::new();
            for (owner, buckets) in self.owners.iter() {
                if buckets.iter().any(|&full_at| full_at > now) {
                    kept.insert(owner.clone(), *buckets);
                }
            }
            self.owners = kept;
            self.many = FEW_OWNERS.max(2 * self.owners.len());
        }
    }

    pub fn len(&self) -> usize {
        self.owners.len()
    }
}

/// No date that JavaScript can write overflows.
const fn micros(now: Millis) -> i64 {
    now.wrapping_mul(1000)
}
