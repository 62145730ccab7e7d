// What belongs to no part: version, features, statuses and errors, octets, clocks, findings.
#include <chrono>
#include <ctime>

#include <sendconn/crypto.hpp>

#include "capi/bytes.hpp"
#include "capi/structs.hpp"

using namespace sendconn;

struct sendconn_error {
  sendconn_status status;
  std::string text;
  std::int64_t position;
};

namespace sendconn::capi {
namespace {

/// Given to every caller who asks for details where there is no memory for them; never freed. Its text is short enough
/// to stand in the object itself.
sendconn_error& no_memory() noexcept {
  static sendconn_error error{SENDCONN_ERR_NO_MEMORY, "out of memory", -1};
  return error;
}

constexpr const char* features[] = {
#ifdef SENDCONN_FEATURE_IDN
    "idn",
#endif
#ifdef SENDCONN_FEATURE_SASLPREP
    "saslprep",
#endif
#ifdef SENDCONN_FEATURE_OWN_OPENSSL
    "own-openssl",
#endif
    "address",      "dns",       "dkim",  "spf", "dmarc", "authres",
    "authenticate", "ownership", "limit", "tls", "smtp",  "mailer",
};
constexpr std::size_t feature_count = sizeof features / sizeof *features;

/// Our own bound; who needs more draws twice.
constexpr std::size_t max_random_octets = std::size_t{1} << 20U;

}  // namespace

sendconn_status report_no_memory(sendconn_error** error) noexcept {
  if (error != nullptr) *error = &no_memory();
  return SENDCONN_ERR_NO_MEMORY;
}

sendconn_status report(sendconn_error** error, const Failure& failure) noexcept {
  if (error == nullptr) return failure.status;
  try {
    const std::int64_t position =
        failure.position == Error::no_position ? -1 : static_cast<std::int64_t>(failure.position);
    *error = new sendconn_error{failure.status, failure.text, position};
    return failure.status;
  } catch (...) {
    return report_no_memory(error);
  }
}

}  // namespace sendconn::capi

using namespace sendconn::capi;

const char* sendconn_version() noexcept { return SENDCONN_VERSION_TEXT; }
std::uint32_t sendconn_version_number() noexcept { return SENDCONN_VERSION_NUMBER; }

std::int32_t sendconn_has_feature(const char* name, std::size_t name_len) noexcept {
  return guard_value<std::int32_t>(0, [&] {
    const std::string_view wanted = text(name, name_len, "name");
    for (const char* const feature : features)
      if (wanted == feature) return 1;
    return 0;
  });
}

const char* sendconn_feature(std::size_t index) noexcept { return index < feature_count ? features[index] : nullptr; }

const char* sendconn_status_name(sendconn_status status) noexcept {
  switch (status) {
    case SENDCONN_OK:
      return "SENDCONN_OK";
    case SENDCONN_ERR_INVALID_ARGUMENT:
      return "SENDCONN_ERR_INVALID_ARGUMENT";
    case SENDCONN_ERR_SYNTAX:
      return "SENDCONN_ERR_SYNTAX";
    case SENDCONN_ERR_LIMIT_EXCEEDED:
      return "SENDCONN_ERR_LIMIT_EXCEEDED";
    case SENDCONN_ERR_WRONG_STATE:
      return "SENDCONN_ERR_WRONG_STATE";
    case SENDCONN_ERR_NOT_FOUND:
      return "SENDCONN_ERR_NOT_FOUND";
    case SENDCONN_ERR_CONFLICT:
      return "SENDCONN_ERR_CONFLICT";
    case SENDCONN_ERR_CRYPTO:
      return "SENDCONN_ERR_CRYPTO";
    case SENDCONN_ERR_IO:
      return "SENDCONN_ERR_IO";
    case SENDCONN_ERR_UNSUPPORTED:
      return "SENDCONN_ERR_UNSUPPORTED";
    case SENDCONN_ERR_NO_MEMORY:
      return "SENDCONN_ERR_NO_MEMORY";
    case SENDCONN_ERR_INTERNAL:
      return "SENDCONN_ERR_INTERNAL";
    case SENDCONN_ERR_STRUCT_SIZE:
      return "SENDCONN_ERR_STRUCT_SIZE";
    case SENDCONN_ERR_CALLBACK:
      return "SENDCONN_ERR_CALLBACK";
    case SENDCONN_ERR_CANCELLED:
      return "SENDCONN_ERR_CANCELLED";
    case SENDCONN_ERR_TLS:
      return "SENDCONN_ERR_TLS";
    default:
      return "?";
  }
}

sendconn_status sendconn_error_status(const sendconn_error* error) noexcept {
  return error != nullptr ? error->status : SENDCONN_OK;
}
const char* sendconn_error_text(const sendconn_error* error) noexcept {
  return error != nullptr ? error->text.c_str() : "";
}
std::int64_t sendconn_error_position(const sendconn_error* error) noexcept {
  return error != nullptr ? error->position : -1;
}
void sendconn_error_free(sendconn_error* error) noexcept {
  if (error != &no_memory()) delete error;
}

const char* sendconn_bytes_data(const sendconn_bytes* bytes) noexcept {
  return bytes != nullptr ? bytes->octets.c_str() : nullptr;
}
std::size_t sendconn_bytes_size(const sendconn_bytes* bytes) noexcept {
  return bytes != nullptr ? bytes->octets.size() : 0;
}
void sendconn_bytes_free(sendconn_bytes* bytes) noexcept {
  if (bytes != nullptr) crypto::wipe(bytes->octets);
  delete bytes;
}

std::int64_t sendconn_clock_monotonic() noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}
std::int64_t sendconn_clock_unix() noexcept { return std::time(nullptr); }

sendconn_status sendconn_random(sendconn_bytes** out, std::size_t size, sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    if (size == 0 || size > max_random_octets)
      refuse(SENDCONN_ERR_INVALID_ARGUMENT, std::to_string(size) + " random octets are asked for; 1 to " +
                                                std::to_string(max_random_octets) + " are possible");
    slot.set(make_bytes(crypto::random_octets(size)));
  });
}

std::size_t sendconn_findings_count(const sendconn_findings* findings) noexcept {
  return findings != nullptr ? findings->findings.size() : 0;
}

sendconn_status sendconn_findings_get(sendconn_finding* out, const sendconn_findings* findings, std::size_t index,
                                      sendconn_error** error) noexcept {
  return guard(error, [&] {
    OutStruct slot(out, "out");
    const auto& all = need(findings, "findings").findings;
    if (index >= all.size()) refuse(SENDCONN_ERR_NOT_FOUND, "there is no finding of this index");
    auto finding = sendconn_initialized<sendconn_finding>();
    capi::set(&finding.code, &finding.code_len, all[index].code);
    capi::set(&finding.text, &finding.text_len, all[index].text);
    finding.position = all[index].position;
    finding.length = all[index].length;
    finding.severity = all[index].severity;
    slot.set(finding);
  });
}

void sendconn_findings_free(sendconn_findings* findings) noexcept { delete findings; }
