// Stream: one TCP connection, encrypted or not, as non-blocking reads and writes of plain text plus readiness
// callbacks.
//
// Of input it owns only the head of what arrives, which most commands and replies fit in; the rest is read into the
// loop's buffer. It owns an output buffer only while the peer does not take what is sent.
// Submission and delivery are both drivers of a session over a Stream.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <sendconn/tls.hpp>

#include "relay/net/loop.hpp"

namespace sendconn::relay {

class Stream {
 public:
  enum class ReadStatus : std::uint8_t { data, would_block, closed, failed };
  struct Read {
    ReadStatus status = ReadStatus::would_block;
    std::string_view plain;  ///< valid until the next read on this loop; may be empty with `data` (a handshake goes on)
  };
  using Handler = std::function<void()>;

  Stream(Loop& loop, asio::ip::tcp::socket socket);
  ~Stream();

  /// One read. `data` also means there may be more.
  Read read();
  /// Sends what the socket takes now and keeps the rest for flush(). False: the connection is lost.
  bool write(std::string_view plain);
  /// Sends kept output. False: the connection is lost.
  bool flush();
  /// Octets written but not yet taken by the socket.
  [[nodiscard]] std::size_t unsent() const noexcept;

  /// One wait at a time. What arrives is read() by the handler.
  void wait_readable(Handler handler);
  void wait_writable(Handler handler);

  /// From now on records are spoken. A client's handshake starts at once.
  bool start_tls(const tls::Context& context, std::string_view server_name = {});
  [[nodiscard]] const tls::Endpoint* tls() const noexcept { return tls_ ? &*tls_ : nullptr; }

  /// Orderly: close_notify if encrypted, then FIN. Handlers that wait are dropped with an error they swallow.
  void close();
  [[nodiscard]] bool is_open() const { return socket_.is_open(); }
  /// Why read() or write() failed, for the log.
  [[nodiscard]] const std::string& fault() const noexcept { return fault_; }

 private:
  bool send_now(std::string_view octets);
  std::string_view receive(asio::error_code& error);

  /// What a wait received; empty after it was read. Shared with the wait, whose handler may run after us.
  struct Head {
    // Each idle connection has as much. Our own figure: commands, replies and their TLS records are mostly shorter.
    std::array<char, 512> octets;
    std::size_t size = 0;
    asio::error_code error;
  };

  Loop& loop_;
  std::shared_ptr<Head> head_;
  asio::ip::tcp::socket socket_;
  std::optional<tls::Endpoint> tls_;
  std::string unsent_;
  std::string fault_;
};

}  // namespace sendconn::relay
