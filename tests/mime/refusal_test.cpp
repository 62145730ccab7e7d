// What compose() refuses: whatever could add a header field, end a part or break a grammar.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "tests/mime/messages.hpp"

namespace sendconn::mime {
namespace {

using testing::HasSubstr;
using namespace std::string_literals;

struct Refusal {
  std::string what;
  std::function<void(Message&, ComposeOptions&)> change;
  Errc code;
  std::string says;
};

Attachment attachment(std::string name, std::string type = "", std::string id = "", std::string content = "x") {
  return {std::move(content), std::move(name), std::move(type), std::move(id)};
}

TEST(ComposeRefuses, WhatIsNotOfItsForm) {
  const Refusal table[] = {
      {"a field behind the subject", [](auto& m, auto&) { m.subject = "x\r\nBcc: eve@example.com"; }, Errc::syntax,
       "the subject holds a control character at octet 1 (\"\\x0d\"); it must be one line (RFC 5322 section 2.2)"},
      {"a line feed alone", [](auto& m, auto&) { m.subject = "x\ny"; }, Errc::syntax, "control character"},
      {"NUL", [](auto& m, auto&) { m.subject = "x\0y"s; }, Errc::syntax, "control character"},
      {"a C1 control", [](auto& m, auto&) { m.subject = "x\u0085y"; }, Errc::syntax, "control character"},
      {"a subject in Latin-1", [](auto& m, auto&) { m.subject = "Gr\xfc\xdf"; }, Errc::syntax, "not UTF-8 at octet 2"},
      {"a name that goes on", [](auto& m, auto&) { m.from.front().name = "Ada\r\nX: y"; }, Errc::syntax,
       "the name of ada@example.org"},
      {"a name of a hidden recipient",
       [](auto& m, auto&) {
         m.bcc = {{"\n", address("e@example.com")}};
       },
       Errc::syntax, "the name of e@example.com"},
      {"a long name", [](auto& m, auto&) { m.to.front().name = std::string(1'001, 'x'); }, Errc::limit_exceeded,
       "max_name_octets"},
      {"a field that goes on",
       [](auto& m, auto&) {
         m.fields = {{"X-A", "b\r\nBcc: c@example.com"}};
       },
       Errc::syntax, "the field X-A"},
      {"a field's name with a colon",
       [](auto& m, auto&) {
         m.fields = {{"X:Bcc", "y"}};
       },
       Errc::invalid_argument, "without a colon (RFC 5322 section 3.6.8)"},
      {"a field's name with a line end",
       [](auto& m, auto&) {
         m.fields = {{"X\r\nBcc", "y"}};
       },
       Errc::invalid_argument, "visible ASCII"},
      {"a field without a name",
       [](auto& m, auto&) {
         m.fields = {{"", "y"}};
       },
       Errc::invalid_argument, "1 to 70"},
      {"a field with a place of its own",
       [](auto& m, auto&) {
         m.fields = {{"BCC", "y"}};
       },
       Errc::invalid_argument, "\"BCC\" is not for a field of one's own"},
      {"a field of a part",
       [](auto& m, auto&) {
         m.fields = {{"content-type", "y"}};
       },
       Errc::invalid_argument, "one's own"},
      {"text with NUL", [](auto& m, auto&) { m.text = "a\0b"s; }, Errc::syntax, "the text holds NUL at octet 1"},
      {"text that is not UTF-8", [](auto& m, auto&) { m.text = "a\xff"; }, Errc::syntax, "the text is not UTF-8"},
      {"HTML that is not UTF-8", [](auto& m, auto&) { m.html = "\xc0\x80"; }, Errc::syntax, "the HTML is not UTF-8"},
      {"no author", [](auto& m, auto&) { m.from.clear(); }, Errc::invalid_argument, "no From"},
      {"two authors without a sender", [](auto& m, auto&) { m.from.push_back(m.from.front()); }, Errc::invalid_argument,
       "a sender is required then (RFC 5322 section 3.6.2)"},
      {"too little randomness", [](auto&, auto& o) { o.random = "0123456789abcde"; }, Errc::invalid_argument,
       "min_random_octets"},
      {"an id with brackets", [](auto& m, auto&) { m.message_id = "<a@b>"; }, Errc::invalid_argument,
       "the message_id \"<a@b>\" is not left@right"},
      {"an id that goes on", [](auto& m, auto&) { m.message_id = "a@b>\r\nX: y"; }, Errc::invalid_argument,
       "left@right"},
      {"a folder", [](auto& m, auto&) { m.attachments = {attachment("../../etc/passwd")}; }, Errc::invalid_argument,
       "holds a folder"},
      {"a folder of Windows", [](auto& m, auto&) { m.attachments = {attachment("C:\\x.txt")}; }, Errc::invalid_argument,
       "holds a folder"},
      {"a file name that goes on", [](auto& m, auto&) { m.attachments = {attachment("x\r\nX: y")}; }, Errc::syntax,
       "the file name"},
      {"a long file name", [](auto& m, auto&) { m.attachments = {attachment(std::string(256, 'x'))}; },
       Errc::limit_exceeded, "max_file_name_octets"},
      {"a type that goes on", [](auto& m, auto&) { m.attachments = {attachment("x", "text/plain\r\nX: y")}; },
       Errc::invalid_argument, "goes on without a semicolon"},
      {"no subtype", [](auto& m, auto&) { m.attachments = {attachment("x", "text")}; }, Errc::invalid_argument,
       "no type and subtype"},
      {"a parameter without a value", [](auto& m, auto&) { m.attachments = {attachment("x", "text/plain; charset")}; },
       Errc::invalid_argument, "name=value"},
      {"an open quote", [](auto& m, auto&) { m.attachments = {attachment("x", "text/plain; a=\"b")}; },
       Errc::invalid_argument, "name=value"},
      {"a second name", [](auto& m, auto&) { m.attachments = {attachment("x", "text/plain; NAME=y")}; },
       Errc::invalid_argument, "file_name is for"},
      {"a multipart", [](auto& m, auto&) { m.attachments = {attachment("x", "multipart/mixed; boundary=a")}; },
       Errc::invalid_argument, "several parts"},
      {"an image without HTML", [](auto& m, auto&) { m.attachments = {attachment("x", "image/png", "a@b")}; },
       Errc::invalid_argument, "the message has none"},
      {"an image's id",
       [](auto& m, auto&) {
         m.html = "x";
         m.attachments = {attachment("x", "image/png", "logo")};
       },
       Errc::invalid_argument, "the content_id \"logo\" is not left@right"},
      {"a message with line feeds",
       [](auto& m, auto&) { m.attachments = {attachment("x", "message/rfc822", "", "A: b\n\nc")}; },
       Errc::invalid_argument, "a line end that is not CRLF at octet 4"},
      {"a message with 8-bit octets",
       [](auto& m, auto&) { m.attachments = {attachment("x", "message/rfc822", "", "A: b\r\n\r\n\xfc")}; },
       Errc::invalid_argument, "set eight_bit"},
      {"a message with a long line",
       [](auto& m, auto&) { m.attachments = {attachment("x", "message/rfc822", "", std::string(999, 'x'))}; },
       Errc::invalid_argument, "more than 998 octets"},
      {"many addresses", [](auto& m, auto&) { m.cc.assign(1'001, m.to.front()); }, Errc::limit_exceeded,
       "max_addresses"},
      {"many attachments", [](auto& m, auto&) { m.attachments.assign(1'001, attachment("x")); }, Errc::limit_exceeded,
       "max_attachments"},
      {"a large message",
       [](auto& m, auto& o) {
         m.attachments = {attachment("x")};
         o.max_octets = 3;
       },
       Errc::limit_exceeded, "max_octets"},
      {"a message that is large with its header", [](auto&, auto& o) { o.max_octets = 100; }, Errc::limit_exceeded,
       "the message has 268 octets; at most 100 are allowed (max_octets)"},
      {"a large header",
       [](auto& m, auto&) {
         for (int i = 0; i < 300; ++i) m.fields.push_back({"X-Large", std::string(899, 'x')});
       },
       Errc::limit_exceeded, "max_header_octets"},
  };
  for (const Refusal& one : table) {
    Message message = small_message();
    ComposeOptions options = fixed_options();
    one.change(message, options);
    const auto composed = compose(message, options);
    ASSERT_FALSE(composed.ok()) << one.what;
    EXPECT_EQ(composed.error().code, one.code) << one.what << ": " << composed.error().text;
    EXPECT_THAT(composed.error().text, HasSubstr(one.says)) << one.what;
    EXPECT_EQ(composed.error().text.find_first_of("\r\n"), std::string::npos) << one.what;
  }
}

TEST(ComposeRefuses, NothingThatIsMerelyUnusual) {
  Message message = small_message();
  message.subject = "\u202egpj.exe \U0001F600 \u0627\u0644\u0639\u0631\u0628\u064a\u0629";
  message.text = "a\x01\x7f\x1b[31mred\f";  // control characters that a text may hold
  message.attachments = {attachment("\u202egpj.exe"), attachment(""),
                         attachment("x", "text/plain;a=\"b \\\" c\" ; d=e")};
  message.fields = {{"X-Empty", ""}, {"X-\x21", "  trimmed  "}};
  const auto composed = compose(message, fixed_options());
  ASSERT_TRUE(composed.ok()) << composed.error().text;
  EXPECT_THAT(composed->octets, HasSubstr("X-!: trimmed\r\n"));
  EXPECT_THAT(composed->octets, HasSubstr("X-Empty:\r\n"));
}

}  // namespace
}  // namespace sendconn::mime
