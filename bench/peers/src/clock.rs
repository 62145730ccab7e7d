//! Times a closure and counts what it takes from the heap.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        System.alloc(layout)
    }
    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        System.dealloc(place, layout)
    }
    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        System.realloc(place, layout, size)
    }
}

#[global_allocator]
static HEAP: Counting = Counting;

fn now() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the place is ours.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Runs `work` for about `seconds` and prints the line for it.
pub fn measure(name: &str, seconds: f64, mut work: impl FnMut()) {
    let mut rounds: u64 = 1;
    loop {
        let allocations = ALLOCATIONS.get();
        let start = now();
        for _ in 0..rounds {
            work();
        }
        let taken = now() - start;
        if taken >= seconds {
            let each = (ALLOCATIONS.get() - allocations) as f64 / rounds as f64;
            println!("{name}\t{:.1}\t{each:.1}", taken * 1e9 / rounds as f64);
            return;
        }
        let grown = (seconds * 1.2 / taken.max(1e-7) * rounds as f64) as u64;
        rounds = grown.clamp(rounds + 1, rounds * 10);
    }
}
