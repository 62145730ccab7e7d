// Mailer::create(): options that could not work are refused before anything is sent, and no error shows the password.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "lib/mailer/options.hpp"

namespace sendconn {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::string_literals;

MailerOptions sound_options() {
  MailerOptions options;
  options.host = "mail.example.org";
  options.login = MailerLogin{"ada", "swordfish"};
  return options;
}

TEST(MailerOptions, AreCheckedBeforehand) {
  struct Case {
    std::function<void(MailerOptions&)> change;
    std::string says;
  };
  const Case table[] = {
      {[](auto& o) { o.host.clear(); }, "the host \"\" is neither a name nor an address"},
      {[](auto& o) { o.host = "mail example"; }, "neither a name"},
      {[](auto& o) { o.host = "x\r\ny"; }, "neither a name"},
      {[](auto& o) { o.host = "\xff.example"; }, "is no name"},
      {[](auto& o) { o.command_timeout = std::chrono::seconds(0); },
       "a command_timeout of 0 s; it must be from 1 to 86400"},
      {[](auto& o) { o.send_timeout = std::chrono::seconds(86'401); }, "a send_timeout of 86401 s"},
      {[](auto& o) { o.keep_open = std::chrono::seconds(-1); }, "a keep_open of -1 s"},
      {[](auto& o) { o.max_messages = 0; }, "max_messages is 0"},
      {[](auto& o) { o.login->user.clear(); }, "the login's user must have 1 to 1024 octets"},
      {[](auto& o) { o.login->password = "sword\0fish"s; }, "the login's password must have"},
      {[](auto& o) { o.login->mechanisms = 0; }, "no mechanism"},
      {[](auto& o) { o.authorities_file = "/nonexistent.pem"; }, "/nonexistent.pem"},
      {[](auto& o) {
         o.signatures.push_back({*Domain::parse("a.example"), *dkim::Selector::parse("s"), nullptr, {}});
       },
       "key"},
  };
  for (const Case& one : table) {
    MailerOptions options = sound_options();
    one.change(options);
    const auto mailer = Mailer::create(options);
    ASSERT_FALSE(mailer.ok()) << one.says;
    EXPECT_THAT(mailer.error().text, HasSubstr(one.says));
    EXPECT_THAT(mailer.error().text, Not(HasSubstr("fish")));
  }
  EXPECT_TRUE(Mailer::create(sound_options()).ok());
}

TEST(MailerOptions, HaveThePortOfTheirProtocol) {
  const std::pair<smtp::TlsMode, std::uint16_t> table[] = {
      {smtp::TlsMode::implicit, 465}, {smtp::TlsMode::required, 587}, {smtp::TlsMode::off, 587}};
  for (const auto& [tls, port] : table) {
    MailerOptions options = sound_options();
    options.tls = tls;
    MailerSettings settings;
    ASSERT_TRUE(settle_options(std::move(options), settings).ok());
    EXPECT_EQ(settings.options.port, port);
    EXPECT_EQ(settings.context.has_value(), tls != smtp::TlsMode::off);
  }
}

TEST(MailerOptions, TakeAHostInAnyLanguage) {
  MailerOptions options = sound_options();
  options.host = "m\u00fcller.example";
  MailerSettings settings;
  ASSERT_TRUE(settle_options(std::move(options), settings).ok());
  EXPECT_EQ(settings.options.host, "xn--mller-kva.example");
}

TEST(MailerOptions, HideTheirSecretsInWhateverForm) {
  const MailerOptions options = sound_options();
  EXPECT_EQ(without_secrets(options, "swordfish c3dvcmRmaXNo AGFkYQBzd29yZGZpc2g= ada"),
            "[hidden] [hidden] [hidden] ada");
  EXPECT_EQ(without_secrets(MailerOptions(), "swordfish"), "swordfish");
}

}  // namespace
}  // namespace sendconn
