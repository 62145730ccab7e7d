#include "relay/spool/folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

namespace sendconn::relay {
namespace {

// Between two looks at the disk a relay at full speed writes some 100 MB; a look costs a microsecond. Our own bound.
constexpr std::int64_t look_interval_ns = 100'000'000;
constexpr std::uint64_t look_always_below = 256ULL * 1024 * 1024;

std::string megabytes(std::uint64_t octets) { return std::to_string(octets / (1024 * 1024)) + " MB"; }

Result<Descriptor> take_lock(const std::string& folder) {
  const std::string path = folder + "/lock";
  auto lock = system::open(path, O_RDWR | O_CREAT);
  if (!lock) return lock;
  if (::flock(lock->get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return system::error("lock", path, errno);
    std::string owner;
    const auto pid = system::read(lock->get(), path, 0, 20, owner);
    return Error{Errc::conflict, "spool " + folder + " is in use by another relay" +
                                     (pid && !pid->empty() ? " (process " + std::string(*pid) + ")" : std::string())};
  }
  // For the sentence above only; a full disk must not keep the relay from starting.
  if (::ftruncate(lock->get(), 0) == 0) (void)system::write(lock->get(), path, std::to_string(::getpid()), 0);
  return lock;
}

}  // namespace

SpoolFolder::SpoolFolder(const SpoolOptions& options, Descriptor folder, Descriptor lock)
    : path_(options.folder),
      sync_(options.sync),
      max_octets_(options.max_octets),
      min_free_octets_(options.min_free_octets),
      folder_(std::move(folder)),
      lock_(std::move(lock)) {}

Result<std::unique_ptr<SpoolFolder>> SpoolFolder::open(const SpoolOptions& options) {
  if (options.folder.empty()) return Error{Errc::invalid_argument, "the spool needs a folder"};
  const bool made = ::mkdir(options.folder.c_str(), 0700) == 0;
  if (!made && errno != EEXIST) return system::error("create the folder", options.folder, errno);
  if (options.sync) {
    // Also if it was there: the run that made it may have ended before this. Then a parent that may not be read must
    // do.
    const std::string parent = options.folder + "/..";
    auto above = system::open(parent, O_RDONLY | O_DIRECTORY);
    if (!above && (made || errno != EACCES)) return above.error();
    if (above) {
      if (auto synced = system::sync_folder(above->get(), parent); !synced) return synced.error();
    }
  }
  auto folder = system::open(options.folder, O_RDONLY | O_DIRECTORY);
  if (!folder) return folder.error();
  struct stat info {};
  if (::fstat(folder->get(), &info) != 0) return system::error("inspect", options.folder, errno);
  if ((info.st_mode & 0077) != 0 && ::fchmod(folder->get(), 0700) != 0) {
    return system::error("make private (mode 0700)", options.folder, errno);
  }
  auto lock = take_lock(options.folder);
  if (!lock) return lock.error();
  return std::unique_ptr<SpoolFolder>(new SpoolFolder(options, std::move(*folder), std::move(*lock)));
}

Result<Descriptor> SpoolFolder::make_folder(std::string_view name) const {
  const std::string path = file(name);
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return system::error("create the folder", path, errno);
  if (sync_) {
    // Also if it was there: the run that made it may have ended before this.
    if (auto synced = system::sync_folder(folder_.get(), path_); !synced) return synced.error();
  }
  return system::open(path, O_RDONLY | O_DIRECTORY);
}

Result<void> SpoolFolder::check_room(std::uint64_t used, std::uint64_t octets) {
  if (max_octets_ != 0 && (octets > max_octets_ || used > max_octets_ - octets)) {
    return Error{Errc::limit_exceeded, "the spool holds " + megabytes(used) + " of at most " + megabytes(max_octets_) +
                                           " and has no room for " + std::to_string(octets) + " octets"};
  }
  if (min_free_octets_ == 0) return {};
  const std::int64_t now = std::chrono::steady_clock::now().time_since_epoch().count();
  std::uint64_t free = free_.load(std::memory_order_relaxed);
  if (free < min_free_octets_ + octets + look_always_below ||
      now - asked_.load(std::memory_order_relaxed) > look_interval_ns) {
    auto asked = system::free_octets(folder_.get(), path_);
    if (!asked) return asked.error();
    free = *asked;
    free_.store(free, std::memory_order_relaxed);
    asked_.store(now, std::memory_order_relaxed);
  }
  if (free < octets || free - octets < min_free_octets_) {
    return Error{Errc::limit_exceeded, "the disk of spool " + path_ + " has " + megabytes(free) + " free, of which " +
                                           megabytes(min_free_octets_) + " are kept (min_free_octets)"};
  }
  return {};
}

}  // namespace sendconn::relay
