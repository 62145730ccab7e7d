#include "lib/smtp/saslprep.hpp"

#include <algorithm>

#include "lib/base/ascii.hpp"
#include "lib/base/utf8.hpp"

#if defined(SENDCONN_HAVE_LIBIDN) && __has_include(<stringprep.h>)
#include <stringprep.h>

#include <cstdlib>
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
Result<std::string> prepare_unicode(const std::string& text) {
  char* prepared = nullptr;
  const int fault = stringprep_profile(text.c_str(), &prepared, "SASLprep", STRINGPREP_NO_UNASSIGNED);
  if (fault != STRINGPREP_OK) return refuse("has a character that is prohibited, unassigned or of mixed direction");
  std::string out(prepared);
  // The C string holds a secret: it must not stay behind in freed memory.
  for (volatile char* p = prepared; *p != '\0'; ++p) *p = '\0';
  std::free(prepared);  // NOLINT(cppcoreguidelines-no-malloc): libidn allocates with malloc
  return out;
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
