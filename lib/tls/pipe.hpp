// Pipe: what OpenSSL takes for a socket. It reads from a view that is there for the length of one call, and writes into
// a string that is given back as soon as it is drained; so a connection that waits holds neither.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "lib/tls/openssl.hpp"

namespace sendconn::tls {

/// Thread-compatible. The BIO that make_bio() gives must not outlive the pipe, nor the pipe move while it lives.
class Pipe {
 public:
  /// The functions behind the BIO of a pipe; must outlive every such BIO. Null if memory is out.
  static BioMethodPtr make_method();
  BioPtr make_bio(const BIO_METHOD& method);

  /// What OpenSSL may read next; the octets must stay until the next give_input().
  void give_input(std::string_view octets) noexcept { input_ = octets; }

  [[nodiscard]] std::string_view output() const noexcept { return std::string_view(output_).substr(sent_); }
  void consumed_output(std::size_t count);
  /// Throws std::bad_alloc if what OpenSSL wrote since the last call could not be kept.
  void check_memory();

 private:
  static int on_read(BIO* bio, char* data, std::size_t size, std::size_t* got);
  static int on_write(BIO* bio, const char* data, std::size_t size, std::size_t* taken);
  static long on_control(BIO* bio, int command, long number, void* pointer);
  void append(const char* data, std::size_t size);

  std::string_view input_;
  std::string output_;
  bool lacked_memory_ = false;
  std::size_t sent_ = 0;  ///< octets at the front of output_ that are gone already
};

}  // namespace sendconn::tls
