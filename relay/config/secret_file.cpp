#include "relay/config/secret_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include <sendconn/crypto.hpp>

namespace sendconn::relay {
namespace {

constexpr std::size_t max_secret_octets = 4096;  // our own bound

struct Descriptor {
  int value = -1;
  ~Descriptor() {
    if (value >= 0) ::close(value);
  }
};

Error unreadable(const std::string& path) {
  return {Errc::io, "cannot read the secret in " + path + ": " + std::generic_category().message(errno)};
}

}  // namespace

Result<std::string> read_secret_file(const std::string& path) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  struct stat status {};
  if (file.value < 0 || ::fstat(file.value, &status) != 0) return unreadable(path);
  if ((status.st_mode & S_IROTH) != 0) {
    return Error{Errc::invalid_argument, path + " holds a secret but everybody may read it; run chmod 600 " + path};
  }
  std::string secret(max_secret_octets + 1, '\0');
  std::size_t size = 0;
  while (size < secret.size()) {
    const ssize_t count = ::read(file.value, secret.data() + size, secret.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return unreadable(path);
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  std::size_t end = secret.find('\n');
  if (end > size) end = size;
  if (end > 0 && secret[end - 1] == '\r') --end;
  Error fault;
  if (end == 0) fault = {Errc::invalid_argument, path + " must hold a secret in its first line, but that is empty"};
  if (end > max_secret_octets) {
    fault = {Errc::limit_exceeded,
             "the secret in " + path + " has more than " + std::to_string(max_secret_octets) + " octets"};
  }
  std::string first_line = fault.text.empty() ? secret.substr(0, end) : std::string();
  crypto::wipe(secret);
  if (!fault.text.empty()) return fault;
  return first_line;
}

}  // namespace sendconn::relay
