#include "relay/spf2/helper.hpp"

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sendconn/spf_engine.hpp>

#include <cerrno>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "relay/spf2/frames.hpp"

namespace sendconn::relay::spf2 {
namespace {

constexpr int channel = STDIN_FILENO;
constexpr std::size_t max_checks = 20'000;  // under way; as many as clients by default (max_connections)
constexpr std::size_t max_idle = 64;        // engines kept for the next check

bool read_all(char* place, std::size_t octets) {
  while (octets > 0) {
    const ssize_t got = ::recv(channel, place, octets, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    place += got;
    octets -= static_cast<std::size_t>(got);
  }
  return true;
}

bool write_all(std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t sent = ::send(channel, octets.data(), octets.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    octets.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::optional<std::string> read_frame() {
  std::string record(length_octets, '\0');
  if (!read_all(record.data(), record.size())) return std::nullopt;
  const auto octets = frame_octets(record);
  if (!octets) return std::nullopt;
  record.resize(*octets);
  if (!read_all(record.data(), record.size())) return std::nullopt;
  return record;
}

class Helper {
 public:
  explicit Helper(const std::string& module) : module_(module) {}

  std::optional<Response> take(const Request& request) {
    Response response;
    response.id = request.id;
    switch (request.kind) {
      case Kind::options:
        options_ = request.options;
        if (auto engine = open()) {
          idle_.push_back(std::move(engine));
        } else {
          response.problem = problem_;
        }
        return response;
      case Kind::start: {
        auto engine = checks_.size() < max_checks ? open() : nullptr;
        if (!engine) {
          response.problem = problem_.empty() ? "too many checks at once" : problem_;
          return response;
        }
        engine->start({request.client, request.helo, request.mail_from, request.identity, request.now});
        checks_[request.id] = std::move(engine);
        break;
      }
      case Kind::answer:
        if (const auto found = checks_.find(request.id); found != checks_.end())
          found->second->answer(request.question, request.answer);
        break;
      case Kind::drop:
        close(request.id);
        return std::nullopt;
    }
    report(response);
    return response;
  }

 private:
  std::unique_ptr<spf::Check> open() {
    if (!idle_.empty()) {
      auto engine = std::move(idle_.back());
      idle_.pop_back();
      return engine;
    }
    auto engine = spf::load_libspf2(module_, options_);
    if (engine) return std::move(*engine);
    problem_ = engine.error().text;
    return nullptr;
  }

  void close(std::uint64_t id) {
    const auto found = checks_.find(id);
    if (found == checks_.end()) return;
    if (idle_.size() < max_idle) idle_.push_back(std::move(found->second));
    checks_.erase(found);
  }

  void report(Response& response) {
    const auto found = checks_.find(response.id);
    if (found == checks_.end()) {
      response.problem = "no such check";
      return;
    }
    response.questions = found->second->questions();
    response.done = found->second->done();
    if (!response.done) return;
    response.outcome = found->second->outcome();
    close(response.id);
  }

  std::string module_;
  std::string problem_;
  spf::Options options_;
  std::map<std::uint64_t, std::unique_ptr<spf::Check>> checks_;
  std::vector<std::unique_ptr<spf::Check>> idle_;
};

}  // namespace

int run_helper(const std::string& module) {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);  // a core of an abort would have addresses of strangers in it
  Helper helper(module);
  while (const auto record = read_frame()) {
    const auto request = parse_request(*record);
    if (!request) return 1;
    const auto response = helper.take(*request);
    if (!response) continue;
    const std::string frame = make_frame(format(*response));
    if (frame.empty() || !write_all(frame)) return 1;
  }
  return 0;
}

}  // namespace sendconn::relay::spf2
