// Ownership: tokens, the records that prove, and what a person is told who published something else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sendconn/ownership.hpp>

namespace sendconn::ownership {
namespace {

using dns::Status;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view hex = "86e1828056287e279c93eb37ee8b7a8a6c71c097";
const std::string token_text = "token=" + std::string(hex);
const std::string apex_text = "creoline-verification=" + std::string(hex);
const dns::Question label{"_creoline-challenge.shop.example.com", dns::RecordType::txt};
const dns::Question apex{"shop.example.com", dns::RecordType::txt};

Challenge challenge() { return *Challenge::of("creoline", *Domain::parse("shop.example.com"), *Token::parse(hex)); }

dns::Answer txt(const std::vector<std::string>& texts) {
  dns::Answer answer;
  for (const std::string& text : texts) answer.records.push_back({{}, 0, text});
  return answer;
}

dns::Answer failed(Status status) {
  dns::Answer answer;
  answer.status = status;
  return answer;
}

Outcome check(const dns::Answer& at_label, const dns::Answer& at_apex) {
  Outcome outcomes[2];
  for (const bool label_first : {true, false}) {  // the order of the answers does not matter
    Check check(challenge());
    check.questions();
    label_first ? check.answer(label, at_label) : check.answer(apex, at_apex);
    label_first ? check.answer(apex, at_apex) : check.answer(label, at_label);
    EXPECT_TRUE(check.done());
    outcomes[label_first ? 0 : 1] = check.outcome();
  }
  EXPECT_EQ(outcomes[0].verdict, outcomes[1].verdict);
  if (outcomes[0].verdict != Verdict::verified) {
    EXPECT_EQ(outcomes[0].explanation, outcomes[1].explanation);
  }
  return outcomes[0];
}

TEST(Token, IsFortyHexadecimalDigits) {
  std::string octets;
  for (int i = 0; i < 20; ++i) octets.push_back(static_cast<char>(i * 13));
  const auto made = Token::from_random(octets);
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->text(), "000d1a2734414e5b6875828f9ca9b6c3d0ddeaf7");
  EXPECT_EQ(*Token::parse(made->text()), *made);
  EXPECT_EQ(Token::parse("86E1828056287E279C93EB37EE8B7A8A6C71C097")->text(), hex);
  EXPECT_EQ(Token::from_random(octets + "x").error().code, Errc::invalid_argument);
  EXPECT_EQ(Token::from_random("").error().code, Errc::invalid_argument);
  EXPECT_EQ(Token::parse(hex.substr(1)).error().code, Errc::syntax);
  EXPECT_EQ(Token::parse(std::string(39, 'a') + "g").error().position, 39U);
  EXPECT_FALSE(Token::parse(" " + std::string(hex)).ok());
}

TEST(Challenge, NamesBothRecords) {
  EXPECT_EQ(challenge().at_label().name, label.name);
  EXPECT_EQ(challenge().at_label().text, token_text);
  EXPECT_EQ(challenge().at_apex().name, apex.name);
  EXPECT_EQ(challenge().at_apex().text, apex_text);
  EXPECT_EQ(challenge().to_publish().name, label.name);
}

TEST(Challenge, RecommendsTheApexWhereTheLabelDoesNotFit) {
  const std::string l = std::string(60, 'a') + ".";
  const auto domain = Domain::parse(l + l + l + l + "example");
  ASSERT_TRUE(domain.ok());
  EXPECT_EQ(Challenge::of("creoline", *domain, *Token::parse(hex))->to_publish().name, domain->text());
}

TEST(Challenge, RefusesProviderNamesThatFitNoLabel) {
  for (const std::string& name : {std::string(), std::string("a.b"), std::string("a b"), std::string("-a"),
                                  std::string("a-"), std::string("A"), std::string(53, 'a'), std::string("\xc3\xbc")})
    EXPECT_EQ(Challenge::of(name, *Domain::parse("example.com"), *Token::parse(hex)).error().code,
              Errc::invalid_argument)
        << name;
  EXPECT_TRUE(Challenge::of(std::string(52, 'a'), *Domain::parse("example.com"), *Token::parse(hex)).ok());
}

TEST(Check, AsksBothQuestionsAtOnceAndOnce) {
  Check check(challenge());
  EXPECT_THAT(check.questions(), ElementsAre(label, apex));
  EXPECT_THAT(check.questions(), IsEmpty());
  EXPECT_FALSE(check.done());
}

TEST(Check, VerifiesByEitherRecord) {
  const dns::Answer none = failed(Status::no_such_name);
  const struct {
    const char* what;
    dns::Answer at_label;
    dns::Answer at_apex;
    std::string where;
  } cases[] = {
      {"label", txt({token_text}), none, label.name},
      {"apex", none, txt({apex_text}), apex.name},
      {"apex beside others", none, txt({"v=spf1 -all", "google-site-verification=x", apex_text}), apex.name},
      {"label of several", txt({"token=" + std::string(40, '0'), token_text}), none, label.name},
      {"label with an expiry", txt({token_text + " expiry=2026-12-01T00:00:00Z"}), none, label.name},
      {"label with pairs behind commas", txt({token_text + ",expiry=never,x=y"}), none, label.name},
      {"upper case", txt({"Token=86E1828056287E279C93EB37EE8B7A8A6C71C097"}), none, label.name},
      {"upper case at the apex", none, txt({"Creoline-Verification=86E1828056287E279C93EB37EE8B7A8A6C71C097"}),
       apex.name},
      {"label while the apex fails", txt({token_text}), failed(Status::timeout), label.name},
      {"apex while the label fails", failed(Status::server_failure), txt({apex_text}), apex.name},
      {"apex while the label is wrong", txt({"token=0"}), txt({apex_text}), apex.name},
  };
  for (const auto& c : cases) {
    const Outcome outcome = check(c.at_label, c.at_apex);
    EXPECT_EQ(outcome.verdict, Verdict::verified) << c.what;
    EXPECT_EQ(outcome.where, c.where) << c.what;
  }
}

TEST(Check, IsDoneWithTheFirstProof) {
  Check check(challenge());
  check.questions();
  check.answer(apex, txt({apex_text}));
  ASSERT_TRUE(check.done());
  check.answer(label, failed(Status::timeout));
  EXPECT_EQ(check.outcome().verdict, Verdict::verified);
}

TEST(Check, IgnoresUnknownQuestionsAndSecondAnswers) {
  Check check(challenge());
  check.questions();
  check.answer({"example.com", dns::RecordType::txt}, txt({apex_text, token_text}));
  check.answer({apex.name, dns::RecordType::mx}, txt({apex_text}));
  check.answer(label, failed(Status::no_such_name));
  check.answer(label, txt({token_text}));
  EXPECT_FALSE(check.done());
  check.answer(apex, failed(Status::no_data));
  EXPECT_EQ(check.outcome().verdict, Verdict::missing);
}

TEST(Check, NeverTakesAFailureForAbsence) {
  for (const Status status : {Status::timeout, Status::server_failure, Status::malformed}) {
    for (const dns::Answer& other : {failed(Status::no_such_name), failed(Status::no_data), failed(Status::timeout),
                                     txt({"token=0"}), txt({"v=spf1 -all"})}) {
      EXPECT_EQ(check(failed(status), other).verdict, Verdict::temporary_failure);
      EXPECT_EQ(check(other, failed(status)).verdict, Verdict::temporary_failure);
    }
    EXPECT_THAT(check(failed(status), failed(Status::no_data)).explanation, HasSubstr(dns::format(status)));
  }
}

TEST(Check, SaysWhatIsMissingAndWhatToPublish) {
  const Outcome none = check(failed(Status::no_such_name), failed(Status::no_such_name));
  EXPECT_EQ(none.verdict, Verdict::missing);
  EXPECT_EQ(none.explanation,
            "the name _creoline-challenge.shop.example.com does not exist, and the name shop.example.com does not "
            "exist; publish a TXT record at _creoline-challenge.shop.example.com with the text "
            "token=86e1828056287e279c93eb37ee8b7a8a6c71c097");
  EXPECT_THAT(check(failed(Status::no_data), failed(Status::no_data)).explanation,
              HasSubstr("there is no TXT record at shop.example.com"));
  EXPECT_THAT(check(failed(Status::no_data), txt({"v=spf1 -all"})).explanation,
              HasSubstr("none of the TXT records at shop.example.com is the required one"));
  EXPECT_EQ(check(txt({}), txt({})).verdict, Verdict::missing);
}

TEST(Check, ExplainsEachMistake) {
  const std::string other(40, '0');
  const struct {
    bool at_apex;
    std::string text;
    std::string_view finding;
  } cases[] = {
      {false, " " + token_text, "white space before or behind"},
      {false, token_text + " ", "white space before or behind"},
      {false, token_text + " expiry=never ", "white space before or behind"},
      {true, apex_text + "\t", "white space before or behind"},
      {false, "\"" + token_text + "\"", "quotation marks"},
      {true, "\"" + apex_text + "\"", "quotation marks"},
      {true, "\xe2\x80\x9c" + apex_text + "\xe2\x80\x9d", "quotation marks"},
      {false, "'" + token_text + " '", "quotation marks"},
      {false, std::string(hex), "holds the token in another form"},
      {false, apex_text, "holds the token in another form"},
      {true, token_text, "holds the token in another form"},
      {true, apex_text + " expiry=never", "holds the token in another form"},
      {false, "token = " + std::string(hex), "holds the token in another form"},
      {false, token_text + "0", "holds the token in another form"},
      {false, token_text + "expiry=never", "holds the token in another form"},
      {false, "expiry=never " + token_text, "holds the token in another form"},
      {false, "_creoline-challenge TXT " + token_text, "holds the token in another form"},
      {false, "token=" + other, "holds another token, \"token=0000"},
      {false, "token=" + token_text.substr(6, 39), "holds another token"},
      {true, "creoline-verification=" + other, "holds another token"},
      {false, "v=spf1 -all", "is \"v=spf1 -all\""},
      {false, std::string("a\r\nb\0c\x80", 7), "is \"a??b?c?\""},
      {false, std::string(500, 'x'), "x...\""},
  };
  for (const auto& c : cases) {
    const dns::Answer wrong = txt({"unrelated", c.text});
    const Outcome outcome =
        c.at_apex ? check(failed(Status::no_such_name), wrong) : check(txt({c.text}), txt({"v=spf1 -all"}));
    EXPECT_EQ(outcome.verdict, Verdict::mismatch) << c.text;
    EXPECT_THAT(outcome.explanation, HasSubstr(c.finding)) << c.text;
    EXPECT_THAT(outcome.explanation,
                HasSubstr(c.at_apex ? "publish a TXT record at shop.example.com with the text " + apex_text
                                    : "with the text " + token_text))
        << c.text;
    EXPECT_EQ(outcome.where, "");
    EXPECT_LT(outcome.explanation.size(), 400U);
  }
}

TEST(Check, ExplainsTheNearestOfSeveral) {
  const Outcome outcome =
      check(txt({"junk", "token=" + std::string(40, '1'), token_text + " "}), failed(Status::no_data));
  EXPECT_THAT(outcome.explanation, HasSubstr("white space"));
}

TEST(Check, UnrelatedRecordsAtTheApexAreNoMistake) {
  EXPECT_EQ(
      check(failed(Status::no_such_name), txt({"v=spf1 -all", "other-verification=" + std::string(40, '0')})).verdict,
      Verdict::missing);
}

}  // namespace
}  // namespace sendconn::ownership
