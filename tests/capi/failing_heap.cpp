// Without a sanitizer the functions below are those of the whole process, shared libraries included. AddressSanitizer
// has a heap of its own that must not be replaced: there the linker leads what is linked statically (--wrap) here.
#include "tests/capi/failing_heap.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <new>

#include <malloc.h>

#include <atomic>

namespace {

thread_local long next_number = 0;
thread_local long failing_number = -1;
thread_local bool fails_for_good = false;
thread_local bool has_failed = false;
std::atomic<long> blocks{0};

bool fails() noexcept {
  const long number = next_number++;
  if (failing_number < 0 || number < failing_number || (number > failing_number && !fails_for_good)) return false;
  has_failed = true;
  errno = ENOMEM;
  return true;
}

void* counted(void* block) noexcept {
  if (block != nullptr) ++blocks;
  return block;
}

}  // namespace

namespace sendconn::test {

void fail_allocation(long number, bool for_good) noexcept {
  next_number = 0;
  failing_number = number;
  fails_for_good = for_good;
  has_failed = false;
}
long allocations() noexcept { return next_number; }
bool allocation_failed() noexcept { return has_failed; }
void heal_heap() noexcept { failing_number = -1; }
long live_blocks() noexcept { return blocks; }

}  // namespace sendconn::test

#if defined(SENDCONN_WRAPPED_HEAP)
#define REAL(name) __real_##name
#define OWN(name) __wrap_##name
#else
#define REAL(name) __libc_##name
#define OWN(name) name
#endif

extern "C" {
void* REAL(malloc)(std::size_t size);
void* REAL(calloc)(std::size_t count, std::size_t size);
void* REAL(realloc)(void* block, std::size_t size);
void REAL(free)(void* block);

void* OWN(malloc)(std::size_t size) { return fails() ? nullptr : counted(REAL(malloc)(size)); }
void* OWN(calloc)(std::size_t count, std::size_t size) {
  return fails() ? nullptr : counted(REAL(calloc)(count, size));
}
void* OWN(realloc)(void* block, std::size_t size) {
  if (fails()) return nullptr;
  void* const moved = REAL(realloc)(block, size);
  if (block == nullptr && moved != nullptr) ++blocks;
  if (block != nullptr && size == 0 && moved == nullptr) --blocks;
  return moved;
}
void OWN(free)(void* block) {
  if (block != nullptr) --blocks;
  REAL(free)(block);
}
}

#if defined(SENDCONN_WRAPPED_HEAP)
void* operator new(std::size_t size) {
  void* const block = OWN(malloc)(size);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}
void* operator new[](std::size_t size) { return operator new(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return OWN(malloc)(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return OWN(malloc)(size); }
void operator delete(void* block) noexcept { OWN(free)(block); }
void operator delete[](void* block) noexcept { OWN(free)(block); }
void operator delete(void* block, std::size_t) noexcept { OWN(free)(block); }
void operator delete[](void* block, std::size_t) noexcept { OWN(free)(block); }
#endif
