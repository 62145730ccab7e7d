// tls-tool: one TLS connection over a real socket, for tests against other implementations.
//
//   tls-tool server CERT KEY          listens on a free port of 127.0.0.1, prints "port N", takes one connection and
//                                     sends back what it receives
//   tls-tool client PORT [NAME [CA]]  sends standard input and prints what it receives; with CA the server's
//   certificate
//                                     must be good for NAME
//
// Tells its story on standard error, a line each: "open PROTOCOL CIPHER VERIFIED EXPORTED", then "closed" or
// "failed TEXT". Exits 0 if the connection was closed in order, 1 if not, 2 on misuse.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <sendconn/tls.hpp>

#include "lib/base/ascii.hpp"

namespace {

using namespace sendconn;

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "failed %s\n", why.c_str());
  std::exit(1);
}

tls::Context make_context(const tls::ContextOptions& options) {
  auto context = tls::Context::create(options);
  if (!context) give_up(context.error().text);
  return std::move(*context);
}

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

int accept_one() {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener, 1) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    give_up("cannot listen");
  std::printf("port %d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return accept(listener, nullptr, nullptr);
}

int connect_to(int port) {
  const int connection = socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = loopback(port);
  if (connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) give_up("cannot connect");
  return connection;
}

/// Joins a socket to an endpoint until the connection is over.
class Connection {
 public:
  Connection(int socket, tls::Endpoint endpoint, bool echo)
      : socket_(socket), endpoint_(std::move(endpoint)), echo_(echo) {}

  int run() {
    send_output();
    bool told = false;
    while (endpoint_.state() == tls::State::handshaking || endpoint_.state() == tls::State::open) {
      if (endpoint_.state() == tls::State::open && !told) {
        tell();
        told = true;
      }
      std::array<pollfd, 2> polled{{{socket_, POLLIN, 0}, {told && !echo_ && more_input_ ? 0 : -1, POLLIN, 0}}};
      if (poll(polled.data(), polled.size(), -1) < 0) give_up("cannot poll");
      if (polled[1].revents != 0) take_input();
      if (polled[0].revents != 0) take_records();
      send_output();
    }
    if (endpoint_.state() == tls::State::failed) give_up(endpoint_.error().text);
    std::fprintf(stderr, "closed\n");
    return 0;
  }

 private:
  void tell() {
    const auto exported = endpoint_.export_keying_material("EXPORTER-Channel-Binding", 32);
    std::fprintf(stderr, "open %s %s %s %s\n", std::string(endpoint_.protocol()).c_str(),
                 std::string(endpoint_.cipher()).c_str(), endpoint_.peer_verified() ? "verified" : "unverified",
                 exported ? ascii::to_hex(*exported).c_str() : exported.error().text.c_str());
  }

  void take_input() {
    char octets[8192];
    const ssize_t size = read(0, octets, sizeof octets);
    if (size > 0) {
      if (!endpoint_.write({octets, static_cast<std::size_t>(size)})) give_up(endpoint_.error().text);
      return;
    }
    more_input_ = false;
  }

  void take_records() {
    char octets[8192];
    std::string plain;
    const ssize_t size = read(socket_, octets, sizeof octets);
    if (size > 0)
      static_cast<void>(endpoint_.feed({octets, static_cast<std::size_t>(size)}, plain));
    else
      static_cast<void>(endpoint_.feed_end());
    if (echo_ && endpoint_.state() == tls::State::open) static_cast<void>(endpoint_.write(plain));
    if (echo_) return;
    std::fwrite(plain.data(), 1, plain.size(), stdout);
    std::fflush(stdout);
    received_ += plain;
    // The last word of the test's talk.
    if (received_.ends_with("bye\n") || received_.ends_with("eyb\n")) endpoint_.close();
  }

  void send_output() {
    while (!endpoint_.output().empty()) {
      const ssize_t sent = send(socket_, endpoint_.output().data(), endpoint_.output().size(), MSG_NOSIGNAL);
      if (sent <= 0) give_up("cannot send");
      endpoint_.consumed_output(static_cast<std::size_t>(sent));
    }
  }

  int socket_;
  tls::Endpoint endpoint_;
  bool echo_;
  bool more_input_ = true;
  std::string received_;
};

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  tls::ContextOptions options;
  if (arguments.size() == 3 && arguments[0] == "server") {
    options.role = tls::Role::server;
    options.certificate_file = arguments[1];
    options.key_file = arguments[2];
    const tls::Context context = make_context(options);
    const int connection = accept_one();
    return Connection(connection, tls::Endpoint(context), true).run();
  }
  if (arguments.size() >= 2 && arguments.size() <= 4 && arguments[0] == "client") {
    const std::string name = arguments.size() > 2 ? arguments[2] : "";
    if (arguments.size() == 4) {
      options.verify = tls::Verify::required;
      options.authorities_file = arguments[3];
    }
    const tls::Context context = make_context(options);
    const int connection = connect_to(std::atoi(arguments[1].c_str()));
    return Connection(connection, tls::Endpoint(context, name), false).run();
  }
  std::fprintf(stderr, "usage: tls-tool server CERT KEY | tls-tool client PORT [NAME [CA]]\n");
  return 2;
}
