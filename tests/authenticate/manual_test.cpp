// What docs/authentication.md shows, as a test: tests/programs/test_authenticate.py sees to it that the two stay the
// same.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include <sendconn/authenticate.hpp>
#include <sendconn/zone.hpp>

namespace sendconn {
namespace {

constexpr UnixTime now{std::chrono::seconds(1'790'000'000)};

TEST(Manual, ShowsHowAMessageIsCheckedAndWhatIsWritten) {
  const auto zone = *dns::Zone::parse("_dmarc.example.org. 1h TXT \"v=DMARC1; p=reject\"\n");
  const std::vector<std::string_view> pieces{"Authentication-Results: mx.example.net; dmarc=pass\r\n",
                                             "From: ada@example.org\r\n\r\nHello\r\n"};
  std::string log;
  // clang-format off
authenticate::Envelope envelope;
envelope.client = *IpAddress::parse("203.0.113.7");
envelope.helo = "relay.example.com";
envelope.mail_from = "ada@example.org";
envelope.now = now;
authenticate::Check check(envelope);
for (std::string_view piece : pieces) check.update(piece);
check.finish();
while (!check.done()) {
  for (const dns::Question& question : check.questions()) check.answer(question, zone.lookup(question));
}
const authenticate::Results& results = check.results();
const bool refuse = results.dmarc.verdict == dmarc::Verdict::fail && results.dmarc.policy == dmarc::Policy::reject;
const auto field = authres::format(authenticate::to_authres(results, "mx.example.net"));
auto filter = authres::ForgeryFilter::create({"mx.example.net"});
std::string clean;
for (std::string_view piece : pieces) filter->feed(piece, clean);
filter->finish(clean);
clean.insert(0, *field);
const auto header = mail::Header::parse(std::string_view(clean).substr(0, clean.find("\r\n\r\n") + 2));
for (const mail::Field& one : header->fields()) {
  const auto read = authres::parse(one.value);
  if (one.name != "Authentication-Results" || !read || read->id != "mx.example.net") continue;
  for (const authres::Statement& statement : read->statements) log += statement.method + "=" + statement.result + "\n";
}
  // clang-format on
  EXPECT_TRUE(refuse);
  EXPECT_EQ(log, "spf=none\nspf=none\ndkim=none\ndmarc=fail\n");
}

}  // namespace
}  // namespace sendconn
