// open_zone_resolver: a zone file behind the Resolver interface, read again when it changes.
//
// A file that has gone or no longer parses answers server_failure, never no_such_name: what a person breaks while
// editing must not look like a record taken away.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <utility>

#include <sendconn/resolver.hpp>
#include <sendconn/zone.hpp>

namespace sendconn::io {
namespace {

/// What changes when a file does. The time of the last status change is there because a writer can set the
/// modification time, the number of the file because editors replace files.
struct Stamp {
  struct timespec modified {};
  struct timespec changed {};
  ino_t number = 0;
  off_t octets = 0;

  static Stamp of(const struct stat& status) { return {status.st_mtim, status.st_ctim, status.st_ino, status.st_size}; }
  friend bool operator==(const Stamp& a, const Stamp& b) noexcept {
    const auto same = [](const struct timespec& x, const struct timespec& y) {
      return x.tv_sec == y.tv_sec && x.tv_nsec == y.tv_nsec;
    };
    return same(a.modified, b.modified) && same(a.changed, b.changed) && a.number == b.number && a.octets == b.octets;
  }
};

/// A file that changed this recently may change again without its times telling: file systems count in ticks of up to
/// 10 ms. Until then it is read for each question.
constexpr std::chrono::milliseconds settling_time{100};

bool has_settled(const struct stat& status) {
  using std::chrono::nanoseconds;
  using std::chrono::seconds;
  const auto changed = seconds(status.st_ctim.tv_sec) + nanoseconds(status.st_ctim.tv_nsec);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return now - changed > settling_time;
}

class File {
 public:
  explicit File(const std::string& path) : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int get() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

Error io_error(const std::string& path) {
  return {Errc::io, "cannot read the zone file " + path + ": " + std::strerror(errno)};
}

class ZoneResolver final : public Resolver {
 public:
  ZoneResolver(std::string path, OnZoneProblem on_problem)
      : path_(std::move(path)), on_problem_(std::move(on_problem)) {}

  Result<void> read();
  void resolve(const dns::Question& question, Done done) override;

 private:
  std::string path_;
  OnZoneProblem on_problem_;
  std::optional<Stamp> stamp_;  ///< of what was last read, if that had settled
  std::string problem_;         ///< the last one told
  std::optional<dns::Zone> zone_;
};

Result<void> ZoneResolver::read() {
  zone_.reset();
  stamp_.reset();
  const File file(path_);
  struct stat status {};
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0) return io_error(path_);
  if (!S_ISREG(status.st_mode)) return Error{Errc::io, "the zone file " + path_ + " is not a regular file"};
  std::string text;
  std::array<char, 65536> buffer{};
  for (;;) {
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return io_error(path_);
    if (count == 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(count));
    if (text.size() > dns::max_zone_octets) break;  // Zone::parse says so
  }
  if (has_settled(status)) stamp_ = Stamp::of(status);  // from before reading: what is written meanwhile is a change
  auto zone = dns::Zone::parse(text);
  if (!zone) {
    Error error = zone.error();
    error.text = path_ + ", " + error.text;
    return error;
  }
  zone_ = std::move(*zone);
  return {};
}

void ZoneResolver::resolve(const dns::Question& question, Done done) {
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0 || stamp_ != Stamp::of(status)) {
    const auto outcome = read();
    if (!outcome && on_problem_ && problem_ != outcome.error().text) on_problem_(outcome.error());
    problem_ = outcome ? std::string() : outcome.error().text;
  }
  dns::Answer answer;
  if (zone_) {
    answer = zone_->lookup(question);
  } else {
    answer.status = dns::Status::server_failure;
  }
  done(answer);
}

}  // namespace

Result<std::unique_ptr<Resolver>> open_zone_resolver(const std::string& path, OnZoneProblem on_problem) {
  auto resolver = std::make_unique<ZoneResolver>(path, std::move(on_problem));
  if (auto outcome = resolver->read(); !outcome) return outcome.error();
  return std::unique_ptr<Resolver>(std::move(resolver));
}

}  // namespace sendconn::io
