#include "tools/secret.hpp"

#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>

namespace sendconn::tools {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

/// The terminal's echo, off for as long as this lives.
class Silence {
 public:
  explicit Silence(int descriptor) : descriptor_(descriptor) {
    if (::tcgetattr(descriptor_, &before_) != 0) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    quiet.c_lflag |= ECHONL;
    changed_ = ::tcsetattr(descriptor_, TCSAFLUSH, &quiet) == 0;
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;
  ~Silence() {
    if (changed_) ::tcsetattr(descriptor_, TCSAFLUSH, &before_);
  }
  [[nodiscard]] bool quiet() const { return changed_; }

 private:
  int descriptor_;
  termios before_{};
  bool changed_ = false;
};

Result<std::string> ask(std::FILE* terminal, const std::string& question) {
  const Silence silence(::fileno(terminal));  // before the question: an answer may come at once
  if (!silence.quiet()) return Error{Errc::io, "the terminal's echo cannot be switched off"};
  std::fputs((question + ": ").c_str(), terminal);
  std::fflush(terminal);
  std::string secret;
  for (int c = std::fgetc(terminal); c != EOF && c != '\n'; c = std::fgetc(terminal)) secret += static_cast<char>(c);
  if (secret.empty()) return Error{Errc::invalid_argument, "nothing was typed"};
  return secret;
}

}  // namespace

bool has_terminal() { return File(std::fopen("/dev/tty", "r+")) != nullptr; }

Result<std::string> read_secret(const std::string& path) {
  std::string line;
  std::ifstream file;
  if (path != "-") {
    file.open(path);
    if (!file) return Error{Errc::io, "cannot read the password file " + path};
  }
  std::getline(path == "-" ? std::cin : file, line);
  if (!line.empty() && line.back() == '\r') line.pop_back();
  if (line.empty()) return Error{Errc::invalid_argument, "the first line of the password file " + path + " is empty"};
  return line;
}

Result<std::string> prompt_secret(const std::string& question, bool twice) {
  const File terminal(std::fopen("/dev/tty", "r+"));
  if (!terminal) {
    return Error{Errc::invalid_argument, "there is no terminal to ask for the password; use --password-file"};
  }
  auto first = ask(terminal.get(), question);
  if (!first || !twice) return first;
  auto second = ask(terminal.get(), question + " again");
  if (!second) return second;
  if (*first != *second) return Error{Errc::invalid_argument, "the two passwords differ"};
  return first;
}

}  // namespace sendconn::tools
