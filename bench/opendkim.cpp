#include "bench/opendkim.hpp"

#include <sys/types.h>

#include <cstring>

// The header is one for C, and names C's type.
#define _Bool bool  // NOLINT(bugprone-reserved-identifier)
extern "C" {
#include <dkim.h>
}
#undef _Bool

namespace sendconn::bench {
namespace {

/// The library takes mutable pointers and does not write through them.
unsigned char* octets(const char* text) {
  return reinterpret_cast<unsigned char*>(const_cast<char*>(text));  // NOLINT(cppcoreguidelines-pro-type-const-cast)
}

std::string& answer_text() {
  static std::string text;
  return text;
}

DKIM_CBSTAT answer(DKIM* /*handle*/, DKIM_SIGINFO* /*signature*/, unsigned char* buffer, std::size_t size) {
  if (answer_text().size() >= size) return DKIM_CBSTAT_ERROR;
  std::memcpy(buffer, answer_text().c_str(), answer_text().size() + 1);
  return DKIM_CBSTAT_CONTINUE;
}

bool feed(DKIM* handle, std::string_view message) {
  const std::size_t end = message.find("\r\n\r\n") + 2;
  for (std::size_t start = 0; start < end;) {
    std::size_t next = message.find("\r\n", start) + 2;
    while (next < end && (message[next] == ' ' || message[next] == '\t')) next = message.find("\r\n", next) + 2;
    if (dkim_header(handle, octets(message.data() + start), next - 2 - start) != DKIM_STAT_OK) return false;
    start = next;
  }
  const std::string_view body = message.substr(end + 2);
  return dkim_eoh(handle) == DKIM_STAT_OK && dkim_body(handle, octets(body.data()), body.size()) == DKIM_STAT_OK;
}

}  // namespace

OpenDkim::OpenDkim() : library_(dkim_init(nullptr, nullptr)) { dkim_set_key_lookup(library_, answer); }
OpenDkim::~OpenDkim() { dkim_close(library_); }

bool OpenDkim::sign(const std::string& pem, std::string_view message) {
  DKIM_STAT status = DKIM_STAT_OK;
  DKIM* signer =
      dkim_sign(library_, octets("bench"), nullptr, octets(pem.c_str()), octets("rsa"), octets("example.org"),
                DKIM_CANON_RELAXED, DKIM_CANON_RELAXED, DKIM_SIGN_RSASHA256, -1, &status);
  if (signer == nullptr) return false;
  unsigned char* field = nullptr;
  std::size_t size = 0;
  const bool done = feed(signer, message) && dkim_eom(signer, nullptr) == DKIM_STAT_OK &&
                    dkim_getsighdr_d(signer, 16, &field, &size) == DKIM_STAT_OK && size != 0;
  dkim_free(signer);
  return done;
}

bool OpenDkim::verify(std::string_view message, const std::string& record) {
  answer_text() = record;
  DKIM_STAT status = DKIM_STAT_OK;
  DKIM* verifier = dkim_verify(library_, octets("bench"), nullptr, &status);
  if (verifier == nullptr) return false;
  bool testing = false;
  const bool good = feed(verifier, message) && dkim_eom(verifier, &testing) == DKIM_STAT_OK;
  dkim_free(verifier);
  return good;
}

}  // namespace sendconn::bench
