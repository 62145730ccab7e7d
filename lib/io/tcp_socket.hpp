// A connected TCP socket that never blocks by itself and raises no signal, and how it comes to be connected.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/ip.hpp>
#include <sendconn/result.hpp>
#include <sendconn/time.hpp>

#include "lib/io/patience.hpp"

namespace sendconn::io {

/// Owns its descriptor. Thread-compatible.
class TcpSocket {
 public:
  explicit TcpSocket(int descriptor = -1) noexcept : descriptor_(descriptor) {}
  TcpSocket(TcpSocket&& other) noexcept : descriptor_(other.release()) {}
  TcpSocket& operator=(TcpSocket&& other) noexcept;
  TcpSocket(const TcpSocket&) = delete;
  TcpSocket& operator=(const TcpSocket&) = delete;
  ~TcpSocket();
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

  struct Readiness {
    bool read = false;
    bool write = false;
  };
  /// Until it can be read (an end counts), can be written if `write` is set, `until`, or the end of patience: neither.
  Readiness wait(bool write, Instant until, Patience& patience) const;

  /// How many octets were taken; 0: none now. Errc::io: the connection takes no more.
  Result<std::size_t> send_some(std::string_view octets) const;
  enum class Received : std::uint8_t { octets, nothing, end };
  /// Appends at most receive_octets; a connection that was reset ends like one that was closed.
  Received receive_some(std::string& into) const;
  static constexpr std::size_t receive_octets = 16'384;

  /// 0.0.0.0 if the system does not say.
  [[nodiscard]] IpAddress local_address() const;

 private:
  int release() noexcept;
  int descriptor_;
};

struct Connected {
  TcpSocket socket;
  IpAddress address;  ///< of the server
};

/// How long one address is tried alone before the next one is tried beside it (RFC 8305 section 5).
inline constexpr std::chrono::milliseconds connection_attempt_delay{250};
inline constexpr std::size_t max_connect_addresses = 16;  ///< our own bound; a smarthost has a few

/// Races the addresses (RFC 8305): in their order with the families alternating, one more every
/// connection_attempt_delay and at once when one fails; the first that connects wins. Errc::io, with what each address
/// said.
Result<Connected> connect_any(const std::vector<IpAddress>& addresses, std::uint16_t port, Patience& patience);

/// The addresses of a host, in the order of RFC 6724: an address as text is itself, "localhost" is this machine (RFC
/// 6761 section 6.3); else what /etc/hosts says, or the DNS, search domains included. `servers` as CaresOptions has
/// them. Errc::not_found: no such name, or it has no address; Errc::io: no answer; Errc::invalid_argument: the servers.
Result<std::vector<IpAddress>> look_up_host(const std::string& host, const std::vector<std::string>& servers,
                                            Patience& patience);

/// What the system calls itself; empty if that is nothing.
std::string host_name();

}  // namespace sendconn::io
