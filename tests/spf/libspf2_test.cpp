// How often libspf2 is run for one check before it is given up, at that number and one past it.
#include <gtest/gtest.h>

#include <sendconn/spf_engine.hpp>

#include <cstdlib>

#include "tests/spf/answers.hpp"

namespace sendconn::spf {
namespace {

constexpr unsigned max_runs = 300;

/// A record that makes libspf2, whose limits begin anew in each include, ask for so many `hosts` of 27 MX sets.
test::Answers asking_for(unsigned hosts) {
  test::Answers answers;
  const auto add_txt = [&answers](const std::string& name, std::string text) {
    answers.at(name).sets[dns::RecordType::txt].push_back({{}, 0, std::move(text)});
  };
  std::string root = "v=spf1";
  for (unsigned include = 0; include < 3; ++include) {
    const std::string name = "i" + std::to_string(include) + ".example.org";
    root += " include:" + name;
    std::string record = "v=spf1";
    for (unsigned mx = 0; mx < 9; ++mx) {
      const std::string set = "m" + std::to_string(mx) + "." + name;
      record += " mx:" + set;
      answers.at(set).sets[dns::RecordType::mx];  // it has none until a host comes
    }
    add_txt(name, record + " -all");
  }
  add_txt("example.org", root + " -all");
  for (unsigned host = 0; host < hosts; ++host) {
    const std::string set = "m" + std::to_string(host / 3 % 9) + ".i" + std::to_string(host % 3) + ".example.org";
    const std::string name = "h" + std::to_string(host) + "." + set;
    answers.at(set).sets[dns::RecordType::mx].push_back({{}, static_cast<std::uint16_t>(host), name});
    answers.at(name).sets[dns::RecordType::a].push_back({IpAddress::v4({203, 0, 113, 9}), 0, {}});
  }
  return answers;
}

TEST(Libspf2Bounds, ACheckIsGivenUpAfterThreeHundredRuns) {
  const char* const module = std::getenv("SENDCONN_SPF2_MODULE");
  ASSERT_NE(module, nullptr) << "names libsendconn-spf2.so; meson test sets it";
  // A run ends at the first question that is new, so a check with n questions takes n + 1 runs.
  for (const unsigned questions : {max_runs - 1, max_runs}) {
    auto engine = load_libspf2(module);
    ASSERT_TRUE(engine.ok()) << engine.error().text;
    const test::Answers answers = asking_for(questions - 1 - 3 - 27);
    unsigned asked = 0;
    (*engine)->start({IpAddress::v4({192, 0, 2, 1}), "mail.example.org", "joe@example.org", Identity::mail_from, {}});
    test::drive(**engine, [&](const dns::Question& question) {
      ++asked;
      return answers.lookup(question);
    });
    ASSERT_TRUE((*engine)->done());
    EXPECT_EQ(asked, questions);
    const Outcome& outcome = (*engine)->outcome();
    if (questions < max_runs) {
      EXPECT_EQ(outcome.verdict, Verdict::fail) << outcome.text;
    } else {
      EXPECT_EQ(outcome.verdict, Verdict::temperror);
      EXPECT_EQ(outcome.text, "libspf2 asks for ever: still without a result after 300 runs");
    }
  }
}

}  // namespace
}  // namespace sendconn::spf
