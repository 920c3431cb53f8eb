//! The allocator of the wasm. Rust's own is 8 KB of each half; this one is a few instructions: memory goes on the list of its
//! size when it is freed, and comes from there. Sizes are multiples of 16 up to 1 KB, then powers of two: the core holds many
//! small things of few sizes. Memory never goes from one size to another, so what is taken from the system is never more
//! than the peaks of all sizes together. Tests: `tests/core/alloc.rs`, and all tests of the core run on it as wasm.

use std::alloc::{GlobalAlloc, Layout};
use std::arch::wasm32::memory_grow;
use std::cell::Cell;
use std::ptr;

const PAGE: usize = 1 << 16;
const STEP: usize = 16;
const SMALL: usize = 1024;
const LISTS: usize = SMALL / STEP + (usize::BITS - SMALL.trailing_zeros()) as usize;

pub struct Lists {
    /// The first free block of each size; a free block begins with the address of the next.
    free: [Cell<*mut u8>; LISTS],
    /// What was never used: from here …
    next: Cell<usize>,
    /// … to here.
    end: Cell<usize>,
}

// SAFETY: wasm32-unknown-unknown and wasm32-wasip1 have one thread.
unsafe impl Sync for Lists {}

impl Lists {
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self { free: [const { Cell::new(ptr::null_mut()) }; LISTS], next: Cell::new(0), end: Cell::new(0) }
    }

    /// The list of a size, and the size of all its blocks.
    fn of(&self, size: usize) -> Option<(&Cell<*mut u8>, usize)> {
        let (list, size) = match size {
            0..=SMALL => {
                let list = size.saturating_sub(1) / STEP;
                (list, (list + 1) * STEP)
            }
            _ => {
                let size = size.checked_next_power_of_two()?;
                (SMALL / STEP + (size / SMALL).trailing_zeros() as usize - 1, size)
            }
        };
        Some((self.free.get(list)?, size))
    }

    /// Memory that was never used.
    #[cold]
    fn fresh(&self, size: usize) -> *mut u8 {
        if self.end.get() - self.next.get() < size {
            let pages = size.div_ceil(PAGE);
            let page = memory_grow::<0>(pages);
            // The last page of all is not used: its end has no address.
            let (Some(start), Some(end)) = (page.checked_mul(PAGE), page.saturating_add(pages).checked_mul(PAGE)) else {
                return ptr::null_mut();
            };
            // Where somebody else grew the memory in between, the rest before that is given up.
            if start != self.end.get() {
                self.next.set(start);
            }
            self.end.set(end);
        }
        let block = self.next.get();
        self.next.set(block + size);
        ptr::with_exposed_provenance_mut(block)
    }
}

// SAFETY: a block is on one list or in one hand; all blocks are multiples of 16 bytes from the beginning of a page.
unsafe impl GlobalAlloc for Lists {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some((list, size)) = self.of(layout.size()) else { return ptr::null_mut() };
        let block = list.get();
        if layout.align() > STEP {
            return ptr::null_mut();
        }
        if block.is_null() {
            return self.fresh(size);
        }
        // SAFETY: the block is free, so it begins with the address of the next.
        list.set(unsafe { block.cast::<*mut u8>().read() });
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if let Some((list, _)) = self.of(layout.size()) {
            // SAFETY: the block is ours again and at least 16 bytes long.
            unsafe { block.cast::<*mut u8>().write(list.get()) };
            list.set(block);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if self.of(layout.size()).map(|(_, size)| size) == self.of(new_size).map(|(_, size)| size) {
            return block;
        }
        // SAFETY: as the caller promises for `realloc`; the two blocks are different.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
            if !new.is_null() {
                ptr::copy_nonoverlapping(block, new, layout.size().min(new_size));
                self.dealloc(block, layout);
            }
            new
        }
    }
}
