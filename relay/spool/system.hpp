// The few calls of the operating system that the spool makes, with errors as values.
//
// Everything the spool does to the disk goes through here: open, pwrite, pwritev, pread, fdatasync, fsync, fallocate,
// ftruncate, rename, unlink. An interrupted call is repeated and a short write continued. A full disk (ENOSPC, EDQUOT,
// EFBIG) is Errc::limit_exceeded, anything else Errc::io; the text names the call, the file and the reason.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sendconn/result.hpp>

namespace sendconn::relay {

/// Owns a file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { reset(); }

  [[nodiscard]] int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  void reset() noexcept;

 private:
  int fd_ = -1;
};

namespace system {

/// "cannot <doing> <path>: <reason>", from errno or `reason`.
Error error(std::string_view doing, const std::string& path, int reason);

Result<Descriptor> open(const std::string& path, int flags, unsigned mode = 0600);
/// All of `octets` at `offset`.
Result<void> write(int fd, const std::string& path, std::string_view octets, std::uint64_t offset);
/// All pieces, one after the other, at `offset`; `pieces` is used up.
Result<void> write(int fd, const std::string& path, std::span<iovec> pieces, std::uint64_t offset);
/// Up to `max` octets at `offset`; fewer only at the end of the file. The result is in `buffer`.
Result<std::string_view> read(int fd, const std::string& path, std::uint64_t offset, std::size_t max,
                              std::string& buffer);
/// The data of a file and what is needed to find it again. A failure means that the state of everything written since
/// the last success is unknown, whatever a later call reports: the kernel marks failed pages clean.
Result<void> sync_data(int fd, const std::string& path);
/// Makes the names in a folder durable.
Result<void> sync_folder(int fd, const std::string& path);
/// Gives a file its size and, where the file system can, its blocks: a full disk shows here instead of at a write.
Result<void> allocate(int fd, const std::string& path, std::uint64_t octets);
Result<std::uint64_t> file_size(int fd, const std::string& path);
Result<void> remove(const std::string& path);
Result<void> rename(const std::string& from, const std::string& to);
/// The names in a folder, without "." and "..".
Result<std::vector<std::string>> list(const std::string& path);
/// Octets that nobody can foretell.
Result<void> random_octets(std::span<char> octets);
/// Octets that an ordinary process can still write on the disk of `fd`.
Result<std::uint64_t> free_octets(int fd, const std::string& path);

}  // namespace system
}  // namespace sendconn::relay
