#include "relay/net/stream.hpp"

#include <algorithm>
#include <utility>

namespace sendconn::relay {

Stream::Stream(Loop& loop, asio::ip::tcp::socket socket)
    : loop_(loop), head_(std::make_shared<Head>()), socket_(std::move(socket)) {
  asio::error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
}

Stream::~Stream() = default;

/// What the wait received and, if that filled its buffer, what the socket has besides.
std::string_view Stream::receive(asio::error_code& error) {
  const auto buffer = loop_.read_buffer();
  const std::size_t head = std::exchange(head_->size, 0);
  std::copy_n(head_->octets.begin(), head, buffer.begin());  // the next wait writes there, and what is here goes on
  error = std::exchange(head_->error, {});
  if (error || (head != 0 && head < head_->octets.size())) return {buffer.data(), head};
  const auto room = buffer.subspan(head);
  const std::size_t more = socket_.read_some(asio::buffer(room.data(), room.size()), error);
  // What came counts first: the next read says again why there was no more.
  if (head != 0) error = {};
  return {buffer.data(), head + more};
}

Stream::Read Stream::read() {
  asio::error_code error;
  const std::string_view octets = receive(error);
  if (error == asio::error::would_block || error == asio::error::try_again) return {ReadStatus::would_block, {}};
  if (error == asio::error::eof) return {ReadStatus::closed, {}};
  if (error) {
    fault_ = error.message();
    return {ReadStatus::failed, {}};
  }
  if (!tls_) return {ReadStatus::data, octets};

  std::string& plain = loop_.plain_buffer();
  plain.clear();
  const auto fed = tls_->feed(octets, plain);
  const bool sent = flush();  // handshake records, or the alert that says why it failed
  if (!fed) {
    fault_ = fed.error().text;
    return {ReadStatus::failed, {}};
  }
  if (!sent) return {ReadStatus::failed, {}};
  if (plain.empty() && tls_->state() == tls::State::closed) return {ReadStatus::closed, {}};
  return {ReadStatus::data, plain};
}

bool Stream::write(std::string_view plain) {
  if (!tls_) return unsent_.empty() ? send_now(plain) : (unsent_.append(plain), true);
  if (const auto written = tls_->write(plain); !written) {
    fault_ = written.error().text;
    return false;
  }
  return flush();
}

bool Stream::flush() {
  if (tls_) {
    // Records are moved out of the endpoint so that it can free its buffer.
    const std::string_view records = tls_->output();
    if (!records.empty()) {
      const bool ok = unsent_.empty() ? send_now(records) : (unsent_.append(records), true);
      tls_->consumed_output(records.size());
      if (!ok) return false;
    }
  }
  if (unsent_.empty()) return true;
  const std::string waiting = std::exchange(unsent_, {});
  return send_now(waiting);
}

bool Stream::send_now(std::string_view octets) {
  while (!octets.empty()) {
    asio::error_code error;
    const std::size_t count = socket_.write_some(asio::buffer(octets.data(), octets.size()), error);
    if (error == asio::error::would_block || error == asio::error::try_again) {
      unsent_.assign(octets);
      return true;
    }
    if (error) {
      fault_ = error.message();
      return false;
    }
    octets.remove_prefix(count);
  }
  return true;
}

std::size_t Stream::unsent() const noexcept { return unsent_.size() + (tls_ ? tls_->output().size() : 0); }

void Stream::wait_readable(Handler handler) {
  // Not async_wait: that asks epoll anew each time, where a receive after one that emptied the socket need not.
  socket_.async_receive(asio::buffer(head_->octets),
                        [head = head_, handler = std::move(handler)](const asio::error_code& error, std::size_t count) {
                          if (error == asio::error::operation_aborted) return;
                          head->size = count;
                          head->error = error;
                          handler();
                        });
}

void Stream::wait_writable(Handler handler) {
  socket_.async_wait(asio::ip::tcp::socket::wait_write, [handler = std::move(handler)](const asio::error_code& error) {
    if (error != asio::error::operation_aborted) handler();
  });
}

bool Stream::start_tls(const tls::Context& context, std::string_view server_name) {
  tls_.emplace(context, server_name);
  return flush();
}

void Stream::close() {
  if (!socket_.is_open()) return;
  if (tls_ && tls_->state() == tls::State::open) {
    tls_->close();
    flush();
  }
  asio::error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  socket_.close(ignored);
}

}  // namespace sendconn::relay
