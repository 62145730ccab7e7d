// Stream: one TCP connection, encrypted or not, as non-blocking reads and writes of plain text plus readiness
// callbacks.
//
// It owns no input buffer (reads go to the loop's) and an output buffer only while the peer does not take what is sent.
// Submission and delivery are both drivers of a session over a Stream.
#pragma once

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

  Loop& loop_;
  asio::ip::tcp::socket socket_;
  std::optional<tls::Endpoint> tls_;
  std::string unsent_;
  std::string fault_;
};

}  // namespace sendconn::relay
