// SASL by itself: the vectors of RFC 7677, verifiers, and exchanges that somebody tampers with.
#include <sendconn/crypto.hpp>
#include <sendconn/sasl.hpp>

#include <gtest/gtest.h>

#include "lib/base/base64.hpp"
#include "lib/smtp/saslprep.hpp"
#include "lib/smtp/scram.hpp"
#include "tests/smtp/drive.hpp"

namespace sendconn::sasl {
namespace {

using smtp::test::client_nonce;
using smtp::test::server_nonce;

// RFC 7677 section 3.
constexpr std::string_view client_first = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
constexpr std::string_view server_first =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr std::string_view client_final =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
constexpr std::string_view server_final = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

ScramVerifier pencil() {
  return *ScramVerifier::from_password("pencil", *base64::decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096);
}

// The client's nonce of the RFC has 20 octets, so it passes the bound of 18.
ScramClient client(std::string_view password = "pencil") { return *ScramClient::make("user", password, client_nonce); }

TEST(ScramTest, ClientSaysWhatRfc7677Says) {
  ScramClient c = client();
  EXPECT_EQ(c.first(), client_first);
  const Result<std::string> answer = c.answer(server_first);
  ASSERT_TRUE(answer) << answer.error().text;
  EXPECT_EQ(*answer, client_final);
  EXPECT_TRUE(c.accept(server_final));
}

TEST(ScramTest, ServerSaysWhatRfc7677Says) {
  ScramServer server;
  ASSERT_TRUE(server.start(client_first));
  EXPECT_EQ(server.user(), "user");
  EXPECT_EQ(server.challenge(pencil(), server_nonce), server_first);
  const Result<std::string> final = server.finish(client_final);
  ASSERT_TRUE(final) << final.error().text;
  EXPECT_EQ(*final, server_final);
}

TEST(ScramTest, ServerRefusesWhatWasTamperedWith) {
  const auto replaced = [](std::string_view what, std::string_view with) {
    std::string text(client_final);
    return text.replace(text.find(what), what.size(), with);
  };
  const struct {
    std::string message;
    Errc code;
  } cases[] = {
      {replaced("p=d", "p=e"), Errc::crypto},        // wrong proof
      {replaced("c=biws", "c=eSws"), Errc::crypto},  // "y,," instead of "n,,"
      {replaced("c=biws", "c=biw="), Errc::crypto},
      {replaced("$k0", "$k1"), Errc::crypto},      // changed nonce
      {replaced(",p=", ",p=AAAA"), Errc::crypto},  // proof of another length
      {replaced("VQ=", "VQ=="), Errc::syntax},
      {replaced(",p=", ",q="), Errc::syntax},  // no proof
      {replaced("c=biws,", ""), Errc::syntax},
      {std::string(client_final) + ",x=y", Errc::syntax},  // something behind the proof
      {replaced(",p=", ",x=y,p="), Errc::crypto},          // an extension: ignored, but it is under the proof
      {replaced(",r=", ",m=x,r="), Errc::unsupported},     // a mandatory extension
      {"", Errc::syntax},
  };
  for (const auto& [message, code] : cases) {
    ScramServer server;
    ASSERT_TRUE(server.start(client_first));
    server.challenge(pencil(), server_nonce);
    const Result<std::string> result = server.finish(message);
    ASSERT_FALSE(result) << message;
    EXPECT_EQ(result.error().code, code) << message << ": " << result.error().text;
  }
}

/// The proof of a client that knows the password, whatever it says before it.
std::string prove(const std::string& without_proof) {
  const auto salted = crypto::pbkdf2_sha256("pencil", pencil().salt, 4096);
  const auto client_key = crypto::hmac_sha256(crypto::view(salted), "Client Key");
  const auto stored_key = crypto::sha256(crypto::view(client_key));
  const std::string transcript =
      std::string(client_first.substr(3)) + "," + std::string(server_first) + "," + without_proof;
  const auto signature = crypto::hmac_sha256(crypto::view(stored_key), transcript);
  std::string proof;
  for (std::size_t i = 0; i < client_key.size(); ++i) proof += static_cast<char>(client_key[i] ^ signature[i]);
  return without_proof + ",p=" + base64::encode(proof);
}

TEST(ScramTest, ServerRefusesAGoodProofOverAnotherNonceOrBinding) {
  const std::string nonce = std::string(client_nonce) + std::string(server_nonce);
  const struct {
    std::string without_proof;
    bool good;
  } cases[] = {
      {"c=biws,r=" + nonce, true},
      {"c=biws,r=" + nonce + ",x=extension", true},
      {"c=biws,r=" + nonce + "x", false},
      {"c=biws,r=" + std::string(client_nonce), false},
      {"c=eSws,r=" + nonce, false},  // "y,,": another flag than at first
      {"c=cD10bHMtdW5pcXVlLCw=,r=" + nonce, false},
  };
  for (const auto& [without_proof, good] : cases) {
    ScramServer server;
    ASSERT_TRUE(server.start(client_first));
    server.challenge(pencil(), server_nonce);
    const Result<std::string> result = server.finish(prove(without_proof));
    EXPECT_EQ(result.ok(), good) << without_proof;
    EXPECT_TRUE(good || result.error().code == Errc::crypto);
  }
}

TEST(ScramTest, ServerRefusesAnotherUsersProof) {
  ScramServer server;
  ASSERT_TRUE(server.start(client_first));
  server.challenge(*ScramVerifier::from_password("eraser", pencil().salt, 4096), server_nonce);
  EXPECT_FALSE(server.finish(client_final));
}

TEST(ScramTest, FirstMessages) {
  const struct {
    const char* message;
    const char* user;  // nullptr: refused
    Errc code;
  } cases[] = {
      {"n,,n=user,r=abc", "user", {}},
      {"y,,n=user,r=abc", "user", {}},
      {"n,a=user,n=user,r=abc", "user", {}},
      {"n,,n=us=2Cer=3D,r=abc", "us,er=", {}},
      {"n,,n=user,r=abc,x=extension", "user", {}},
      {"n,,n=\xc3\xa4,r=abc", "\xc3\xa4", {}},
      {"n,a=admin,n=user,r=abc", nullptr, Errc::invalid_argument},
      {"p=tls-unique,,n=user,r=abc", nullptr, Errc::unsupported},
      {"n,,m=x,n=user,r=abc", nullptr, Errc::unsupported},
      {"n,,n=,r=abc", nullptr, Errc::syntax},
      {"n,,n=us=er,r=abc", nullptr, Errc::syntax},
      {"n,,n=us=2,r=abc", nullptr, Errc::syntax},
      {"n,,n=\xff,r=abc", nullptr, Errc::syntax},
      {"n,,n=user", nullptr, Errc::syntax},
      {"n,,n=user,r=", nullptr, Errc::syntax},
      {"n,,n=user,r=a b", nullptr, Errc::syntax},
      {"n,,r=abc,n=user", nullptr, Errc::syntax},
      {"n,n=user,r=abc", nullptr, Errc::syntax},
      {"x,,n=user,r=abc", nullptr, Errc::syntax},
      {"n", nullptr, Errc::syntax},
      {"", nullptr, Errc::syntax},
  };
  for (const auto& [message, user, code] : cases) {
    ScramServer server;
    const Result<void> result = server.start(message);
    EXPECT_EQ(result.ok(), user != nullptr) << message;
    if (user != nullptr) {
      EXPECT_EQ(server.user(), user);
    } else if (!result) {
      EXPECT_EQ(result.error().code, code) << message << ": " << result.error().text;
    }
  }
  ScramServer server;
  EXPECT_FALSE(server.start("n,,n=user,r=" + std::string(max_nonce_octets + 1, 'x')));
}

TEST(ScramTest, ClientRefusesAServerThatDoesNotKnowTheUser) {
  const std::string nonce = "r=" + std::string(client_nonce) + std::string(server_nonce);
  const struct {
    std::string server_first;
    Errc code;
  } cases[] = {
      {"r=anotherNonceAltogether,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", Errc::crypto},
      {"r=" + std::string(client_nonce) + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", Errc::crypto},  // adds nothing
      {nonce + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4095", Errc::limit_exceeded},
      {nonce + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1000001", Errc::limit_exceeded},
      {nonce + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=99999999999", Errc::limit_exceeded},
      {nonce + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=-1", Errc::limit_exceeded},
      {nonce + ",s=,i=4096", Errc::syntax},
      {nonce + ",s=!,i=4096", Errc::syntax},
      {nonce + ",i=4096", Errc::syntax},
      {nonce, Errc::syntax},
      {"m=x," + nonce + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", Errc::unsupported},
      {"", Errc::syntax},
  };
  for (const auto& [message, code] : cases) {
    ScramClient c = client();
    const Result<std::string> result = c.answer(message);
    ASSERT_FALSE(result) << message;
    EXPECT_EQ(result.error().code, code) << message << ": " << result.error().text;
  }
  ScramClient c = client();
  EXPECT_FALSE(c.accept(server_final)) << "before it has answered";
  ASSERT_TRUE(c.answer(server_first));
  for (const char* message :
       {"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=", "v=", "v=!", "e=other-error", "", "x"}) {
    EXPECT_FALSE(c.accept(message)) << message;
  }
}

TEST(ScramTest, NamesTravelEscaped) {
  const ScramClient c = *ScramClient::make("a,b=c", "pencil", client_nonce);
  EXPECT_EQ(c.first(), "n,,n=a=2Cb=3Dc,r=" + std::string(client_nonce));
  ScramServer server;
  ASSERT_TRUE(server.start(c.first()));
  EXPECT_EQ(server.user(), "a,b=c");
}

TEST(ScramTest, ClientNeedsAGoodNonceUserAndPassword) {
  EXPECT_FALSE(ScramClient::make("user", "pencil", "short"));
  EXPECT_FALSE(ScramClient::make("user", "pencil", "with,comma,abcdefghijkl"));
  EXPECT_FALSE(ScramClient::make("", "pencil", client_nonce));
  EXPECT_FALSE(ScramClient::make("user", "", client_nonce));
  EXPECT_FALSE(ScramClient::make("user", "pen\ncil", client_nonce));
}

TEST(VerifierTest, TextIsReadBack) {
  const ScramVerifier verifier = pencil();
  const std::string text = verifier.format();
  EXPECT_EQ(text,
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
            "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
  const Result<ScramVerifier> parsed = ScramVerifier::parse(text);
  ASSERT_TRUE(parsed) << parsed.error().text;
  EXPECT_EQ(parsed->format(), text);
  EXPECT_TRUE(parsed->check_password("pencil"));
  for (const char* wrong : {"pencil ", "Pencil", "", "pencil\n"}) EXPECT_FALSE(parsed->check_password(wrong)) << wrong;
}

TEST(VerifierTest, RefusesOtherText) {
  const std::string good = pencil().format();
  std::vector<std::string> cases = {"", "SCRAM-SHA-1$4096:AAAA$AAAA:AAAA", good + "x", good.substr(0, good.size() - 4)};
  for (const auto& [what, with] : {std::pair{"4096", "4095"},
                                   {"4096", "1000001"},
                                   {"4096", ""},
                                   {"gQ==$", "gQ==:"},
                                   {":W22Z", ":!22Z"},
                                   {"$WG5d", "$"},
                                   {"=:w", "="}}) {
    std::string text = good;
    text.replace(text.find(what), std::string_view(what).size(), with);
    cases.push_back(text);
  }
  for (const std::string& text : cases) {
    const Result<ScramVerifier> result = ScramVerifier::parse(text);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().code, Errc::syntax);
    EXPECT_EQ(result.error().text.find("WG5d"), std::string::npos) << "nothing of the input is in the text";
  }
}

TEST(VerifierTest, RefusesBadParameters) {
  EXPECT_FALSE(ScramVerifier::from_password("", "salt"));
  EXPECT_FALSE(ScramVerifier::from_password("pencil", ""));
  EXPECT_FALSE(ScramVerifier::from_password("pencil", "salt", 4095));
  EXPECT_FALSE(ScramVerifier::from_password("pencil", "salt", 1'000'001));
  EXPECT_FALSE(ScramVerifier::from_password("pen\tcil", "salt"));
}

TEST(SaslprepTest, Ascii) {
  EXPECT_EQ(*saslprep("I sail!~ the sea"), "I sail!~ the sea");
  EXPECT_EQ(*saslprep(""), "");
  for (const char c : {'\n', '\r', '\t', '\x01', '\x1f', '\x7f'}) EXPECT_FALSE(saslprep(std::string("a") + c));
  EXPECT_FALSE(saslprep(std::string_view("a\0b", 3)));
  EXPECT_FALSE(saslprep("\xff\xfe"));
}

// RFC 4013 section 3, and what its rules say for other text.
TEST(SaslprepTest, BeyondAscii) {
#if defined(SENDCONN_HAVE_LIBIDN)
  EXPECT_EQ(*saslprep("I\xc2\xadX"), "IX");
  EXPECT_EQ(*saslprep("\xc2\xaa"), "a");
  EXPECT_EQ(*saslprep("\xe2\x85\xa8"), "IX");
  EXPECT_EQ(*saslprep("a\xcc\x88"), "\xc3\xa4");
  EXPECT_EQ(*saslprep("a\xc2\xa0"
                      "b"),
            "a b");
  EXPECT_FALSE(
      saslprep("\xd8\xa7"
               "1"));
  EXPECT_FALSE(saslprep("a\xe2\x80\xa8"));
  const ScramVerifier verifier = *ScramVerifier::from_password("\xc3\xa4rger", "salt");
  EXPECT_TRUE(verifier.check_password("a\xcc\x88rger"));
#else
  EXPECT_EQ(*saslprep("\xc3\xa4"), "\xc3\xa4");
#endif
}

TEST(MechanismTest, Names) {
  for (const Mechanism mechanism : {Mechanism::plain, Mechanism::login, Mechanism::scram_sha_256}) {
    EXPECT_EQ(parse_mechanism(format(mechanism)), mechanism);
  }
  EXPECT_EQ(parse_mechanism("scram-sha-256"), Mechanism::scram_sha_256);
  EXPECT_FALSE(parse_mechanism("SCRAM-SHA-256-PLUS"));
  EXPECT_FALSE(parse_mechanism(""));
}

}  // namespace
}  // namespace sendconn::sasl
