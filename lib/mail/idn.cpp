#include "lib/mail/idn.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <new>

#include "lib/base/ascii.hpp"
#include "lib/base/utf8.hpp"

#if __has_include(<idn2.h>) && !defined(SENDCONN_WITHOUT_IDN)
#include <idn2.h>
#define SENDCONN_IDN 1
#else
#define SENDCONN_IDN 0
#endif

namespace sendconn::mail {

bool idn_available() noexcept { return SENDCONN_IDN != 0; }

#if SENDCONN_IDN

namespace {

// The characters that UTS 46 drops instead of refusing. Two names that differ in them alone look the same, and a reader
// that does not drop them sees another domain than the one whose rights were checked.
constexpr bool is_dropped(std::uint32_t c) noexcept {
  return c == 0x00ad || c == 0x034f || (c >= 0x180b && c <= 0x180f) || c == 0x200b || c == 0x2060 || c == 0x2064 ||
         (c >= 0xfe00 && c <= 0xfe0f) || c == 0xfeff || (c >= 0x1bca0 && c <= 0x1bca3) ||
         (c >= 0xe0100 && c <= 0xe01ef);
}

struct Release {
  void operator()(void* text) const noexcept { idn2_free(text); }
};

Error refuse(std::string_view label, std::string_view why) {
  return {Errc::syntax, "label " + ascii::quote(label) + " is no internationalized label: " + std::string(why), 0};
}

}  // namespace

Result<std::string> to_a_label(std::string_view u_label) {
  const std::string label(u_label);
  for (std::size_t position = 0; position < label.size();) {
    const auto point = utf8::decode(std::string_view(label).substr(position));
    if (!point) return refuse(label, "it is not UTF-8 (RFC 3629)");
    if (point->value == 0 || is_dropped(point->value)) return refuse(label, "it holds an invisible character (UTS 46)");
    position += point->octets;
  }
  std::uint8_t* octets = nullptr;
  const int status = idn2_lookup_u8(reinterpret_cast<const std::uint8_t*>(label.c_str()), &octets,
                                    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<std::uint8_t, Release> owned(octets);
  if (status == IDN2_MALLOC) throw std::bad_alloc();
  if (status != IDN2_OK) return refuse(label, std::string(idn2_strerror(status)) + " (RFC 5891 section 5)");
  return std::string(reinterpret_cast<const char*>(owned.get()));
}

std::string to_u_label(std::string_view a_label) {
  std::string label(a_label);
  if (!ascii::starts_with(label, "xn--")) return label;
  char* octets = nullptr;
  const int status = idn2_to_unicode_8z8z(label.c_str(), &octets, 0);
  const std::unique_ptr<char, Release> owned(octets);
  if (status == IDN2_MALLOC) throw std::bad_alloc();
  if (status != IDN2_OK) return label;
  std::string u_label(owned.get());
  const auto back = to_a_label(u_label);
  return back && *back == label ? u_label : label;
}

#else

Result<std::string> to_a_label(std::string_view u_label) {
  return Error{
      Errc::unsupported,
      "label " + ascii::quote(u_label) + " is not ASCII, and this build has no libidn2; write its A-label (xn--)", 0};
}

std::string to_u_label(std::string_view a_label) { return std::string(a_label); }

#endif

}  // namespace sendconn::mail
