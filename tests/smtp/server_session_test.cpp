// The server session: every refusal's dialogue, every pair of phase and command, and what input in pieces changes
// (nothing).
#include <gtest/gtest.h>

#include "lib/base/ascii.hpp"
#include "lib/smtp/command_table.hpp"
#include "lib/smtp/replies.hpp"
#include "tests/smtp/drive.hpp"
#include "tests/smtp/server_scene.hpp"

namespace sendconn::smtp::test {
namespace {

using namespace std::string_literals;

/// The options that replies.hpp names for its dialogues.
ServerOptions example_options() {
  ServerOptions options;
  options.hostname = "mx.example";
  options.max_message_octets = 1000;
  options.max_recipients = 2;
  options.max_command_octets = 200;
  options.max_auth_octets = 300;
  options.max_line_octets = 300;
  options.offer_starttls = true;
  options.max_auth_failures = 3;
  options.max_errors = 5;
  options.max_idle_commands = 5;
  return options;
}

std::string replace_all(std::string text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

std::string dialogue_input(std::string_view dialogue) {
  std::string text = replace_all(lines(dialogue), "{long}", std::string(400, 'x'));
  return replace_all(replace_all(text, "\\n", "\n"), "\\0", "\0"s);
}

// ── The table of refusals ──────────────────────────────────────────────────────────────────────────────────────────

TEST(RefusalsTest, EveryDialogueEndsInItsReply) {
  const ServerOptions with = example_options();
  for (const CannedReply* canned : replies::all) {
    if (canned->dialogue.empty()) {
      EXPECT_TRUE(canned == &replies::timed_out || canned == &replies::logged_in) << canned->text;
      continue;
    }
    const std::string input = dialogue_input(canned->dialogue);
    ServerDriver driver(with);
    enter(driver, canned->scene);
    driver.feed(input);
    const std::string text(canned->text.substr(0, canned->text.find("{}")));
    const std::string start_of_reply = Reply{canned->code, canned->enhanced, text}.format();
    EXPECT_TRUE(last_reply(driver.record.output).starts_with(start_of_reply.substr(0, start_of_reply.size() - 2)))
        << "dialogue: " << canned->dialogue << "\nwanted: " << start_of_reply << "got: " << driver.record.output;
    EXPECT_EQ(driver.record.output.find("{}"), std::string::npos);
    EXPECT_EQ(driver.record.closed, canned->code == 421 || canned->code == 221) << canned->text;

    for (std::size_t cut = 1; cut < input.size(); ++cut) {
      ServerDriver pieces(with);
      enter(pieces, canned->scene);
      pieces.feed(input, {cut});
      ASSERT_EQ(pieces.record, driver.record) << canned->dialogue << " cut at " << cut;
    }
  }
}

TEST(RefusalsTest, EveryReplyIsWellFormed) {
  for (const CannedReply* canned : replies::all) {
    EXPECT_TRUE(canned->enhanced.empty() || canned->enhanced.klass == canned->code / 100) << canned->text;
    EXPECT_LE(canned->text.size(), 120U);
    EXPECT_NE(canned->text.back(), '.') << canned->text;
  }
}

// ── Phase and command ──────────────────────────────────────────────────────────────────────────────────────────────

struct Row {
  const char* command;
  // The codes in: fresh without TLS, fresh with TLS, ready with TLS, ready and logged in, mail, rcpt.
  int codes[6];
};

const Row rows[] = {
    {"MAIL FROM:<a@example.org>", {530, 530, 530, 250, 503, 503}},
    {"RCPT TO:<b@example.org>", {503, 503, 503, 503, 250, 250}},
    {"DATA", {503, 503, 503, 503, 554, 354}},
    {"EHLO c.example", {250, 250, 250, 250, 250, 250}},
    {"HELO c.example", {250, 250, 250, 250, 250, 250}},
    {"STARTTLS", {220, 503, 503, 503, 503, 503}},
    {"AUTH PLAIN", {538, 503, 334, 503, 503, 503}},
    {"RSET", {250, 250, 250, 250, 250, 250}},
    {"NOOP", {250, 250, 250, 250, 250, 250}},
    {"VRFY someone", {252, 252, 252, 252, 252, 252}},
    {"HELP", {214, 214, 214, 214, 214, 214}},
    {"EXPN list", {502, 502, 502, 502, 502, 502}},
    {"BDAT 10 LAST", {502, 502, 502, 502, 502, 502}},
    {"ETRN x", {502, 502, 502, 502, 502, 502}},
    {"XCLIENT NAME=x", {502, 502, 502, 502, 502, 502}},
    {"XFORWARD NAME=x", {502, 502, 502, 502, 502, 502}},
    {"QUIT", {221, 221, 221, 221, 221, 221}},
    {"GET / HTTP/1.1", {421, 421, 421, 421, 421, 421}},
    {"POST /", {421, 421, 421, 421, 421, 421}},
    {"PUT /", {421, 421, 421, 421, 421, 421}},
    {"CONNECT x:25", {421, 421, 421, 421, 421, 421}},
    {"WHAT", {500, 500, 500, 500, 500, 500}},
    {"", {500, 500, 500, 500, 500, 500}},
};

void enter_phase(ServerDriver& driver, int phase) {
  enter(driver, phase == 0 ? Scene::clear : phase <= 2 ? Scene::encrypted : Scene::logged_in);
  if (phase == 2) driver.feed("EHLO c.example\r\n");
  if (phase >= 4) driver.feed("MAIL FROM:<a@example.org>\r\n");
  if (phase >= 5) driver.feed("RCPT TO:<b@example.org>\r\n");
  driver.record = Record{};
}

TEST(CommandTableTest, EveryCommandInEveryPhase) {
  const ServerOptions with = options();
  for (const Row& row : rows) {
    for (int phase = 0; phase < 6; ++phase) {
      ServerDriver driver(with);
      enter_phase(driver, phase);
      driver.feed(std::string(row.command) + "\r\n");
      ASSERT_GE(driver.record.output.size(), 5U) << row.command;
      EXPECT_EQ(driver.record.output.substr(0, 3), std::to_string(row.codes[phase]))
          << "'" << row.command << "' in phase " << phase << ": " << driver.record.output;
    }
  }
}

TEST(CommandTableTest, TheTestHasEveryRowOfTheTable) {
  for (const CommandRule& rule : command_rules) {
    bool found = false;
    for (const Row& row : rows) found |= std::string_view(row.command).starts_with(rule.name);
    EXPECT_TRUE(found) << rule.name;
  }
}

TEST(CommandTableTest, ResetEndsATransactionAndTellsOf) {
  const ServerOptions with = options();
  for (int phase = 1; phase < 6; ++phase) {
    for (const char* command : {"RSET", "EHLO c.example", "HELO c.example", "QUIT"}) {
      ServerDriver driver(with);
      enter_phase(driver, phase);
      driver.feed(command + "\r\n"s);
      const bool told = !driver.record.events.empty() && driver.record.events.front().starts_with("Reset");
      EXPECT_EQ(told, phase >= 4) << command << " in phase " << phase << driver.record;
    }
  }
}

TEST(CommandTableTest, CommandsAreReadWithoutRegardToCaseAndWithWhiteSpaceBehind) {
  const ServerOptions with = options();
  ServerDriver driver(with);
  enter(driver, Scene::logged_in);
  driver.feed("mail from: <a@example.org>  size=10 \t\r\nrCpT tO:<b@example.org> \r\nData \r\nx\r\n.\r\nquit\t\r\n");
  const std::vector<std::string> expected = {
      "Mail a@example.org SIZE=10",      "Rcpt b@example.org", "DataStart", "Content", "MessageEnd 3",
      "Closed orderly 221 2.0.0 Goodbye"};
  EXPECT_EQ(driver.record.events, expected);
}

// ── Input in pieces ────────────────────────────────────────────────────────────────────────────────────────────────

/// Flights of input: each is fed whole, or cut; what follows STARTTLS begins a new flight, for it is encrypted.
struct Dialogue {
  const char* name;
  Scene scene;
  std::vector<std::string> flights;
};

const std::vector<Dialogue>& corpus() {
  static const std::vector<Dialogue> made = {
      {"pipelined transaction",
       Scene::logged_in,
       {"MAIL FROM:<a@example.org> SIZE=20 BODY=8BITMIME\r\nRCPT TO:<b@example.org>\r\nRCPT TO:<denied@example.org>\r\n"
        "DATA\r\nSubject: \xc3\xa4\r\n\r\n..dot\r\n.\r\nQUIT\r\n"}},
      {"whole session",
       Scene::clear,
       {"EHLO c.example\r\nSTARTTLS\r\n",
        "EHLO c.example\r\n" + plain_login +
            "MAIL FROM:<>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n.\r\nRSET\r\nNOOP\r\nQUIT\r\n"}},
      {"login and messages that are refused",
       Scene::encrypted,
       {"EHLO c.example\r\nAUTH LOGIN\r\ndXNlcg==\r\nd3Jvbmc=\r\nAUTH LOGIN dXNlcg==\r\ncGVuY2ls\r\n"
        "MAIL FROM:<denied@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n"
        "MAIL FROM:<nodata@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nFrom: x\r\n.\r\nRSET\r\n"
        "MAIL FROM:<nomessage@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nFrom: x\r\n.\r\nQUIT\r\n"}},
      {"scram",
       Scene::encrypted,
       {"EHLO c.example\r\nAUTH SCRAM-SHA-256 biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=\r\n"
        "Yz1iaXdzLHI9ck9wck5HZndFYmVSV2diTkVrcU8laHZZRHBXVWEyUmFUQ0FmdXhGSWxqKWhObEYkazAscD1kSHpiWmFwV0lrNGpVaE4rVXRlOX"
        "l0YWc5empmTUhnc3FtbWl6N0FuZFZRPQ==\r\n\r\nNOOP\r\n"}},
      {"lines that are none",
       Scene::clear,
       {"NOOP\nMAIL FROM:<x@example.org>\r\nNOOP \0x\r\nNO\rOP\r\n"s + std::string(3000, 'x') +
        "\nNOOP\r\nNOOP\r\n\r\n"}},
      {"large content",
       Scene::logged_in,
       {"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n" +
        replace_all(std::string(40, '#'), "#", "a line of content\r\n..\r\n") + ".\r\nRSET\r\n"}},
      {"bare newlines and more",
       Scene::logged_in,
       {"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nab\ncd\r\n.\n\r\n.\r\nRSET\r\n"
        "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nab\0cd\r\n.\r\nQUIT\r\n"s}},
  };
  return made;
}

Record play(const Dialogue& dialogue, const ServerOptions& with, std::size_t cut, std::size_t step) {
  ServerDriver driver(with);
  enter(driver, dialogue.scene);
  for (const std::string& flight : dialogue.flights) {
    std::vector<std::size_t> cuts;
    if (step != 0) {
      for (std::size_t at = step; at < flight.size(); at += step) cuts.push_back(at);
    } else if (cut != 0 && cut < flight.size()) {
      cuts.push_back(cut);
    }
    driver.feed(flight, cuts);
  }
  return driver.record;
}

TEST(PiecesTest, EveryCutGivesTheSameEventsAndOutput) {
  for (const BareNewlines policy : {BareNewlines::refuse, BareNewlines::normalize}) {
    ServerOptions with = options();
    with.bare_newlines = policy;
    for (const Dialogue& dialogue : corpus()) {
      const Record whole = play(dialogue, with, 0, 0);
      EXPECT_GT(whole.events.size() + whole.output.size(), 2U);
      std::size_t longest = 0;
      for (const std::string& flight : dialogue.flights) longest = std::max(longest, flight.size());
      for (std::size_t cut = 1; cut < longest; ++cut) {
        ASSERT_EQ(play(dialogue, with, cut, 0), whole) << dialogue.name << " cut at " << cut;
      }
      for (const std::size_t step : {1U, 2U, 3U, 5U, 64U}) {
        ASSERT_EQ(play(dialogue, with, 0, step), whole) << dialogue.name << " in pieces of " << step;
      }
    }
  }
}

TEST(PiecesTest, TheCorpusMeansWhatItSays) {
  const ServerOptions with = options();
  const Record pipelined = play(corpus()[0], with, 0, 0);
  const std::vector<std::string> expected = {"Mail a@example.org 8BITMIME SIZE=20",
                                             "Rcpt b@example.org",
                                             "Rcpt denied@example.org",
                                             "DataStart",
                                             "Content",
                                             "MessageEnd 21 eight_bit",
                                             "Closed orderly 221 2.0.0 Goodbye"};
  EXPECT_EQ(pipelined.events, expected);
  EXPECT_EQ(pipelined.content, "Subject: \xc3\xa4\r\n\r\n.dot\r\n");
  EXPECT_EQ(pipelined.output,
            "250 2.1.0 sender\r\n250 2.1.5 recipient\r\n550 5.1.1 recipient denied\r\n354 go\r\n"
            "250 2.0.0 queued\r\n221 2.0.0 Goodbye\r\n");

  const Record scram = play(corpus()[3], with, 0, 0);
  EXPECT_EQ(scram.events.back(), "LoginDone user ok");
  EXPECT_TRUE(scram.output.ends_with("235 2.7.0 Authentication succeeded\r\n250 2.0.0 OK\r\n")) << scram;
}

// ── Hostile input 1: ends of a message that are none ───────────────────────────────────────────────────────────────

TEST(SmugglingTest, OnlyTheTrueEndEndsTheMessage) {
  const std::string ends[] = {"\n.\n"s,   "\n.\r"s,   "\r.\n"s,       "\r.\r"s,       "\n.\r\n"s,     "\r.\r\n"s,
                              "\r\n.\n"s, "\r\n.\r"s, "\r\n\0.\r\n"s, "\r\n.\0\r\n"s, "\r\n.\r\r\n"s, "\r\r\n.\r\r\n"s};
  for (const BareNewlines policy : {BareNewlines::refuse, BareNewlines::normalize}) {
    ServerOptions with = options();
    with.bare_newlines = policy;
    for (const std::string& end : ends) {
      const std::string input =
          "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nSubject: x\r\n\r\nbody" + end +
          "MAIL FROM:<evil@example.org>\r\nRCPT TO:<victim@example.org>\r\nDATA\r\n" + "smuggled\r\n.\r\nNOOP\r\n";
      for (std::size_t cut = 0; cut < input.size(); ++cut) {
        ServerDriver driver(with);
        enter(driver, Scene::logged_in);
        driver.feed(input, {cut});
        const bool has_nul = end.find('\0') != std::string::npos;
        const bool refused = policy == BareNewlines::refuse || has_nul;
        const std::string mailed = "Mail evil@example.org";
        ASSERT_EQ(std::count(driver.record.events.begin(), driver.record.events.end(), mailed), 0)
            << testing::PrintToString(end) << driver.record;
        ASSERT_TRUE(driver.record.output.ends_with("250 2.0.0 OK\r\n")) << driver.record;
        ASSERT_EQ(driver.record.output.find("\r\n554 5.6.0 ") != std::string::npos, refused)
            << testing::PrintToString(end) << driver.record;
        if (refused) {
          ASSERT_TRUE(driver.record.events.back().starts_with("Reset 554 5.6.0 ")) << driver.record;
        } else {
          ASSERT_NE(driver.record.content.find("smuggled"), std::string::npos);
          ASSERT_TRUE(driver.record.events.back().starts_with("MessageEnd ")) << driver.record;
        }
      }
    }
  }
}

// ── Hostile input 2: sequences ─────────────────────────────────────────────────────────────────────────────────────

TEST(SequenceTest, ContentBehindARefusedDataIsReadAsCommands) {
  const ServerOptions with = options();
  ServerDriver driver(with);
  enter(driver, Scene::logged_in);
  driver.feed("MAIL FROM:<a@example.org>\r\nRCPT TO:<denied@example.org>\r\nDATA\r\nFrom: x\r\n.\r\nNOOP\r\n");
  EXPECT_EQ(driver.record.output,
            "250 2.1.0 sender\r\n550 5.1.1 recipient denied\r\n554 5.5.1 No valid recipients\r\n"
            "500 5.5.1 Command not recognized, HELP lists what is\r\n"
            "500 5.5.1 Command not recognized, HELP lists what is\r\n250 2.0.0 OK\r\n");
}

TEST(SequenceTest, ARefusedMessageLeavesNoTransaction) {
  const ServerOptions with = options();
  ServerDriver driver(with);
  enter(driver, Scene::logged_in);
  driver.feed(
      "MAIL FROM:<nomessage@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nx\r\n.\r\nRCPT TO:<b@example.org>\r\n");
  EXPECT_TRUE(driver.record.output.ends_with("550 5.7.1 message denied\r\n503 5.5.1 Say MAIL first\r\n"));
}

TEST(SequenceTest, EmptyMessageAndLeadingDots) {
  const ServerOptions with = options();
  ServerDriver driver(with);
  enter(driver, Scene::logged_in);
  driver.feed(
      "MAIL FROM:<>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n.\r\n"
      "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n..\r\n...x\r\n.\r\n");
  const std::vector<std::string> expected = {"Mail <>",
                                             "Rcpt b@example.org",
                                             "DataStart",
                                             "MessageEnd 0",
                                             "Mail a@example.org",
                                             "Rcpt b@example.org",
                                             "DataStart",
                                             "Content",
                                             "MessageEnd 8"};
  EXPECT_EQ(driver.record.events, expected);
  EXPECT_EQ(driver.record.content, ".\r\n..x\r\n");
}

TEST(SequenceTest, ADecisionStopsTheInput) {
  const ServerOptions with = options();
  ServerDriver driver(with);
  enter(driver, Scene::logged_in);
  driver.answer = false;
  const std::string input = "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\n";
  const std::size_t used = driver.session.feed(input, start);
  EXPECT_EQ(used, 27U) << "up to the end of MAIL";
  driver.take_events();
  EXPECT_EQ(driver.session.feed(input, start), 0U);
  EXPECT_TRUE(std::holds_alternative<Paused>(driver.session.next_event()));
  EXPECT_FALSE(driver.session.next_deadline()) << "the driver's time is not the client's";
  driver.session.reply(Reply{250, {2, 1, 0}, "yes"}, start);
  EXPECT_TRUE(std::holds_alternative<NeedInput>(driver.session.next_event()));
  driver.session.reply(Reply{550, {5, 1, 0}, "no"}, start);  // nothing is open
  EXPECT_EQ(driver.session.output(), "250 2.1.0 yes\r\n");
}

TEST(SequenceTest, AnyDecisionAnsweredWith421EndsTheSession) {
  const std::string input = "EHLO c.example\r\n" + plain_login +
                            "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nx\r\n.\r\nNOOP\r\n";
  const ServerOptions with = options();
  const std::size_t decisions[] = {0, 1, 2, 3, 4, 5};
  for (const std::size_t target : decisions) {
    ServerDriver driver(with);
    driver.session.set_tls();
    std::size_t seen = 0;
    driver.decide = [&](const ServerEvent& event) {
      const bool decision = std::holds_alternative<Greeting>(event) || std::holds_alternative<Login>(event) ||
                            std::holds_alternative<Mail>(event) || std::holds_alternative<Rcpt>(event) ||
                            std::holds_alternative<DataStart>(event) || std::holds_alternative<MessageEnd>(event);
      if (!decision || seen++ != target) return false;
      driver.session.reply(Reply{421, {4, 3, 2}, "going"}, start);
      return true;
    };
    driver.feed(input);
    EXPECT_TRUE(driver.record.closed);
    EXPECT_TRUE(driver.record.output.ends_with(target == 0 ? "421 going\r\n" : "421 4.3.2 going\r\n")) << driver.record;
    EXPECT_EQ(driver.record.events.back(), "Closed 421 4.3.2 going");
    const bool told = driver.record.events[driver.record.events.size() - 2].starts_with("Reset");
    EXPECT_EQ(told, target == 3 || target == 4) << target << driver.record;
  }
}

TEST(SequenceTest, TooManyRecipientsDoNotEndTheTransaction) {
  ServerOptions with = options();
  with.max_recipients = 3;
  with.max_errors = 2;
  ServerDriver driver(with);
  enter(driver, Scene::logged_in);
  std::string input = "MAIL FROM:<a@example.org>\r\n";
  for (int i = 0; i < 10; ++i) input += "RCPT TO:<b@example.org>\r\n";
  driver.feed(input + "DATA\r\nx\r\n.\r\n");
  EXPECT_EQ(std::count(driver.record.events.begin(), driver.record.events.end(), "Rcpt b@example.org"), 3);
  EXPECT_TRUE(
      driver.record.output.ends_with("452 4.5.3 Too many recipients, at most 3 in one transaction; send the "
                                     "rest in the next\r\n354 go\r\n250 2.0.0 queued\r\n"));
}

TEST(SequenceTest, RecipientsAreCountedByTransaction) {
  ServerOptions with = options();
  with.max_recipients = 2;
  ServerDriver driver(with);
  enter(driver, Scene::logged_in);
  const std::string envelope = "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nRCPT TO:<c@example.org>\r\n";
  driver.feed(envelope + "DATA\r\nx\r\n.\r\n" + envelope + "RSET\r\n" + envelope + "DATA\r\nx\ny\r\n.\r\n" + envelope +
              "EHLO c.example\r\n" + envelope);
  EXPECT_EQ(driver.record.output.find("452 "), std::string::npos) << driver.record;
}

TEST(SequenceTest, RefusedRecipientsDoNotCountAsErrors) {
  ServerOptions with = options();
  with.max_errors = 3;
  ServerDriver driver(with);
  enter(driver, Scene::logged_in);
  std::string input = "MAIL FROM:<a@example.org>\r\n";
  for (int i = 0; i < 30; ++i) input += "RCPT TO:<denied@example.org>\r\n";
  driver.feed(input + "NOOP\r\n");
  EXPECT_FALSE(driver.record.closed);
  EXPECT_TRUE(driver.record.output.ends_with("250 2.0.0 OK\r\n"));
}

TEST(SequenceTest, AMessageForgivesErrorsAndIdleCommands) {
  ServerOptions with = options();
  with.max_errors = 3;
  with.max_idle_commands = 3;
  ServerDriver driver(with);
  enter(driver, Scene::logged_in);
  const std::string message = "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nx\r\n.\r\n";
  for (int i = 0; i < 5; ++i) driver.feed("RCPT\r\nDATA\r\nRSET\r\nNOOP\r\n" + message);
  EXPECT_FALSE(driver.record.closed) << driver.record;
}

// ── Hostile input 4 and 6: size, octets, injection ─────────────────────────────────────────────────────────────────

TEST(ArgumentsTest, MailAndRcpt) {
  const std::string long_route = "MAIL FROM:<@" + std::string(60, 'a') + "." + std::string(60, 'b') + "." +
                                 std::string(60, 'c') + "." + std::string(60, 'd') + ":a@example.org>";
  const struct {
    const char* command;
    const char* result;  // an event, or the start of a reply
  } cases[] = {
      {"MAIL FROM:<>", "Mail <>"},
      {"MAIL FROM:<a@EXAMPLE.org>", "Mail a@example.org"},
      {"MAIL FROM:<@relay.example,@b.example:a@example.org>", "Mail a@example.org"},
      {"MAIL FROM:<@relay.example a@example.org>", "501 5.1.7 "},
      {"MAIL FROM:<\"a>b\\\" c\"@example.org>", "Mail \"a>b\\\" c\"@example.org"},
      {"MAIL FROM:<\"a\\\">b\"@example.org>", "Mail \"a\\\">b\"@example.org"},
      {"MAIL FROM:<a@example.org> SIZE=0", "Mail a@example.org SIZE=0"},
      {"MAIL FROM:<a@example.org> SIZE=52428800", "Mail a@example.org SIZE=52428800"},
      {"MAIL FROM:<a@example.org> SIZE=52428801", "552 5.3.4 "},
      {"MAIL FROM:<a@example.org> SIZE=99999999999999999999", "552 5.3.4 "},
      {"MAIL FROM:<a@example.org> SIZE=999999999999999999999", "501 5.5.4 "},
      {"MAIL FROM:<a@example.org> SIZE=", "501 5.5.4 "},
      {"MAIL FROM:<a@example.org> SIZE", "501 5.5.4 "},
      {"MAIL FROM:<a@example.org> SIZE=1 SIZE=2", "501 5.5.4 "},
      {"MAIL FROM:<a@example.org> SIZE=0x10", "501 5.5.4 "},
      {"MAIL FROM:<a@example.org> BODY=7BIT", "Mail a@example.org"},
      {"MAIL FROM:<a@example.org> BODY=8bitmime", "Mail a@example.org 8BITMIME"},
      {"MAIL FROM:<a@example.org> BODY=BINARYMIME", "501 5.5.4 "},
      {"MAIL FROM:<a@example.org> SMTPUTF8", "Mail a@example.org SMTPUTF8"},
      {"MAIL FROM:<a@example.org> SMTPUTF8=1", "501 5.5.4 "},
      {"MAIL FROM:<\xc3\xa4@example.org>", "553 5.6.7 "},
      {"MAIL FROM:<a@ex\xc3\xa4mple.org>", "553 5.6.7 "},
      {"MAIL FROM:<\xc3\xa4@example.org> SMTPUTF8", "Mail \xc3\xa4@example.org SMTPUTF8"},
      {"MAIL FROM:<\xff@example.org> SMTPUTF8", "501 5.1.7 "},
      {"MAIL FROM:<a@example.org> AUTH=<>", "Mail a@example.org AUTH=<>"},
      {"MAIL FROM:<a@example.org> AUTH=e+3Dmc2@example.com", "Mail a@example.org AUTH=e=mc2@example.com"},
      {"MAIL FROM:<a@example.org> AUTH=a+0D+0Ab", "501 5.5.4 "},
      {"MAIL FROM:<a@example.org> AUTH=a+4", "501 5.5.4 "},
      {"MAIL FROM:<a@example.org> ENVID=x", "555 5.5.4 "},
      {"MAIL FROM:<a@example.org>SIZE=1", "501 5.5.4 "},
      {"MAIL FROM:<a@example.org", "501 5.5.4 "},
      {"MAIL FROM:a@example.org", "501 5.5.4 "},
      {"MAIL", "501 5.5.4 "},
      {"MAIL TO:<a@example.org>", "501 5.5.4 "},
      {"MAIL FROM:<a@[192.0.2.1]>", "501 5.1.7 "},
      {"MAIL FROM:<a>", "501 5.1.7 "},
      {"MAIL FROM:<a b@example.org>", "501 5.1.7 "},
      {"MAIL FROM:< >", "501 5.1.7 "},
      {long_route.c_str(), "501 5.1.7 "},
      {"RCPT TO:<b@example.org>", "Rcpt b@example.org"},
      {"RCPT TO:<@a.example:b@example.org>", "Rcpt b@example.org"},
      {"RCPT TO:<>", "501 5.1.3 "},
      {"RCPT TO:<postmaster>", "550 5.1.2 "},
      {"RCPT TO:<PostMaster@example.org>", "Rcpt PostMaster@example.org"},
      {"RCPT TO:<b>", "501 5.1.3 "},
      {"RCPT TO:<b@[IPv6:2001:db8::1]>", "501 5.1.3 "},
      {"RCPT TO:<b@example.org> NOTIFY=NEVER", "555 5.5.4 "},
      {"RCPT TO:<b@example.org> =", "501 5.5.4 "},
      {"RCPT TO:<\xc3\xa4@example.org>", "553 5.6.7 "},
      {"RCPT FROM:<b@example.org>", "501 5.5.4 "},
  };
  const ServerOptions with = options();
  for (const auto& [command, result] : cases) {
    ServerDriver driver(with);
    enter(driver, Scene::logged_in);
    if (command[0] == 'R') driver.feed("MAIL FROM:<a@example.org>\r\n");
    driver.record = Record{};
    driver.feed(command + "\r\n"s);
    const bool refused = ascii::is_digit(result[0]);
    EXPECT_EQ(driver.record.events.empty(), refused) << command << driver.record;
    if (refused) {
      EXPECT_TRUE(driver.record.output.starts_with(result)) << command << ": " << driver.record.output;
    } else {
      EXPECT_EQ(driver.record.events.at(0), result) << command;
    }
    for (const char c : driver.record.output) EXPECT_FALSE(ascii::is_8bit(c)) << command;
  }
}

TEST(ArgumentsTest, ThePostmasterWithoutADomainIsThatOfTheDomainGiven) {
  ServerOptions with = options();
  with.postmaster_domain = *Domain::parse("example.net");
  ServerDriver driver(with);
  enter(driver, Scene::logged_in);
  for (const std::string spelled : {"postmaster", "Postmaster", "POSTMASTER"}) {
    driver.feed("MAIL FROM:<a@example.org>\r\nRCPT TO:<" + spelled + ">\r\n");
    EXPECT_EQ(driver.record.events.back(), "Rcpt postmaster@example.net");
    driver.feed("RSET\r\n");
  }
  driver.record = Record{};
  driver.feed("MAIL FROM:<a@example.org>\r\nRCPT TO:<hostmaster>\r\n");
  EXPECT_TRUE(driver.record.output.find("501 5.1.3 ") != std::string::npos) << driver.record.output;
}

TEST(ArgumentsTest, Utf8RecipientsNeedSmtputf8AtMail) {
  const ServerOptions with = options();
  ServerDriver driver(with);
  enter(driver, Scene::logged_in);
  driver.feed("MAIL FROM:<a@example.org> SMTPUTF8\r\nRCPT TO:<\xc3\xa4@example.org>\r\n");
  EXPECT_EQ(driver.record.events.back(), "Rcpt \xc3\xa4@example.org");
  driver.feed("RSET\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<\xc3\xa4@example.org>\r\n");
  EXPECT_TRUE(driver.record.output.ends_with("553 5.6.7 An address beyond ASCII needs SMTPUTF8 at MAIL\r\n"));
}

TEST(ArgumentsTest, ControlCharactersCannotInject) {
  const ServerOptions with = options();
  for (const std::string& evil : {"\n"s, "\r"s, "\0"s, "\x7f"s, "\x1b"s}) {
    for (const std::string& command :
         {"MAIL FROM:<a" + evil + "RCPT TO:<victim@example.org>", "MAIL FROM:<a@example.org> SIZE=1" + evil + "NOOP",
          "EHLO c" + evil + "X", "MAIL FROM:<a@example.org> AUTH=a" + evil}) {
      const std::string input = command + "\r\n";
      for (std::size_t cut = 0; cut < input.size(); ++cut) {
        ServerDriver driver(with);
        enter(driver, Scene::logged_in);
        driver.feed(input, {cut});
        ASSERT_TRUE(driver.record.events.empty()) << testing::PrintToString(command) << driver.record;
        ASSERT_TRUE(driver.record.output.starts_with("500 5.5.2 ")) << driver.record;
        ASSERT_EQ(driver.record.output.find("\r\n"), driver.record.output.size() - 2) << "one reply for one line";
      }
    }
  }
}

TEST(ArgumentsTest, HelloNames) {
  const struct {
    const char* argument;
    const char* name;  // nullptr: refused
  } cases[] = {{"client.example", "client.example"},
               {"[192.0.2.1]", "[192.0.2.1]"},
               {"[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"},
               {"my_host", "my_host"},
               {"host trailing words", "host"},
               {"", nullptr},
               {"a(b)", nullptr},
               {"<a>", nullptr},
               {"a;b", nullptr},
               {"h\xc3\xb6st", nullptr}};
  const ServerOptions with = options();
  for (const auto& [argument, name] : cases) {
    for (const char* verb : {"EHLO ", "HELO "}) {
      ServerDriver driver(with);
      enter(driver, Scene::clear);
      driver.feed(std::string(verb) + argument + "\r\n");
      EXPECT_EQ(driver.record.events.empty(), name == nullptr) << argument;
      EXPECT_EQ(driver.session.hello_name(), name == nullptr ? "" : name);
      EXPECT_EQ(driver.record.output.substr(0, 3), name == nullptr ? "501" : "250");
    }
  }
  ServerDriver driver(with);
  enter(driver, Scene::clear);
  driver.feed("EHLO " + std::string(256, 'a') + "\r\n");
  EXPECT_TRUE(driver.record.output.starts_with("501 5.5.4 ")) << "RFC 5321 section 4.5.3.1.2";
}

TEST(ArgumentsTest, EhloTellsWhatIsOfferedNow) {
  ServerOptions with = options();
  ServerDriver clear(with);
  enter(clear, Scene::clear);
  clear.feed("EHLO c.example\r\n");
  EXPECT_EQ(clear.record.output,
            "250-mx.example\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
            "250-ENHANCEDSTATUSCODES\r\n250-STARTTLS\r\n250 HELP\r\n")
      << "AUTH only where it may be used";
  clear.record.output.clear();
  clear.feed("STARTTLS\r\n");
  clear.feed("EHLO c.example\r\n");
  EXPECT_NE(clear.record.output.find("250-AUTH SCRAM-SHA-256 PLAIN LOGIN\r\n"), std::string::npos);
  EXPECT_EQ(clear.record.output.find("STARTTLS"), std::string::npos);

  with.mechanisms = 0;
  with.max_message_octets = 0;
  ServerDriver none(with);
  enter(none, Scene::encrypted);
  none.feed("EHLO c.example\r\nHELO c.example\r\n");
  EXPECT_EQ(none.record.output.find("AUTH"), std::string::npos);
  EXPECT_NE(none.record.output.find("250-SIZE\r\n"), std::string::npos);
  EXPECT_TRUE(none.record.output.ends_with("\r\n250 mx.example\r\n"));
}

TEST(BoundsTest, CommandLines) {
  const ServerOptions with = options();
  for (const std::size_t size : {2046U, 2047U, 2048U, 1'000'000U}) {
    ServerDriver driver(with);
    enter(driver, Scene::clear);
    driver.feed("NOOP " + std::string(size - 5, 'x') + "\r\nNOOP\r\n", {1, 2048});
    const bool fits = size + 2 <= 2048;
    EXPECT_EQ(driver.record.output,
              (fits ? "250 2.0.0 OK\r\n"s : "500 5.5.2 Command line too long, at most 2048 octets are taken\r\n"s) +
                  "250 2.0.0 OK\r\n")
        << size;
  }
}

TEST(BoundsTest, MessageSizeIsExactAndAFalseSizeDoesNotHelp) {
  ServerOptions with = options();
  with.max_message_octets = 1000;
  for (const std::size_t size : {998U, 999U, 1'000'000U}) {
    const std::string content = std::string(size, 'x') + "\r\n";
    ServerDriver driver(with);
    enter(driver, Scene::logged_in);
    driver.feed("MAIL FROM:<a@example.org> SIZE=10\r\nRCPT TO:<b@example.org>\r\nDATA\r\n" + content + ".\r\nNOOP\r\n");
    if (content.size() <= 1000) {
      EXPECT_EQ(driver.record.events.back(), "MessageEnd 1000");
    } else {
      EXPECT_EQ(driver.record.events.back(), "Reset 552 5.3.4 Message too large, at most 1000 octets are taken");
      EXPECT_EQ(driver.record.content.size(), 1000U) << "nothing beyond the limit reaches the driver";
      EXPECT_TRUE(driver.record.output.ends_with(
          "354 go\r\n552 5.3.4 Message too large, at most 1000 octets are taken\r\n250 2.0.0 OK\r\n"));
    }
  }
}

TEST(BoundsTest, LongLinesOfTheMessageAreTakenUnlessBounded) {
  for (const std::size_t bound : {0U, 998U}) {
    ServerOptions with = options();
    with.max_line_octets = bound;
    for (const std::size_t size : {998U, 1000U, 1'000'000U}) {
      ServerDriver driver(with);
      enter(driver, Scene::logged_in);
      driver.feed("MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n" + std::string(size, 'x') +
                  "\r\n.\r\n");
      const bool fits = bound == 0 || size <= bound;
      EXPECT_EQ(driver.record.output.find("554 5.6.0") == std::string::npos, fits) << bound << " " << size;
    }
  }
}

// ── Time and ends ──────────────────────────────────────────────────────────────────────────────────────────────────

using std::chrono::seconds;

TEST(DeadlineTest, OfTheNextCommand) {
  const ServerOptions with = options();
  ServerDriver driver(with);
  EXPECT_FALSE(driver.session.next_deadline()) << "the greeting is a decision";
  enter(driver, Scene::clear);
  EXPECT_EQ(driver.session.next_deadline(), start + seconds(300));
  driver.now = start + seconds(100);
  driver.feed("NOO");
  EXPECT_EQ(driver.session.next_deadline(), start + seconds(300)) << "octets alone do not help";
  driver.feed("P\r\n");
  EXPECT_EQ(driver.session.next_deadline(), start + seconds(400));
  driver.session.on_time(start + seconds(399));
  EXPECT_TRUE(std::holds_alternative<NeedInput>(driver.session.next_event()));
  driver.session.on_time(start + seconds(400));
  driver.take_events();
  driver.take_output();
  EXPECT_TRUE(driver.record.output.ends_with("421 4.4.2 Nothing came in time, closing\r\n"));
  EXPECT_EQ(driver.record.events.back(), "Closed 421 4.4.2 Nothing came in time, closing");
  EXPECT_FALSE(driver.session.next_deadline());
}

TEST(DeadlineTest, OfTheMessage) {
  const ServerOptions with = options();
  ServerDriver driver(with);
  enter(driver, Scene::logged_in);
  driver.feed("MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n");
  EXPECT_EQ(driver.session.next_deadline(), start + seconds(180));
  driver.now = start + seconds(100);
  driver.feed("x");
  EXPECT_EQ(driver.session.next_deadline(), start + seconds(180)) << "an octet now and then does not help";
  driver.feed(std::string(ServerOptions::min_data_progress, 'x'));
  EXPECT_EQ(driver.session.next_deadline(), start + seconds(280));
  driver.now = start + seconds(110);
  driver.feed("x");
  EXPECT_EQ(driver.session.next_deadline(), start + seconds(280));
  driver.session.on_time(start + seconds(280));
  driver.take_events();
  EXPECT_TRUE(driver.record.closed);
  EXPECT_TRUE(driver.record.events[driver.record.events.size() - 2].starts_with("Reset 421 4.4.2")) << driver.record;
}

TEST(DeadlineTest, OfTheHandshake) {
  const ServerOptions with = options();
  ServerDriver driver(with);
  enter(driver, Scene::clear);
  driver.session.feed("STARTTLS\r\n", start);
  driver.session.consumed_output(100);
  EXPECT_TRUE(std::holds_alternative<StartTls>(driver.session.next_event()));
  EXPECT_EQ(driver.session.next_deadline(), start + seconds(300));
  driver.session.on_time(start + seconds(300));
  EXPECT_TRUE(driver.session.output().empty()) << "nothing is said in the clear behind 220";
  EXPECT_TRUE(std::holds_alternative<Closed>(driver.session.next_event()));
}

TEST(ShutDownTest, OutsideAMessageAtOnce) {
  const ServerOptions with = options();
  for (int phase = 0; phase < 6; ++phase) {
    ServerDriver driver(with);
    enter_phase(driver, phase);
    driver.session.shut_down(Reply{421, {4, 3, 2}, "stopping"});
    driver.take_events();
    driver.take_output();
    EXPECT_EQ(driver.record.output, "421 4.3.2 stopping\r\n");
    EXPECT_EQ(driver.record.events.back(), "Closed 421 4.3.2 stopping");
    EXPECT_EQ(driver.record.events.size(), phase >= 4 ? 2U : 1U);
  }
}

TEST(ShutDownTest, InsideAMessageWhenItHasBeenAnswered) {
  const ServerOptions with = options();
  for (const bool at_decision : {false, true}) {
    ServerDriver driver(with);
    enter_phase(driver, 5);
    driver.feed("DATA\r\nx\r\n");
    if (!at_decision) driver.session.shut_down(Reply{421, {4, 3, 2}, "stopping"});
    driver.answer = false;
    driver.feed(".\r\n");
    if (at_decision) driver.session.shut_down(Reply{421, {4, 3, 2}, "stopping"});
    driver.session.reply(Reply{250, {2, 0, 0}, "queued"}, start);
    driver.take_events();
    driver.take_output();
    EXPECT_EQ(driver.record.output, "354 go\r\n250 2.0.0 queued\r\n421 4.3.2 stopping\r\n");
    EXPECT_EQ(driver.record.events.back(), "Closed 421 4.3.2 stopping");
  }
}

TEST(ShutDownTest, AnEndedTransactionIsToldAllTheSame) {
  const ServerOptions with = options();
  for (const bool by_time : {false, true}) {
    ServerDriver driver(with);
    enter_phase(driver, 5);
    driver.session.feed("RSET\r\n", start);
    if (by_time) {
      driver.session.on_time(start + std::chrono::hours(1));
    } else {
      driver.session.shut_down(Reply{421, {4, 3, 2}, "stopping"});
    }
    EXPECT_TRUE(std::holds_alternative<Reset>(driver.session.next_event()));
    EXPECT_TRUE(std::holds_alternative<Closed>(driver.session.next_event()));
  }
}

TEST(ShutDownTest, WhatWasNotToldYetIsToldNoMore) {
  const ServerOptions with = options();
  for (const char* command : {"EHLO c.example\r\n", "STARTTLS\r\n"}) {
    ServerDriver shut(with);
    enter(shut, Scene::clear);
    shut.session.feed(command, start);
    shut.session.shut_down(Reply{421, {4, 3, 2}, "stopping"});
    EXPECT_TRUE(std::holds_alternative<Closed>(shut.session.next_event())) << command;
  }
  ServerDriver lost(with);
  enter(lost, Scene::clear);
  lost.session.feed("STARTTLS\r\n", start);
  lost.session.input_closed();
  EXPECT_TRUE(std::holds_alternative<Closed>(lost.session.next_event())) << "nobody is left to shake hands with";
}

TEST(LossTest, TellsOfATransactionAndNotOfAStoredMessage) {
  const ServerOptions with = options();
  for (int phase = 0; phase < 6; ++phase) {
    ServerDriver driver(with);
    enter_phase(driver, phase);
    driver.session.input_closed();
    driver.take_events();
    EXPECT_EQ(driver.record.events.size(), phase >= 4 ? 2U : 1U) << phase;
    EXPECT_EQ(driver.record.events.back(), "Closed 0");
  }
  ServerDriver driver(with);
  enter_phase(driver, 5);
  driver.answer = false;
  driver.decide = [&](const ServerEvent& event) {
    if (std::holds_alternative<DataStart>(event)) driver.session.reply(Reply{354, {}, "go"}, start);
    return true;
  };
  driver.feed("DATA\r\nx\r\n.\r\n");
  driver.session.input_closed();
  EXPECT_TRUE(std::holds_alternative<Paused>(driver.session.next_event())) << "the answer is still awaited";
  driver.session.reply(Reply{250, {2, 0, 0}, "queued"}, start);
  EXPECT_TRUE(std::holds_alternative<Closed>(driver.session.next_event()));
}

}  // namespace
}  // namespace sendconn::smtp::test
