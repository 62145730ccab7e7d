// SpoolFolder: the spool's place on the disk. Made 0700, locked against a second relay for as long as it lives, and
// asked how much room is left.
//
// The lock is flock() on the file "lock": it ends with the process, however that ends.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "relay/spool/spool.hpp"
#include "relay/spool/system.hpp"

namespace sendconn::relay {

/// Thread-safe.
class SpoolFolder {
 public:
  static Result<std::unique_ptr<SpoolFolder>> open(const SpoolOptions& options);

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string file(std::string_view name) const { return path_ + '/' + std::string(name); }
  [[nodiscard]] bool sync_wanted() const noexcept { return sync_; }
  /// Opens the folder `name` in it, made durably if it is not there.
  [[nodiscard]] Result<Descriptor> make_folder(std::string_view name) const;

  /// Errc::limit_exceeded when `octets` more would pass SpoolOptions::max_octets or leave less than min_free_octets on
  /// the disk. `used` is what the spool holds. The disk is asked at most every 100 ms, except near the bound.
  Result<void> check_room(std::uint64_t used, std::uint64_t octets);

 private:
  SpoolFolder(const SpoolOptions& options, Descriptor folder, Descriptor lock);

  std::string path_;
  bool sync_;
  std::uint64_t max_octets_;
  std::uint64_t min_free_octets_;
  Descriptor folder_;
  Descriptor lock_;
  std::atomic<std::uint64_t> free_{0};
  std::atomic<std::int64_t> asked_{0};  // steady nanoseconds
};

}  // namespace sendconn::relay
