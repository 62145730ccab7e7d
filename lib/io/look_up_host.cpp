// look_up_host: c-ares under poll(2), since the system's own function knows no deadline.
#include "lib/base/ascii.hpp"
#include "lib/io/cares_channel.hpp"
#include "lib/io/poll_set.hpp"
#include "lib/io/socket_address.hpp"
#include "lib/io/tcp_socket.hpp"

namespace sendconn::io {
namespace {

constexpr int first_timeout_ms = 3'000;  // of a server; later tries wait longer
constexpr int tries = 3;

class Lookup {
 public:
  Lookup() = default;
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;
  ~Lookup() {
    done_ = true;  // c-ares calls back once more
    if (channel_ != nullptr) ares_destroy(channel_);
  }

  Result<std::vector<IpAddress>> run(const std::string& host, const std::vector<std::string>& servers,
                                     Patience& patience) {
    ares_options options{};
    options.timeout = first_timeout_ms;
    options.tries = tries;
    options.sock_state_cb = &Lookup::on_socket;
    options.sock_state_cb_data = this;
    auto channel = open_channel(options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB, servers);
    if (!channel) return std::move(channel).error();
    channel_ = *channel;
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    ares_getaddrinfo(channel_, host.c_str(), nullptr, &hints, &Lookup::on_answer, this);
    while (!done_) {
      if (patience.is_over()) return Error{Errc::io, "the DNS did not answer in time"};
      timeval room{};
      timeval longest{60, 0};
      const timeval* own = ares_timeout(channel_, &longest, &room);
      const auto due = now() + std::chrono::seconds(own->tv_sec) + std::chrono::microseconds(own->tv_usec);
      auto ready = watched_.wait(patience.next_wait(due));
      if (!ready) return std::move(ready).error();
      for (const PollSet::Ready& one : *ready) {
        ares_process_fd(channel_, one.read ? one.socket : ARES_SOCKET_BAD, one.write ? one.socket : ARES_SOCKET_BAD);
      }
      ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    }
    if (!addresses_.empty()) return std::move(addresses_);
    const bool is_absent = status_ == ARES_SUCCESS || status_ == ARES_ENOTFOUND || status_ == ARES_ENODATA ||
                           status_ == ARES_ENONAME || status_ == ARES_EBADNAME;
    if (is_absent) return Error{Errc::not_found, "it has no address"};
    return cares_error("the DNS did not answer", status_);
  }

 private:
  static void on_socket(void* self, ares_socket_t socket, int readable, int writable) {
    static_cast<Lookup*>(self)->watched_.watch(socket, readable != 0, writable != 0);
  }

  static void on_answer(void* opaque, int status, int /*timeouts*/, ares_addrinfo* result) {
    Lookup& self = *static_cast<Lookup*>(opaque);
    if (!self.done_) {
      self.status_ = status;
      for (const ares_addrinfo_node* node = result == nullptr ? nullptr : result->nodes; node != nullptr;
           node = node->ai_next) {
        if (const auto address = to_ip_address(node->ai_addr)) self.addresses_.push_back(*address);
      }
      self.done_ = true;
    }
    if (result != nullptr) ares_freeaddrinfo(result);
  }

  PollSet watched_;
  ares_channel channel_ = nullptr;
  bool done_ = false;
  int status_ = ARES_SUCCESS;
  std::vector<IpAddress> addresses_;
};

}  // namespace

Result<std::vector<IpAddress>> look_up_host(const std::string& host, const std::vector<std::string>& servers,
                                            Patience& patience) {
  if (auto address = IpAddress::parse(host)) return std::vector<IpAddress>{*address};
  if (ascii::equal(host, "localhost"))
    return std::vector<IpAddress>{*IpAddress::parse("::1"), *IpAddress::parse("127.0.0.1")};
  return Lookup().run(host, servers, patience);
}

}  // namespace sendconn::io
