// A reserve for the OpenSSL that is inside the library. When the system has no memory left, OpenSSL's allocations come
// from here, as those of exceptions come from a reserve of the C++ run time: OpenSSL would take want of memory for a
// bad signature here, leak there, and end the process elsewhere. What is under way then comes to its end; the library's
// own allocations fail meanwhile, and become SENDCONN_ERR_NO_MEMORY.
//
// The linker leads the calls of malloc and its kin inside the library here (--wrap); nothing outside is touched. Where
// the system gives memory, all of this is one comparison for each free().
#include <malloc.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <mutex>
#include <new>

namespace {

/// Enough for a handshake with its records: OpenSSL takes some 100 KB for a connection with a chain of certificates.
/// Our own choice; it costs address space alone until it is used.
constexpr std::size_t reserve_octets = std::size_t{512} * 1024;
/// What malloc() promises on 64-bit systems.
constexpr std::size_t alignment = 16;

/// In front of each block, free or not: the blocks lie one behind the other.
struct alignas(alignment) Header {
  std::size_t octets;  ///< of the block, without the header
  bool taken;
};

// Never destroyed: OpenSSL frees what it has when the process ends.
alignas(alignment) constinit std::byte reserve[reserve_octets] = {};
constinit std::mutex mutex;
constinit bool begun = false;

bool is_reserve(const void* block) noexcept {
  const auto* const at = static_cast<const std::byte*>(block);
  return at >= reserve && at < reserve + reserve_octets;
}

Header& header(std::size_t at) noexcept { return *reinterpret_cast<Header*>(reserve + at); }
std::size_t behind(std::size_t at) noexcept { return at + sizeof(Header) + header(at).octets; }

void make_block(std::size_t at, std::size_t octets) noexcept { ::new (reserve + at) Header{octets, false}; }

/// A free block takes in the free ones behind it.
void join(std::size_t at) noexcept {
  for (std::size_t next = behind(at); next < reserve_octets && !header(next).taken; next = behind(at))
    header(at).octets += sizeof(Header) + header(next).octets;
}

/// What is not wanted becomes a block of its own, if that is worth it.
void split(std::size_t at, std::size_t wanted) noexcept {
  const std::size_t octets = header(at).octets;
  if (octets < wanted + sizeof(Header) + alignment) return;
  header(at).octets = wanted;
  make_block(behind(at), octets - wanted - sizeof(Header));
}

void* take(std::size_t size) noexcept {
  if (size > reserve_octets) return nullptr;
  const std::size_t wanted = (size + alignment - 1) / alignment * alignment;
  const std::lock_guard lock(mutex);
  if (!begun) make_block(0, reserve_octets - sizeof(Header));
  begun = true;
  for (std::size_t at = 0; at < reserve_octets; at = behind(at)) {
    if (header(at).taken) continue;
    join(at);
    if (header(at).octets < wanted) continue;
    split(at, wanted);
    header(at).taken = true;
    return reserve + at + sizeof(Header);
  }
  return nullptr;
}

Header& header_of(void* block) noexcept { return static_cast<Header*>(block)[-1]; }

}  // namespace

// The names are the linker's.
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
extern "C" {

void* __real_malloc(std::size_t size);
void* __real_realloc(void* block, std::size_t size);
void __real_free(void* block);
void* __wrap_malloc(std::size_t size);
void* __wrap_realloc(void* block, std::size_t size);
void __wrap_free(void* block);

void* __wrap_malloc(std::size_t size) {
  void* const block = __real_malloc(size);
  return block != nullptr || size == 0 ? block : take(size);
}

void* __wrap_realloc(void* block, std::size_t size) {
  if (block == nullptr) return __wrap_malloc(size);
  if (!is_reserve(block)) {
    void* const moved = __real_realloc(block, size);
    if (moved != nullptr || size == 0) return moved;
  }
  void* const moved = __wrap_malloc(size);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, block, std::min(size, is_reserve(block) ? header_of(block).octets : malloc_usable_size(block)));
  __wrap_free(block);
  return moved;
}

void __wrap_free(void* block) {
  if (!is_reserve(block)) return __real_free(block);
  const std::lock_guard lock(mutex);
  header_of(block).taken = false;
}
}
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
