// The server session: what a client sends gives the same events, content and replies however it is cut, and no content
// ever holds a bare CR or LF. The first octet of the input sets the options, the second the size of the pieces.
#include <cstdint>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/check.hpp"
#include "tests/smtp/drive.hpp"

using namespace sendconn;

namespace {

smtp::ServerOptions options(unsigned bits) {
  smtp::ServerOptions out;
  out.hostname = "mx.example";
  out.offer_starttls = (bits & 1U) != 0;
  out.require_tls = (bits & 2U) != 0;
  out.require_auth = (bits & 4U) != 0;
  out.bare_newlines = (bits & 8U) != 0 ? smtp::BareNewlines::normalize : smtp::BareNewlines::refuse;
  out.max_message_octets = (bits & 16U) != 0 ? 64 : 1'000'000;
  out.max_line_octets = (bits & 32U) != 0 ? 32 : 0;
  return out;
}

smtp::test::Record run(const smtp::ServerOptions& options, std::string_view input, std::size_t step) {
  smtp::test::ServerDriver driver(options);
  std::vector<std::size_t> cuts;
  for (std::size_t i = step; step != 0 && i < input.size(); i += step) cuts.push_back(i);
  driver.feed(input, cuts);
  return driver.record;
}

bool has_bare_newline(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n')) return true;
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  const smtp::ServerOptions chosen = options(data[0]);
  const auto whole = run(chosen, input, 0);
  for (const std::size_t step : {std::size_t{1}, std::size_t{data[1]}}) {
    const auto pieces = run(chosen, input, step);
    if (!(pieces == whole)) std::cerr << "whole:" << whole << "\nin pieces of " << step << ":" << pieces << "\n";
    fuzz::check(pieces == whole, "the pieces make no difference");
  }
  fuzz::check(!has_bare_newline(whole.output), "replies end in CRLF");
  // Of the last message alone: one that was refused may have been cut off behind a CR.
  constexpr std::string_view end = "MessageEnd ";
  if (!whole.events.empty() && whole.events.back().starts_with(end)) {
    const std::size_t octets = std::stoul(whole.events.back().substr(end.size()));
    fuzz::check(octets <= whole.content.size(), "no message ends with more than there was");
    const std::string_view content = std::string_view(whole.content).substr(whole.content.size() - octets);
    fuzz::check(!has_bare_newline(content), "no bare CR or LF is accepted");
  }
  return 0;
}
