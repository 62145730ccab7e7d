#include "capi/files.hpp"

#include <cerrno>
#include <cstdio>
#include <memory>

#include "capi/guard.hpp"

namespace sendconn::capi {
namespace {

struct Close {
  void operator()(std::FILE* file) const noexcept { static_cast<void>(std::fclose(file)); }
};

/// What is asked for at once while the size is not known.
constexpr std::size_t step = 65'536;

[[noreturn]] void fail(const char* path, int number) {
  if (number == ENOMEM) throw std::bad_alloc();
  refuse(number == ENOENT ? SENDCONN_ERR_NOT_FOUND : SENDCONN_ERR_IO,
         std::string(path) + ": " + std::strerror(number));  // NOLINT(concurrency-mt-unsafe)
}

}  // namespace

void read_file(const char* path, std::size_t max_octets, std::string& octets) {
  errno = 0;
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path, "rbe"));
  if (file == nullptr) fail(path, errno);
  static_cast<void>(std::setvbuf(file.get(), nullptr, _IONBF, 0));
  std::size_t size = 0;
  while (true) {
    octets.resize(size + step);
    const std::size_t count = std::fread(octets.data() + size, 1, step, file.get());
    size += count;
    if (std::ferror(file.get()) != 0) fail(path, errno);
    if (size > max_octets)
      refuse(SENDCONN_ERR_LIMIT_EXCEEDED,
             std::string(path) + ": has more than " + std::to_string(max_octets) + " octets");
    if (count < step) break;
  }
  octets.resize(size);
}

}  // namespace sendconn::capi
