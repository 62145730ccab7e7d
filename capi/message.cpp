// Header sections, and texts as messages need them.
#include <sendconn/message.hpp>

#include <ctime>

#include "capi/bytes.hpp"
#include "capi/structs.hpp"
#include "capi/time.hpp"

using namespace sendconn;
using namespace sendconn::capi;

struct sendconn_header {
  std::string text;
  mail::Header header;  ///< views into text
};

namespace {

constexpr std::int64_t last_second_of_9999 = 253'402'300'799;

/// The header section: what stands in front of the first empty line.
std::string_view section_of(std::string_view message) noexcept {
  if (message.starts_with("\r\n")) return {};
  const std::size_t end = message.find("\r\n\r\n");
  return end == std::string_view::npos ? message : message.substr(0, end + 2);
}

bool is_same_name(std::string_view a, std::string_view b) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

}  // namespace

sendconn_status sendconn_header_parse(sendconn_header** out, const char* message, std::size_t message_len,
                                      sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    const std::string_view section = section_of(text(message, message_len, "message"));
    if (section.size() > mail::HeaderLimits{}.max_octets) take(mail::Header::parse(section));  // never a copy of it
    auto handle = std::make_unique<sendconn_header>();
    handle->text = section;
    handle->header = take(mail::Header::parse(handle->text));
    slot.set(std::move(handle));
  });
}

std::size_t sendconn_header_count(const sendconn_header* header) noexcept {
  return header != nullptr ? header->header.fields().size() : 0;
}

sendconn_status sendconn_header_get(sendconn_field* out, const sendconn_header* header, std::size_t index,
                                    sendconn_error** error) noexcept {
  return guard(error, [&] {
    OutStruct slot(out, "out");
    const auto& fields = need(header, "header").header.fields();
    if (index >= fields.size()) refuse(SENDCONN_ERR_NOT_FOUND, "the header has no field of this index");
    auto field = sendconn_initialized<sendconn_field>();
    capi::set(&field.name, &field.name_len, fields[index].name);
    capi::set(&field.value, &field.value_len, fields[index].value);
    capi::set(&field.raw, &field.raw_len, fields[index].raw);
    slot.set(field);
  });
}

std::int64_t sendconn_header_find(const sendconn_header* header, const char* name, std::size_t name_len,
                                  std::size_t from) noexcept {
  return guard_value<std::int64_t>(-1, [&]() -> std::int64_t {
    const std::string_view wanted = text(name, name_len, "name");
    const auto& fields = need(header, "header").header.fields();
    for (std::size_t i = from; i < fields.size(); ++i)
      if (is_same_name(fields[i].name, wanted)) return static_cast<std::int64_t>(i);
    return -1;
  });
}

void sendconn_header_free(sendconn_header* header) noexcept { delete header; }

sendconn_status sendconn_unfold(sendconn_bytes** out, const char* value, std::size_t value_len,
                                sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    slot.set(make_bytes(mail::unfold(text(value, value_len, "value"))));
  });
}

sendconn_status sendconn_format_date(sendconn_bytes** out, std::int64_t unix_time, sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    const UnixTime time = unix_time_of(unix_time);
    if (time.time_since_epoch().count() > last_second_of_9999)
      refuse(SENDCONN_ERR_INVALID_ARGUMENT, "a date behind the year 9999 has no form (RFC 5322 section 3.3)");
    slot.set(make_bytes(mail::format_date(time)));
  });
}

sendconn_status sendconn_to_crlf(sendconn_bytes** out, const char* data, std::size_t size,
                                 sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    const std::string_view from = text(data, size, "text");
    std::string to;
    to.reserve(from.size() + from.size() / 16);
    for (std::size_t i = 0; i < from.size();) {
      const std::size_t end = std::min(from.find_first_of("\r\n", i), from.size());
      to.append(from, i, end - i);
      if (end == from.size()) break;
      to += "\r\n";
      i = end + (from.substr(end, 2) == "\r\n" ? 2 : 1);
    }
    slot.set(make_bytes(std::move(to)));
  });
}
