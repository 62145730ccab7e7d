#include "tools/rotation_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "tools/file.hpp"

namespace sendconn::tools {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr int version = 1;                       // of the file
constexpr std::size_t max_state_octets = 65536;  // our own bound: a state has a thousand

constexpr std::array<dkim::RotationPhase, 5> phases = {dkim::RotationPhase::steady, dkim::RotationPhase::prepared,
                                                       dkim::RotationPhase::settling, dkim::RotationPhase::switched,
                                                       dkim::RotationPhase::retiring};
constexpr std::array<dkim::RecordSeen, 5> sights = {dkim::RecordSeen::unknown, dkim::RecordSeen::matches,
                                                    dkim::RecordSeen::absent, dkim::RecordSeen::revoked,
                                                    dkim::RecordSeen::other};

Error failure(const std::string& what, const std::string& path) {
  return {Errc::io, what + " " + path + ": " + std::system_category().message(errno)};
}

/// Closes a descriptor at the end.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

/// A new file with `octets`, on the disk when this returns. `flags` say what
/// happens to one that is there.
Result<void> write_file(int folder, const std::string& name, std::string_view octets, int flags) {
  const Descriptor file(::openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0600));
  if (file.number() < 0) return failure("cannot write", name);
  for (std::size_t done = 0; done < octets.size();) {
    const ssize_t written = ::write(file.number(), octets.data() + done, octets.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return failure("cannot write", name);
    done += static_cast<std::size_t>(written);
  }
  if (::fchmod(file.number(), 0600) != 0 || ::fsync(file.number()) != 0) return failure("cannot write", name);
  return {};
}

template <class Value, std::size_t size>
Result<Value> one_of(const std::array<Value, size>& values, const json& object, const char* name) {
  const std::string text = object.at(name).get<std::string>();
  for (const Value value : values)
    if (dkim::format(value) == text) return value;
  return Error{Errc::syntax, std::string(name) + " has no such value: '" + text + "'"};
}

json number(UnixTime time) { return time.time_since_epoch().count(); }
UnixTime time_of(const json& object, const char* name) {
  return UnixTime(std::chrono::seconds(object.at(name).get<std::int64_t>()));
}

std::string format(const StoredRotation& rotation) {
  const dkim::RotationState& state = rotation.state;
  return json{{"version", version},
              {"domain", rotation.domain},
              {"phase", dkim::format(state.phase)},
              {"signing", state.signing},
              {"other", state.other},
              {"since", number(state.since)},
              {"signing_seen", dkim::format(state.signing_seen)},
              {"signing_seen_at", number(state.signing_seen_at)},
              {"other_seen", dkim::format(state.other_seen)},
              {"other_seen_at", number(state.other_seen_at)},
              {"settle", rotation.times.settle.count()},
              {"keep", rotation.times.keep.count()},
              {"stale", rotation.times.stale.count()},
              {"keys", rotation.keys}}
             .dump(2) +
         "\n";
}

Result<StoredRotation> parse(const std::string& text) {
  StoredRotation rotation;
  try {
    const json object = json::parse(text);
    if (object.at("version").get<int>() != version)
      return Error{Errc::unsupported, "it was written by another version of this program"};
    rotation.domain = object.at("domain").get<std::string>();
    auto phase = one_of(phases, object, "phase");
    auto signing_seen = one_of(sights, object, "signing_seen");
    auto other_seen = one_of(sights, object, "other_seen");
    if (!phase) return std::move(phase).error();
    if (!signing_seen) return std::move(signing_seen).error();
    if (!other_seen) return std::move(other_seen).error();
    rotation.state = {*phase,
                      object.at("signing").get<std::string>(),
                      object.at("other").get<std::string>(),
                      time_of(object, "since"),
                      *signing_seen,
                      *other_seen,
                      time_of(object, "signing_seen_at"),
                      time_of(object, "other_seen_at")};
    rotation.times.settle = std::chrono::seconds(object.at("settle").get<std::int64_t>());
    rotation.times.keep = std::chrono::seconds(object.at("keep").get<std::int64_t>());
    rotation.times.stale = std::chrono::seconds(object.at("stale").get<std::int64_t>());
    rotation.keys = object.at("keys").get<std::map<std::string, std::string>>();
  } catch (const json::exception& error) {
    return Error{Errc::syntax, std::string("it is no state of a rotation: ") + error.what()};
  }
  const dkim::RotationState& state = rotation.state;
  if (rotation.keys.count(state.signing) == 0 || (!state.other.empty() && rotation.keys.count(state.other) == 0))
    return Error{Errc::syntax, "it names a selector without a key"};
  return rotation;
}

}  // namespace

RotationFile::RotationFile(RotationFile&& other) noexcept
    : folder_(std::move(other.folder_)),
      name_(std::move(other.name_)),
      lock_(std::exchange(other.lock_, -1)),
      stored_(std::move(other.stored_)) {}

RotationFile& RotationFile::operator=(RotationFile&& other) noexcept {
  std::swap(folder_, other.folder_);
  std::swap(name_, other.name_);
  std::swap(lock_, other.lock_);
  std::swap(stored_, other.stored_);
  return *this;
}

RotationFile::~RotationFile() {
  if (lock_ >= 0) ::close(lock_);
}

Result<RotationFile> RotationFile::open(const std::string& path) {
  const fs::path given(path);
  const std::string folder = given.has_parent_path() ? given.parent_path().string() : ".";
  const std::string name = given.filename().string();
  if (name.empty() || name == "." || name == "..")
    return Error{Errc::invalid_argument, "'" + path + "' is no name of a file for the state"};
  const int lock = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock < 0) return failure("cannot open the folder", folder);
  RotationFile file(folder, name, lock);
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return failure("cannot lock the folder", folder);
    return Error{Errc::conflict, "another command works on a rotation in " + folder};
  }
  struct stat about {};
  if (::fstatat(lock, name.c_str(), &about, 0) != 0) {
    if (errno == ENOENT) return file;
    return failure("cannot read the state", path);
  }
  if (!S_ISREG(about.st_mode) || about.st_size > static_cast<off_t>(max_state_octets))
    return Error{Errc::syntax, path + " is no state of a rotation"};
  const auto text = read_file(path, "the state ");
  if (!text) return text.error();
  auto stored = parse(*text);
  if (!stored) return Error{stored.error().code, path + ": " + stored.error().text};
  file.stored_ = std::move(*stored);
  return file;
}

Result<void> RotationFile::save(const StoredRotation& rotation) {
  const std::string fresh = name_ + ".new";
  if (auto written = write_file(lock_, fresh, format(rotation), O_TRUNC); !written) return written;
  if (::renameat(lock_, fresh.c_str(), lock_, name_.c_str()) != 0 || ::fsync(lock_) != 0)
    return failure("cannot write the state", path_of(name_));
  stored_ = rotation;
  return {};
}

std::string RotationFile::key_name(const std::string& domain, const std::string& selector) {
  return selector + "._domainkey." + domain + ".pem";
}

Result<void> RotationFile::keep_key(const std::string& name, const std::string& pem) {
  if (has_key(name))
    return Error{Errc::conflict, "there is a key in " + path_of(name) + " already; no key is ever written over"};
  // Under another name first: a file that has a key's name holds the whole key.
  const std::string fresh = name + ".new";
  if (auto written = write_file(lock_, fresh, pem, O_TRUNC); !written) return written;
  // A link rather than a rename: it fails where a file has come in the
  // meantime.
  if (::linkat(lock_, fresh.c_str(), lock_, name.c_str(), 0) != 0 || ::fsync(lock_) != 0)
    return failure("cannot keep the key", path_of(name));
  ::unlinkat(lock_, fresh.c_str(), 0);
  return {};
}

bool RotationFile::has_key(const std::string& name) const {
  struct stat about {};
  return ::fstatat(lock_, name.c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0;
}

std::string RotationFile::path_of(const std::string& key) const {
  return folder_ == "." ? key : (fs::path(folder_) / key).string();
}

}  // namespace sendconn::tools
