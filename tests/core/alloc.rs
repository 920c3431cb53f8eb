//! The allocator of the wasm, used by every test of this wasm; this one asks it for what the core never asks at once.

use std::alloc::{GlobalAlloc, Layout, System, alloc, dealloc, realloc};

#[path = "../../src/bindings/alloc.rs"]
mod lists;

/// The test harness also wants blocks at addresses that the core never asks for.
struct Allocator(lists::Lists);

#[global_allocator]
static ALLOCATOR: Allocator = Allocator(lists::Lists::new());

unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe { if layout.align() > 16 { System.alloc(layout) } else { self.0.alloc(layout) } }
    }
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { if layout.align() > 16 { System.dealloc(block, layout) } else { self.0.dealloc(block, layout) } }
    }
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        unsafe { if layout.align() > 16 { System.realloc(block, layout, size) } else { self.0.realloc(block, layout, size) } }
    }
}

struct Block {
    start: *mut u8,
    layout: Layout,
    mark: u8,
}

impl Block {
    fn new(size: usize, mark: u8) -> Self {
        let layout = Layout::from_size_align(size, 16).unwrap();
        let start = unsafe { alloc(layout) };
        assert!(!start.is_null() && start.addr().is_multiple_of(16));
        unsafe { start.write_bytes(mark, size) };
        Self { start, layout, mark }
    }

    fn check(&self, size: usize) {
        let bytes = unsafe { std::slice::from_raw_parts(self.start, size) };
        assert!(bytes.iter().all(|&byte| byte == self.mark), "a block of {size} bytes was written over");
    }

    fn resize(&mut self, size: usize) {
        self.start = unsafe { realloc(self.start, self.layout, size) };
        assert!(!self.start.is_null());
        self.check(size.min(self.layout.size()));
        self.layout = Layout::from_size_align(size, 16).unwrap();
        unsafe { self.start.write_bytes(self.mark, size) };
    }

    fn free(self) {
        self.check(self.layout.size());
        unsafe { dealloc(self.start, self.layout) };
    }
}

#[test]
fn blocks_of_all_sizes_keep_what_is_written() {
    let mut random = 7u32;
    let mut next = |below: u32| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 8) % below
    };
    let mut blocks = Vec::new();
    for turn in 0..20_000u32 {
        let size = match next(8) {
            0 => 1 + next(100_000),
            1 => 1000 + next(50),
            _ => 1 + next(300),
        } as usize;
        match next(3) {
            0 if !blocks.is_empty() => {
                let block: Block = blocks.swap_remove(next(blocks.len() as u32) as usize);
                block.free();
            }
            1 if !blocks.is_empty() => {
                let place = next(blocks.len() as u32) as usize;
                blocks[place].resize(size);
            }
            _ if blocks.len() < 200 => blocks.push(Block::new(size, turn as u8)),
            _ => {}
        }
    }
    blocks.into_iter().for_each(Block::free);
}

#[test]
fn memory_is_used_again() {
    let round = || (0..100).map(|mark| Block::new(5_000, mark)).collect::<Vec<_>>().into_iter().for_each(Block::free);
    round();
    let pages = std::arch::wasm32::memory_size::<0>();
    for _ in 0..100 {
        round();
    }
    assert_eq!(std::arch::wasm32::memory_size::<0>(), pages);
}
