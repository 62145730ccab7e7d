#include "tools/relay_client.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <system_error>

namespace sendconn::tools {
namespace {

constexpr const char* program = "sendconn-relay";

struct Pipe {
  std::array<int, 2> ends{-1, -1};
  Pipe() { static_cast<void>(::pipe2(ends.data(), O_CLOEXEC)); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  [[nodiscard]] bool valid() const { return ends[0] >= 0; }
  void close_end(std::size_t end) {
    if (ends[end] >= 0) ::close(ends[end]);
    ends[end] = -1;
  }
};

std::string own_folder() {
  std::array<char, PATH_MAX> path{};
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
  if (size <= 0) return {};
  const std::string text(path.data(), static_cast<std::size_t>(size));
  return text.substr(0, text.rfind('/'));
}

/// $SENDCONN_RELAY, beside this program (installed), in the next folder (a build tree), in sbin, or on the path.
std::string find_program() {
  const char* named = std::getenv("SENDCONN_RELAY");  // NOLINT(concurrency-mt-unsafe): one thread
  if (named != nullptr && *named != '\0') return named;
  if (const std::string folder = own_folder(); !folder.empty()) {
    for (const char* place : {"/", "/../relay/", "/../sbin/"}) {
      std::string path = folder + place + program;
      if (::access(path.c_str(), X_OK) == 0) return path;
    }
  }
  return program;  // posix_spawnp looks on the path
}

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(descriptor, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

std::string read_all(int descriptor) {
  constexpr std::size_t piece_octets = 65'536;
  std::string text;
  std::string piece(piece_octets, '\0');
  while (true) {
    const ssize_t count = ::read(descriptor, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(piece, 0, static_cast<std::size_t>(count));
  }
}

struct Actions {
  posix_spawn_file_actions_t value{};
  Actions() { posix_spawn_file_actions_init(&value); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  ~Actions() { posix_spawn_file_actions_destroy(&value); }
};

}  // namespace

Result<nlohmann::json> ask_relay(const std::string& config_path, const nlohmann::json& request) {
  Pipe question;
  Pipe reply;
  if (!question.valid() || !reply.valid()) return Error{Errc::io, "pipe: " + std::generic_category().message(errno)};
  Actions actions;
  posix_spawn_file_actions_adddup2(&actions.value, question.ends[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions.value, reply.ends[1], STDOUT_FILENO);

  std::string path = find_program();
  std::string config_option = "--config";
  std::string config_value = config_path;
  std::string once = "--admin-once";
  std::array<char*, 5> arguments{path.data(), config_option.data(), config_value.data(), once.data(), nullptr};
  pid_t child = -1;
  const int fault = ::posix_spawnp(&child, path.c_str(), &actions.value, nullptr, arguments.data(), environ);
  if (fault != 0) {
    return Error{Errc::not_found, "cannot run " + path + ": " + std::generic_category().message(fault) +
                                      "; set SENDCONN_RELAY to where it is"};
  }
  question.close_end(0);
  reply.close_end(1);
  const bool written =
      write_all(question.ends[1], request.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  question.close_end(1);
  const std::string answer = read_all(reply.ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) {
    return Error{Errc::io, path + " was ended by signal " + std::to_string(WTERMSIG(status))};
  }
  if (!written || WEXITSTATUS(status) != 0) return Error{Errc::io, {}};
  nlohmann::json parsed = nlohmann::json::parse(answer, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("ok")) {
    return Error{Errc::io, path + " gave no answer that can be read; is it of the same version?"};
  }
  return parsed;
}

}  // namespace sendconn::tools
