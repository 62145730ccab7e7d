#include "relay/net/certificate.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>

namespace sendconn::relay {
namespace {

constexpr unsigned self_signed_days = 3'650;

/// Writes all of `text` to a new file of mode 0600. What is there already is left alone: it may be in use.
Result<void> write_new(const std::string& path, std::string_view text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return Error{Errc::io, "cannot create " + path + ": " + std::strerror(errno)};
  bool ok = true;
  while (ok && !text.empty()) {
    const ssize_t count = ::write(file, text.data(), text.size());
    ok = count > 0;
    if (ok) text.remove_prefix(static_cast<std::size_t>(count));
  }
  ok = ::fsync(file) == 0 && ok;
  ::close(file);
  if (ok) return {};
  ::unlink(path.c_str());
  return Error{Errc::io, "cannot write " + path + ": " + std::strerror(errno)};
}

struct Files {
  std::string certificate;
  std::string key;
};

Result<Files> self_signed_files(const Config& config) {
  const Files files{config.state_folder + "/self-signed.pem", config.state_folder + "/self-signed.key"};
  if (std::filesystem::exists(files.certificate) && std::filesystem::exists(files.key)) return files;
  // One without the other is of no use: both are made anew.
  ::unlink(files.certificate.c_str());
  ::unlink(files.key.c_str());
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const auto made = tls::make_self_signed(config.hostname, self_signed_days, now);
  if (!made) return made.error();
  if (const auto written = write_new(files.key, made->key_pem); !written) return written.error();
  if (const auto written = write_new(files.certificate, made->certificate_pem); !written) return written.error();
  return files;
}

}  // namespace

bool is_self_signed(const Config& config) { return config.certificate_file.empty(); }

Result<std::shared_ptr<const tls::Context>> open_server_context(const Config& config) {
  Files files{config.certificate_file, config.key_file};
  if (is_self_signed(config)) {
    auto made = self_signed_files(config);
    if (!made) return made.error();
    files = std::move(*made);
  }
  tls::ContextOptions options;
  options.role = tls::Role::server;
  options.certificate_file = files.certificate;
  options.key_file = files.key;
  auto context = tls::Context::create(options);
  if (!context) return context.error();
  return std::make_shared<const tls::Context>(std::move(*context));
}

}  // namespace sendconn::relay
