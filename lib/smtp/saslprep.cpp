#include "lib/smtp/saslprep.hpp"

#include <algorithm>

#include "lib/base/ascii.hpp"
#include "lib/base/utf8.hpp"

#if defined(SENDCONN_HAVE_LIBIDN) && __has_include(<stringprep.h>)
#include <stringprep.h>

#include <cstdlib>
#include <memory>
#include <new>
#define SENDCONN_SASLPREP_FULL 1
#else
#define SENDCONN_SASLPREP_FULL 0
#endif

namespace sendconn::sasl {
namespace {

Error refuse(std::string_view why) {
  return Error{Errc::invalid_argument, "the string " + std::string(why) + ", which SASLprep forbids (RFC 4013)"};
}

#if SENDCONN_SASLPREP_FULL
/// The C string holds a secret: it must not stay behind in freed memory.
struct WipeAndFree {
  void operator()(char* text) const noexcept {
    for (volatile char* p = text; *p != '\0'; ++p) *p = '\0';
    std::free(text);  // NOLINT(cppcoreguidelines-no-malloc): libidn allocates with malloc
  }
};

Result<std::string> prepare_unicode(const std::string& text) {
  char* octets = nullptr;
  const int fault = stringprep_profile(text.c_str(), &octets, "SASLprep", STRINGPREP_NO_UNASSIGNED);
  const std::unique_ptr<char, WipeAndFree> prepared(octets);
  // Of valid UTF-8, normalization fails for want of memory alone.
  if (fault == STRINGPREP_MALLOC_ERROR || fault == STRINGPREP_NFKC_FAILED) throw std::bad_alloc();
  if (fault != STRINGPREP_OK) return refuse("has a character that is prohibited, unassigned or of mixed direction");
  return std::string(prepared.get());
}
#else
Result<std::string> prepare_unicode(const std::string& text) { return text; }
#endif

}  // namespace

Result<std::string> saslprep(std::string_view text) {
  if (std::any_of(text.begin(), text.end(), [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; })) {
    return refuse("has a control character");
  }
  if (!ascii::has_8bit(text)) return std::string(text);
  if (utf8::find_fault(text)) return refuse("is not UTF-8");
  return prepare_unicode(std::string(text));
}

}  // namespace sendconn::sasl
