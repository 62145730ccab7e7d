// What the test program has taken from the heap. Linking this in replaces the global operator new and delete.
#pragma once

namespace sendconn::test {

/// Octets now in use, as malloc rounds them.
long heap_octets() noexcept;

/// The most that heap_octets() was since begin_heap_peak().
long heap_peak_octets() noexcept;
void begin_heap_peak() noexcept;

/// Calls of operator new since the start, of all threads.
long heap_allocations() noexcept;

}  // namespace sendconn::test
