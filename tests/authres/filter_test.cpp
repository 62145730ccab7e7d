// Forged Authentication-Results: what claims to be ours and came from outside does not pass, however it is dressed.
#include <gtest/gtest.h>

#include <sendconn/authres.hpp>

namespace sendconn::authres {
namespace {

const std::vector<std::string> ours = {"mx.example.org", "\xc3\xbc.example", "Cluster One"};

std::string filtered(std::string_view text, std::size_t piece = std::string_view::npos) {
  auto filter = ForgeryFilter::create(ours);
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += std::min(piece, text.size() - i))
    filter->feed(text.substr(i, piece), out);
  filter->finish(out);
  return out;
}

TEST(ForgeryFilter, RemovesWhatCarriesOurId) {
  const std::string_view forged[] = {
      "Authentication-Results: mx.example.org; none\r\n",
      "authentication-RESULTS:mx.example.org;spf=pass\r\n",
      "Authentication-Results \t : mx.example.org; none\r\n",
      "Authentication-Results: MX.Example.ORG; none\r\n",
      "Authentication-Results: mx.example.org.; none\r\n",
      "Authentication-Results: \"mx.example.org\"; none\r\n",
      "Authentication-Results: \"mx.ex\\ample.org\"; none\r\n",
      "Authentication-Results: (a (b) \\)) mx.example.org (c) ; none\r\n",
      "Authentication-Results:\r\n mx.example.org;\r\n\tdkim=pass header.d=bank.example\r\n",
      "Authentication-Results: mx.example.org 1; none\r\n",
      "Authentication-Results: mx.example.org\r\n",
      "Authentication-Results: cluster one; none\r\n",  // a bare id with a space cannot be read
      "Authentication-Results: \"cluster one\"; none\r\n",
      "Authentication-Results: \xc3\xbc.example; none\r\n",
      "Authentication-Results: xn--tda.example; none\r\n",
      "Authentication-Results: XN--TDA.EXAMPLE; none\r\n",
      // Another reader may see our id in what we cannot read.
      "Authentication-Results: (mx.example.org; none\r\n",
      "Authentication-Results: =mx.example.org; none\r\n",
      "Authentication-Results: mx.example.org/1; none\r\n",
      "Authentication-Results: mx.example.org, none\r\n",
      "Authentication-Results:\r\n",
      "Authentication-Results: other.example 2; none\r\n",  // RFC 8601 section 5: no version that we do not know
      "Authentication-Results: mx.example.org\n ; none\r\n",
      "Authentication-Results: \nmx.example.org; none\n",
  };
  for (const std::string_view field : forged) {
    const std::string before = "Received: x\r\n";
    const std::string after = "Subject: y\r\n\r\nbody\r\n";
    const std::string text = before + std::string(field) + after;
    // A field with a bare LF inside may leave a line that is no field.
    for (std::size_t piece = 1; piece < text.size(); ++piece) {
      const std::string out = filtered(text, piece);
      EXPECT_EQ(out.find("Authentication-Results"), std::string::npos) << field;
      EXPECT_EQ(out.rfind(before, 0), 0U) << field;
      EXPECT_EQ(out.substr(out.size() - after.size()), after) << field;
      if (field.find("\nmx") == std::string_view::npos) {
        EXPECT_EQ(out, before + after) << field;
      }
    }
  }
}

TEST(ForgeryFilter, KeepsWhatIsNotOursOctetByOctet) {
  const std::string_view texts[] = {
      "",
      "\r\n",
      "\r\nAuthentication-Results: mx.example.org; none\r\n",  // a body
      "Subject: x\r\n\r\nAuthentication-Results: mx.example.org; none\r\n",
      "Authentication-Results: other.example; spf=pass\r\n\r\n",
      "Authentication-Results: sub.mx.example.org; none\r\n",
      "Authentication-Results: mx.example.org.other.example; none\r\n",
      "Authentication-Results: other.example; x=pass (mx.example.org; none) policy.a=\"mx.example.org\"\r\n",
      "ARC-Authentication-Results: i=1; mx.example.org; none\r\n",
      "X-Authentication-Results: mx.example.org; none\r\n",
      "Authentication-Results-X: mx.example.org; none\r\n",
      "Authentication-Result: mx.example.org; none\r\n",
      "Subject: x\r\n Authentication-Results: mx.example.org; none\r\n",  // a fold of another field
      " Authentication-Results: mx.example.org; none\r\n",
      "Authentication-Results",
      "Authentication-Results\r\n",
      "Authentic",
      "Subject: no end",
      "A: b\rC: d\nE: f\r\n\xff\x01\r\n",
  };
  for (const std::string_view text : texts) {
    for (std::size_t piece = 1; piece <= text.size(); ++piece) EXPECT_EQ(filtered(text, piece), text) << text;
    EXPECT_EQ(filtered(text), text);
  }
}

TEST(ForgeryFilter, SeesTheFieldBehindEveryLineEndThatAReaderMayKnow) {
  const std::string field = "Authentication-Results: mx.example.org; none\r\n";
  for (const std::string before :
       {"A: b\n", "A: b\r", "A: b\n\n", "A: b\r\r", "A: b\r\r\n", "A: b\n\r\n", "\n", "\r", "\r\r\n"}) {
    const std::string text = before + field;
    for (std::size_t piece = 1; piece <= text.size(); ++piece) EXPECT_EQ(filtered(text, piece), before);
  }
}

TEST(ForgeryFilter, CountsAndDecidesAtTheEnd) {
  auto filter = ForgeryFilter::create(ours);
  std::string out;
  filter->feed("Authentication-Results: mx.example.org; none\r\nAuthentication-Results: mx.example.org", out);
  EXPECT_EQ(filter->removed(), 1U);
  filter->finish(out);
  EXPECT_EQ(filter->removed(), 2U);
  EXPECT_EQ(out, "");
  EXPECT_EQ(*remove_forged("A: b\r\nAuthentication-Results: mx.example.org; none\r\n", ours), "A: b\r\n");
}

TEST(ForgeryFilter, HoldsBackABoundedLength) {
  const auto field = [](std::size_t octets) {
    std::string text = "Authentication-Results: other.example; x=y";
    return text + std::string(octets - text.size() - 2, 'z') + "\r\n";
  };
  EXPECT_EQ(filtered(field(max_field_octets)), field(max_field_octets));
  EXPECT_EQ(filtered(field(max_field_octets + 1) + "A: b\r\n"), "A: b\r\n");
  EXPECT_EQ(filtered(field(max_field_octets + 1) + "A: b\r\n", 1), "A: b\r\n");
  EXPECT_EQ(filtered("Authentication-Results" + std::string(max_field_octets, ' ') + ": x; none\r\nA: b\r\n"),
            "A: b\r\n");
}

TEST(ForgeryFilter, WantsIds) {
  EXPECT_EQ(ForgeryFilter::create({}).error().code, Errc::invalid_argument);
  EXPECT_EQ(ForgeryFilter::create({"a", ""}).error().code, Errc::invalid_argument);
  EXPECT_EQ(remove_forged("", {}).error().code, Errc::invalid_argument);
}

}  // namespace
}  // namespace sendconn::authres
