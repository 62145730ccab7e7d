// The client session: what a server sends gives the same events and commands however it is cut. The first octet of the
// input sets the options, the second the size of the pieces.
#include <algorithm>
#include <cstdint>
#include <iostream>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "fuzz/check.hpp"
#include "tests/smtp/drive.hpp"

using namespace sendconn;

namespace {

smtp::ClientOptions options(unsigned bits) {
  smtp::ClientOptions out;
  out.hello_name = "client.example";
  out.tls = (bits & 1U) != 0 ? smtp::TlsMode::required : smtp::TlsMode::opportunistic;
  out.lmtp = (bits & 2U) != 0;
  if ((bits & 4U) != 0) {
    out.credentials = smtp::Credentials{
        .user = std::string(smtp::test::user), .password = std::string(smtp::test::password), .allow_plaintext = true};
    out.nonce = smtp::test::client_nonce;
  }
  out.max_reply_octets = 1'000;
  return out;
}

smtp::test::Record run(unsigned bits, std::string_view input, std::size_t step) {
  smtp::test::ClientDriver driver(options(bits));
  driver.act = [&](const smtp::ClientEvent& event) {
    if (std::holds_alternative<smtp::StartTls>(event)) driver.session.tls_started(driver.now);
    if (std::holds_alternative<smtp::Ready>(event)) {
      auto envelope = smtp::test::envelope({"b@example.com", "c@example.com"});
      if ((bits & 8U) != 0) envelope.body = smtp::BodyType::eight_bit_mime;
      if (!driver.session.begin(envelope, driver.now)) driver.session.quit(driver.now);
    }
    if (std::holds_alternative<smtp::SendContent>(event)) {
      driver.session.content("Subject: x\r\n\r\n.dot\r\n", driver.now);
      driver.session.end_content(driver.now);
    }
    if (std::holds_alternative<smtp::MessageDone>(event)) driver.session.quit(driver.now);
  };
  std::vector<std::size_t> cuts;
  for (std::size_t i = step; step != 0 && i < input.size(); i += step) cuts.push_back(i);
  driver.feed(input, cuts);
  return driver.record;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto whole = run(data[0], input, 0);
  // Octets in the clear behind the 220 to STARTTLS can be told from the server's first TLS record only if they come
  // with it; in a piece of their own they are what the handshake makes of them.
  const auto cut_short = [](const std::string& event) {
    return event.find("octets in the clear") != std::string::npos;
  };
  if (std::any_of(whole.events.begin(), whole.events.end(), cut_short)) return 0;
  for (const std::size_t step : {std::size_t{1}, std::size_t{data[1]}}) {
    const auto pieces = run(data[0], input, step);
    if (!(pieces == whole)) std::cerr << "whole:" << whole << "\nin pieces of " << step << ":" << pieces << "\n";
    fuzz::check(pieces == whole, "the pieces make no difference");
  }
  return 0;
}
