// Two endpoints wired back to back, and the files they are made from.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <sendconn/tls.hpp>

namespace sendconn::tls {

inline constexpr UnixTime now{std::chrono::seconds(1'795'000'000)};  // in November 2026
inline constexpr std::string_view host = "mail.sender.example";

/// A folder that goes with the test.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sendconn-tls-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  std::string write(const std::string& name, std::string_view text) const {
    const auto file = path_ / name;
    std::ofstream(file, std::ios::binary) << text;
    return file.string();
  }
  [[nodiscard]] std::string path(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

template <class T>
T must(Result<T> result) {
  if (!result) {
    ADD_FAILURE() << result.error().text;
    std::abort();
  }
  return std::move(*result);
}

/// A server with a self-signed certificate for `name`.
class SelfSignedServer {
 public:
  explicit SelfSignedServer(std::string_view name = host, UnixTime made = now, unsigned days = 90) {
    const SelfSigned pair = must(make_self_signed(name, days, made));
    options.role = Role::server;
    options.certificate_file = folder.write("cert.pem", pair.certificate_pem);
    options.key_file = folder.write("key.pem", pair.key_pem);
    options.now = made;
  }
  [[nodiscard]] Context context() const { return must(Context::create(options)); }

  Folder folder;
  ContextOptions options;
};

inline Context client_context(ContextOptions options = {}) {
  options.role = Role::client;
  return must(Context::create(options));
}

/// Takes what `from` has to send.
inline std::string drain(Endpoint& from) {
  std::string records(from.output());
  from.consumed_output(records.size());
  return records;
}

/// Carries octets to and fro, `piece` at a time, until both are silent. Errors show in the endpoints.
struct Wire {
  Endpoint& client;
  Endpoint& server;
  std::string to_client{};  ///< plain text that arrived
  std::string to_server{};

  void run(std::size_t piece = std::string::npos) {
    bool moved = true;
    while (moved) {
      moved = carry(client, server, to_server, piece);
      moved = carry(server, client, to_client, piece) || moved;
    }
  }

  static bool carry(Endpoint& from, Endpoint& to, std::string& plain, std::size_t piece) {
    bool moved = false;
    while (!from.output().empty()) {
      const std::string records(from.output().substr(0, piece));
      from.consumed_output(records.size());
      static_cast<void>(to.feed(records, plain));
      moved = true;
    }
    return moved;
  }
};

}  // namespace sendconn::tls
