#include "tests/mailer/scripted_server.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sendconn::test {
namespace {

constexpr int patience_ms = 10'000;

/// False at the end, or when nothing comes.
bool receive(int socket, std::string& input) {
  pollfd watched{socket, POLLIN, 0};
  if (::poll(&watched, 1, patience_ms) <= 0) return false;
  char room[65536];
  const ssize_t count = ::recv(socket, room, sizeof room, 0);
  if (count <= 0) return false;
  input.append(room, static_cast<std::size_t>(count));
  return true;
}

}  // namespace

void Peer::say(std::string_view line) const {
  const std::string octets = std::string(line) + "\r\n";
  static_cast<void>(::send(socket_, octets.data(), octets.size(), MSG_NOSIGNAL));
}

std::string Peer::hear() {
  std::size_t end = 0;
  while ((end = input_.find("\r\n")) == std::string::npos) {
    if (!receive(socket_, input_)) return "";
  }
  std::string line = input_.substr(0, end);
  input_.erase(0, end + 2);
  return line;
}

std::string Peer::hear_message() {
  std::size_t end = 0;
  while ((end = input_.find("\r\n.\r\n")) == std::string::npos) {
    if (!receive(socket_, input_)) return "";
  }
  std::string message = input_.substr(0, end + 2);
  input_.erase(0, end + 5);
  return message;
}

bool Peer::hear_octets(std::size_t count) {
  while (input_.size() < count) {
    if (!receive(socket_, input_)) return false;
  }
  return true;
}

void Peer::wait_for_end() {
  while (receive(socket_, input_)) continue;
}

void Peer::greet(const std::string& extensions) {
  say("220 scripted.example");
  hear();
  std::string reply = "250-scripted.example\r\n";
  std::size_t start = 0;
  while (true) {
    const std::size_t end = extensions.find('\n', start);
    const bool last = end == std::string::npos;
    reply += (last ? "250 " : "250-") + extensions.substr(start, last ? end : end - start);
    if (last) break;
    reply += "\r\n";
    start = end + 1;
  }
  say(reply);
}

std::string Peer::take_message() {
  hear();
  say("250 2.1.0 sender");
  std::string line;
  while ((line = hear()).starts_with("RCPT")) say("250 2.1.5 recipient");
  say("354 go");
  std::string message = hear_message();
  say("250 2.0.0 kept");
  return message;
}

void Peer::take_quit() {
  hear();
  say("221 2.0.0 bye");
}

ScriptedServer::ScriptedServer(std::vector<Script> scripts)
    : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in own{};
  own.sin_family = AF_INET;
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof own;
  auto* generic = reinterpret_cast<sockaddr*>(&own);
  EXPECT_EQ(::bind(listener_, generic, size), 0);
  EXPECT_EQ(::listen(listener_, 8), 0);
  EXPECT_EQ(::getsockname(listener_, generic, &size), 0);
  port_ = ntohs(own.sin_port);
  thread_ = std::thread([this, scripts = std::move(scripts)] { run(scripts); });
}

ScriptedServer::~ScriptedServer() {
  ::shutdown(listener_, SHUT_RDWR);  // wakes a script that waits for a connection
  if (thread_.joinable()) thread_.join();
  ::close(listener_);
}

void ScriptedServer::run(const std::vector<Script>& scripts) const {
  for (const Script& script : scripts) {
    const int socket = ::accept(listener_, nullptr, nullptr);
    if (socket < 0) return;
    Peer peer(socket);
    script(peer);
    ::close(socket);
  }
}

MailerOptions ScriptedServer::options() const {
  MailerOptions options;
  options.host = "127.0.0.1";
  options.port = port_;
  options.tls = smtp::TlsMode::off;
  options.hello_name = "client.example";
  options.command_timeout = std::chrono::seconds(10);
  return options;
}

smtp::Envelope envelope(std::size_t recipients) {
  smtp::Envelope envelope;
  envelope.reverse_path = address("a@example.org");
  for (std::size_t i = 0; i < recipients; ++i) {
    envelope.recipients.push_back(address(std::string(1, static_cast<char>('b' + i)) + "@example.net"));
  }
  return envelope;
}

}  // namespace sendconn::test
