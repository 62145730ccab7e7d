#include "relay/spool/system.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <system_error>

namespace sendconn::relay {

void Descriptor::reset() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

namespace system {

Error error(std::string_view doing, const std::string& path, int reason) {
  const bool full = reason == ENOSPC || reason == EDQUOT || reason == EFBIG;
  std::string text = "cannot ";
  text += doing;
  text += ' ';
  text += path;
  text += ": ";
  text += std::generic_category().message(reason);
  return Error{full ? Errc::limit_exceeded : Errc::io, std::move(text)};
}

Result<Descriptor> open(const std::string& path, int flags, unsigned mode) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return error("open", path, errno);
  return Descriptor(fd);
}

Result<void> write(int fd, const std::string& path, std::string_view octets, std::uint64_t offset) {
  while (!octets.empty()) {
    const ssize_t n = ::pwrite(fd, octets.data(), octets.size(), static_cast<off_t>(offset));
    if (n < 0) {
      if (errno == EINTR) continue;
      return error("write to", path, errno);
    }
    octets.remove_prefix(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return {};
}

Result<void> write(int fd, const std::string& path, std::span<iovec> pieces, std::uint64_t offset) {
  while (!pieces.empty()) {
    const auto count = static_cast<int>(std::min<std::size_t>(pieces.size(), IOV_MAX));
    const ssize_t n = ::pwritev(fd, pieces.data(), count, static_cast<off_t>(offset));
    if (n < 0) {
      if (errno == EINTR) continue;
      return error("write to", path, errno);
    }
    offset += static_cast<std::uint64_t>(n);
    auto left = static_cast<std::size_t>(n);
    while (!pieces.empty() && left >= pieces.front().iov_len) {
      left -= pieces.front().iov_len;
      pieces = pieces.subspan(1);
    }
    if (left > 0) {
      iovec& piece = pieces.front();
      piece.iov_base = static_cast<char*>(piece.iov_base) + left;
      piece.iov_len -= left;
    }
  }
  return {};
}

Result<std::string_view> read(int fd, const std::string& path, std::uint64_t offset, std::size_t max,
                              std::string& buffer) {
  buffer.resize(max);
  std::size_t have = 0;
  while (have < max) {
    const ssize_t n = ::pread(fd, buffer.data() + have, max - have, static_cast<off_t>(offset + have));
    if (n < 0) {
      if (errno == EINTR) continue;
      return error("read", path, errno);
    }
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  buffer.resize(have);
  return std::string_view(buffer);
}

Result<void> sync_data(int fd, const std::string& path) {
  if (::fdatasync(fd) != 0) return error("sync", path, errno);
  return {};
}

Result<void> sync_folder(int fd, const std::string& path) {
  if (::fsync(fd) != 0) return error("sync the folder", path, errno);
  return {};
}

Result<void> allocate(int fd, const std::string& path, std::uint64_t octets) {
  if (::fallocate(fd, 0, 0, static_cast<off_t>(octets)) == 0) return {};
  if (errno != EOPNOTSUPP && errno != ENOSYS) return error("allocate", path, errno);
  if (::ftruncate(fd, static_cast<off_t>(octets)) != 0) return error("enlarge", path, errno);
  return {};
}

Result<std::uint64_t> file_size(int fd, const std::string& path) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return error("inspect", path, errno);
  return static_cast<std::uint64_t>(info.st_size);
}

Result<void> remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return error("remove", path, errno);
  return {};
}

Result<void> rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return error("rename", from, errno);
  return {};
}

Result<std::vector<std::string>> list(const std::string& path) {
  DIR* folder = ::opendir(path.c_str());
  if (folder == nullptr) return error("list", path, errno);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(folder)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  const int reason = errno;
  ::closedir(folder);
  if (reason != 0) return error("list", path, reason);
  return names;
}

Result<void> random_octets(std::span<char> octets) {
  if (::getentropy(octets.data(), octets.size()) != 0) return error("draw random octets for", "the spool", errno);
  return {};
}

Result<std::uint64_t> free_octets(int fd, const std::string& path) {
  struct statvfs info {};
  if (::fstatvfs(fd, &info) != 0) return error("inspect", path, errno);
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

}  // namespace system
}  // namespace sendconn::relay
