//! Properties of any story.

use proptest::prelude::*;

use crate::chaos::{Chaos, Step};

pub fn cases(cases: u32) -> ProptestConfig {
    // `PROPTEST_CASES` asks for more. Nothing is written to disk: under wasm there is none.
    let default = ProptestConfig::default();
    ProptestConfig { cases: default.cases.max(cases), failure_persistence: None, max_shrink_iters: 4_000, ..default }
}

fn story(nodes: usize, cross: bool, steps: Vec<Step>) {
    let mut chaos = Chaos::new(nodes, cross);
    for step in steps {
        chaos.step(step);
    }
    chaos.settle();
    chaos.assert_settled();
}

proptest! {
    #![proptest_config(cases(600))]

    /// X-STO-01, X-STO-02, X-CAN-01: whatever happens, and whoever dies at whatever write, each task ends once, each
    /// request is answered once, no handler waits for ever, and nothing is left behind.
    #[test]
    fn any_story_ends_well(nodes in 1usize..=3, cross: bool, steps in prop::collection::vec(any::<Step>(), 0..120)) {
        story(nodes, cross, steps);
    }
}
