// A file of its own: where a compiler can inline only one of the two operators, it takes malloc and free for
// mismatched.
#include "tests/heap/heap.hpp"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<long> live_octets{0};
std::atomic<long> peak_octets{0};
std::atomic<long> allocations{0};

void* take(std::size_t size) {
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  const long live = live_octets += static_cast<long>(malloc_usable_size(memory));
  for (long peak = peak_octets; live > peak && !peak_octets.compare_exchange_weak(peak, live);) continue;
  ++allocations;
  return memory;
}

void give_back(void* memory) noexcept {
  if (memory == nullptr) return;
  live_octets -= static_cast<long>(malloc_usable_size(memory));
  std::free(memory);
}
}  // namespace

void* operator new(std::size_t size) { return take(size); }
void* operator new[](std::size_t size) { return take(size); }
// For the buffers of std::stable_sort.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return take(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return take(size); }
void operator delete(void* memory) noexcept { give_back(memory); }
void operator delete[](void* memory) noexcept { give_back(memory); }
void operator delete(void* memory, std::size_t) noexcept { give_back(memory); }
void operator delete[](void* memory, std::size_t) noexcept { give_back(memory); }

namespace sendconn::test {
long heap_octets() noexcept { return live_octets; }
long heap_peak_octets() noexcept { return peak_octets; }
void begin_heap_peak() noexcept { peak_octets = live_octets.load(); }
long heap_allocations() noexcept { return allocations; }
}  // namespace sendconn::test
