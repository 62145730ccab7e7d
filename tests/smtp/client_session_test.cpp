// The client session against scripted servers: what each reply, at each place, makes of it.
#include <gtest/gtest.h>

#include "lib/base/base64.hpp"
#include "tests/smtp/drive.hpp"

namespace sendconn::smtp::test {
namespace {

using std::chrono::seconds;
using namespace std::string_literals;
using Events = std::vector<std::string>;

constexpr std::string_view message = "Subject: x\r\n\r\n.dot\r\n";
constexpr std::string_view sent_message = "Subject: x\r\n\r\n..dot\r\n.\r\n";

ClientOptions options() {
  ClientOptions out;
  out.hello_name = "client.example";
  out.tls = TlsMode::off;
  out.nonce = client_nonce;
  return out;
}

const std::string greeting = "220 mx.example ESMTP\r\n";
const std::string pipelining = "250-mx.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n";
const std::string bare = "250 mx.example\r\n";

/// A client that has read `greeting` and `hello`, and sends `message` when it may.
struct Sender : ClientDriver {
  explicit Sender(const std::string& hello, ClientOptions with = options()) : ClientDriver(std::move(with)) {
    act = [this](const ClientEvent& event) {
      if (std::holds_alternative<SendContent>(event)) {
        session.content(message, now);
        session.end_content(now);
      }
    };
    feed(greeting + hello);
    EXPECT_EQ(record.events, Events{"Ready"}) << record;
    record = Record{};
  }

  void begin(const Envelope& what) {
    const Result<void> begun = session.begin(what, now);
    ASSERT_TRUE(begun) << begun.error().text;
    take_events();
  }
};

// ── The way to Ready ───────────────────────────────────────────────────────────────────────────────────────────────

struct Handshake {
  const char* name;
  const char* server;  // '|' separates lines; "[TLS]" is the end of a flight
  Events events;
  const char* output;
  ClientOptions with;
};

ClientOptions with_tls(TlsMode mode, std::uint8_t mechanisms = 0, bool allow_plaintext = false) {
  ClientOptions out = options();
  out.tls = mode;
  if (mechanisms != 0) {
    out.credentials = Credentials{std::string(user), std::string(password), mechanisms, allow_plaintext};
  }
  return out;
}

std::vector<Handshake> handshakes() {
  const char* const starttls = "220 hi|250-mx.example|250 STARTTLS";
  ClientOptions lmtp = options();
  lmtp.lmtp = true;
  ClientOptions bad_name = options();
  bad_name.hello_name = "a\r\nMAIL FROM:<x@example.org>";
  ClientOptions no_nonce = with_tls(TlsMode::implicit, 7);
  no_nonce.nonce.clear();
  return {
      {"plain", "220 hi|250 mx.example", {"Ready"}, "EHLO client.example|", options()},
      {"greeting of several lines",
       "220-hi|220-there|220 go|250 mx.example",
       {"Ready"},
       "EHLO client.example|",
       options()},
      {"fall back to HELO",
       "220 hi|502 what?|250 mx.example",
       {"Ready"},
       "EHLO client.example|HELO client.example|",
       options()},
      {"HELO refused",
       "220 hi|502 5.5.1 what?|550 5.7.1 go away",
       {"Failed 550 5.7.1 go away", "Closed 550 5.7.1 go away"},
       "EHLO client.example|HELO client.example|",
       options()},
      {"EHLO tempfails",
       "220 hi|451 4.3.0 later",
       {"Failed 451 4.3.0 later", "Closed 451 4.3.0 later"},
       "EHLO client.example|",
       options()},
      {"greeting refuses", "554 5.7.1 no", {"Failed 554 5.7.1 no", "Closed 554 5.7.1 no"}, "", options()},
      {"greeting tempfails", "450 4.7.0 busy", {"Failed 450 4.7.0 busy", "Closed 450 4.7.0 busy"}, "", options()},
      {"421 as greeting", "421 4.7.0 busy", {"Failed 421 4.7.0 busy", "Closed 421 4.7.0 busy"}, "", options()},
      {"421 to EHLO", "220 hi|421 bye", {"Failed 421 bye", "Closed 421 bye"}, "EHLO client.example|", options()},
      {"hello name cannot inject", "220 hi|250 mx", {"Ready"}, "EHLO aMAILFROM:<x@example.org>|", bad_name},
      {"LMTP", "220 hi|250 mx", {"Ready"}, "LHLO client.example|", lmtp},
      {"LMTP does not fall back",
       "220 hi|500 what",
       {"Failed 500 what", "Closed 500 what"},
       "LHLO client.example|",
       lmtp},
      {"TLS, then everything anew",
       "220 hi|250-mx.example|250-SIZE 5|250 STARTTLS|220 go[TLS]250 mx.example",
       {"StartTls", "Ready"},
       "EHLO client.example|STARTTLS|EHLO client.example|",
       with_tls(TlsMode::required)},
      {"opportunistic, refused",
       "220 hi|250-mx.example|250 STARTTLS|454 4.7.0 broken",
       {"Ready"},
       "EHLO client.example|STARTTLS|",
       with_tls(TlsMode::opportunistic)},
      {"opportunistic, not offered",
       "220 hi|250 mx.example",
       {"Ready"},
       "EHLO client.example|",
       with_tls(TlsMode::opportunistic)},
      {"required, refused",
       "220 hi|250-mx.example|250 STARTTLS|454 4.7.0 broken",
       {"Failed 454 4.7.0 broken", "Closed 454 4.7.0 broken"},
       "EHLO client.example|STARTTLS|",
       with_tls(TlsMode::required)},
      {"required, stripped on the way",
       "220 hi|250 mx.example",
       {"Failed local 451 4.7.10 TLS is required here, and the server does not offer STARTTLS",
        "Closed 451 4.7.10 TLS is required here, and the server does not offer STARTTLS"},
       "EHLO client.example|",
       with_tls(TlsMode::required)},
      {"required, HELO alone",
       "220 hi|500 what|250 mx.example",
       {"Failed local 451 4.7.10 TLS is required here, and the server does not offer STARTTLS",
        "Closed 451 4.7.10 TLS is required here, and the server does not offer STARTTLS"},
       "EHLO client.example|HELO client.example|",
       with_tls(TlsMode::required)},
      {"off, though offered", starttls, {"Ready"}, "EHLO client.example|", options()},
      {"421 to STARTTLS",
       "220 hi|250-mx.example|250 STARTTLS|421 bye",
       {"Failed 421 bye", "Closed 421 bye"},
       "EHLO client.example|STARTTLS|",
       with_tls(TlsMode::required)},

      {"PLAIN",
       "220 hi|250-mx|250 AUTH LOGIN PLAIN|235 2.7.0 in",
       {"Ready"},
       "EHLO client.example|AUTH PLAIN AHVzZXIAcGVuY2ls|",
       with_tls(TlsMode::implicit, 7)},
      {"LOGIN",
       "220 hi|250-mx|250 AUTH LOGIN|334 VXNlcm5hbWU6|334 UGFzc3dvcmQ6|235 2.7.0 in",
       {"Ready"},
       "EHLO client.example|AUTH LOGIN|dXNlcg==|cGVuY2ls|",
       with_tls(TlsMode::implicit, 7)},
      {"old form of AUTH",
       "220 hi|250-mx|250 AUTH=PLAIN|235 in",
       {"Ready"},
       "EHLO client.example|AUTH PLAIN AHVzZXIAcGVuY2ls|",
       with_tls(TlsMode::implicit, 7)},
      {"SCRAM is the strongest",
       "220 hi|250-mx|250 AUTH PLAIN LOGIN SCRAM-SHA-256|334 "
       "cj1yT3ByTkdmd0ViZVJXZ2JORWtxTyVodllEcFdVYTJSYVRDQWZ1eEZJbGopaE5sRiRrMCxzPVcyMlphSjBTTlk3c29Fc1VFamI2Z1E9PSxpPTQ"
       "w"
       "OTY=|334 dj02cnJpVFJCaTIzV3BSUi93dHVwK21NaFVaVW4vZEI1bkxUSlJzamw5NUc0PQ==|235 2.7.0 in",
       {"Ready"},
       "EHLO client.example|AUTH SCRAM-SHA-256 biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=|"
       "Yz1iaXdzLHI9ck9wck5HZndFYmVSV2diTkVrcU8laHZZRHBXVWEyUmFUQ0FmdXhGSWxqKWhObEYkazAscD1kSHpiWmFwV0lrNGpVaE4rVXRlOX"
       "l0YWc5empmTUhnc3FtbWl6N0FuZFZRPQ==||",
       with_tls(TlsMode::implicit, 7)},
      {"SCRAM needs no TLS, 535 is final",
       "220 hi|250-mx|250 AUTH PLAIN SCRAM-SHA-256|535 5.7.8 no",
       {"Failed 535 5.7.8 no", "Closed 535 5.7.8 no"},
       "EHLO client.example|AUTH SCRAM-SHA-256 biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=|",
       with_tls(TlsMode::off, 7)},
      {"another mechanism after 504",
       "220 hi|250-mx|250 AUTH PLAIN SCRAM-SHA-256|504 5.5.4 no|235 in",
       {"Ready"},
       "EHLO client.example|AUTH SCRAM-SHA-256 biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=|"
       "AUTH PLAIN AHVzZXIAcGVuY2ls|",
       with_tls(TlsMode::implicit, 7)},
      {"534 for the last mechanism",
       "220 hi|250-mx|250 AUTH PLAIN|534 5.7.9 weak",
       {"Failed 534 5.7.9 weak", "Closed 534 5.7.9 weak"},
       "EHLO client.example|AUTH PLAIN AHVzZXIAcGVuY2ls|",
       with_tls(TlsMode::implicit, 7)},
      {"no password in the clear",
       "220 hi|250-mx|250 AUTH PLAIN LOGIN",
       {"Failed local 451 4.7.0 the server offers no login mechanism that may be used here without TLS",
        "Closed 451 4.7.0 the server offers no login mechanism that may be used here without TLS"},
       "EHLO client.example|",
       with_tls(TlsMode::opportunistic, 7)},
      {"in the clear if allowed",
       "220 hi|250-mx|250 AUTH PLAIN|235 in",
       {"Ready"},
       "EHLO client.example|AUTH PLAIN AHVzZXIAcGVuY2ls|",
       with_tls(TlsMode::off, 7, true)},
      {"no login offered",
       "220 hi|250 mx",
       {"Failed local 451 4.7.0 the server offers no login mechanism that may be used here",
        "Closed 451 4.7.0 the server offers no login mechanism that may be used here"},
       "EHLO client.example|",
       with_tls(TlsMode::implicit, 7)},
      {"SCRAM without a nonce is not used",
       "220 hi|250-mx|250 AUTH SCRAM-SHA-256 PLAIN|235 in",
       {"Ready"},
       "EHLO client.example|AUTH PLAIN AHVzZXIAcGVuY2ls|",
       no_nonce},
      {"235 before the server proved itself",
       "220 hi|250-mx|250 AUTH SCRAM-SHA-256|235 2.7.0 in",
       {"Failed local 451 4.7.0 the server let us in without proving that it knows the user (RFC 5802 section 3)",
        "Closed 451 4.7.0 the server let us in without proving that it knows the user (RFC 5802 section 3)"},
       "EHLO client.example|AUTH SCRAM-SHA-256 biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=|",
       with_tls(TlsMode::implicit, 4)},
      {"a server that proves nothing",
       "220 hi|250-mx|250 AUTH SCRAM-SHA-256|334 "
       "cj1yT3ByTkdmd0ViZVJXZ2JORWtxTyVodllEcFdVYTJSYVRDQWZ1eEZJbGopaE5sRiRrMCxzPVcyMlphSjBTTlk3c29Fc1VFamI2Z1E9PSxpPTQ"
       "w"
       "OTY=|334 dj0=",
       {"Failed local 451 4.7.0 login failed: SCRAM: the server did not prove that it knows the user's verifier (RFC "
        "5802 section 5.1)",
        "Closed 451 4.7.0 login failed: SCRAM: the server did not prove that it knows the user's verifier (RFC 5802 "
        "section 5.1)"},
       nullptr,
       with_tls(TlsMode::implicit, 4)},
      {"the proof again and again",
       "220 hi|250-mx|250 AUTH SCRAM-SHA-256|334 "
       "cj1yT3ByTkdmd0ViZVJXZ2JORWtxTyVodllEcFdVYTJSYVRDQWZ1eEZJbGopaE5sRiRrMCxzPVcyMlphSjBTTlk3c29Fc1VFamI2Z1E9PSxpPTQ"
       "w"
       "OTY=|334 dj02cnJpVFJCaTIzV3BSUi93dHVwK21NaFVaVW4vZEI1bkxUSlJzamw5NUc0PQ==|334 "
       "dj02cnJpVFJCaTIzV3BSUi93dHVwK21NaFVaVW4vZEI1bkxUSlJzamw5NUc0PQ==",
       {"Failed local 451 4.7.0 login failed: the server asks for more than SCRAM-SHA-256 has",
        "Closed 451 4.7.0 login failed: the server asks for more than SCRAM-SHA-256 has"},
       nullptr,
       with_tls(TlsMode::implicit, 4)},
      {"a challenge that is none",
       "220 hi|250-mx|250 AUTH LOGIN|334 !!",
       {"Failed local 451 4.7.0 login failed: the challenge is not base64",
        "Closed 451 4.7.0 login failed: the challenge is not base64"},
       "EHLO client.example|AUTH LOGIN|",
       with_tls(TlsMode::implicit, 7)},
      {"one challenge too many",
       "220 hi|250-mx|250 AUTH PLAIN|334 |334 |334 ",
       {"Failed local 451 4.7.0 login failed: the server asks for more than PLAIN has",
        "Closed 451 4.7.0 login failed: the server asks for more than PLAIN has"},
       "EHLO client.example|AUTH PLAIN AHVzZXIAcGVuY2ls|",
       with_tls(TlsMode::implicit, 1)},

      {"not a reply",
       "HTTP/1.1 400 Bad",
       {"Failed local 451 4.5.0 not a reply: \"HTTP/1.1 400 Bad\" (RFC 5321 section 4.2)",
        "Closed 451 4.5.0 not a reply: \"HTTP/1.1 400 Bad\" (RFC 5321 section 4.2)"},
       "",
       options()},
      {"codes that differ",
       "220-hi|221 there",
       {"Failed local 451 4.5.0 not a reply: \"221 there\" (RFC 5321 section 4.2)",
        "Closed 451 4.5.0 not a reply: \"221 there\" (RFC 5321 section 4.2)"},
       "",
       options()},
      {"354 to EHLO",
       "220 hi|354 what",
       {"Failed local 451 4.5.0 unexpected reply to EHLO: 354 what",
        "Closed 451 4.5.0 unexpected reply to EHLO: 354 what"},
       "EHLO client.example|",
       options()},
  };
}

TEST(HandshakeTest, EveryScriptAtEveryCut) {
  for (const Handshake& h : handshakes()) {
    std::string server(h.server);
    std::string rest;
    if (const std::size_t tls = server.find("[TLS]"); tls != std::string::npos) {
      rest = lines(server.substr(tls + 5));
      server.resize(tls);
    }
    server = lines(server);
    std::string expected_output = h.output == nullptr ? "" : lines(h.output);
    if (!expected_output.empty()) expected_output.resize(expected_output.size() - 2);
    Record whole;
    for (std::size_t cut = 0; cut < server.size(); ++cut) {
      ClientDriver client(h.with);
      client.act = [&](const ClientEvent& event) {
        if (std::holds_alternative<StartTls>(event)) client.session.tls_started(start);
      };
      client.feed(server, {cut});
      if (!rest.empty()) client.feed(rest);
      if (cut == 0) {
        whole = client.record;
        EXPECT_EQ(whole.events, h.events) << h.name;
        EXPECT_TRUE(h.output == nullptr || whole.output == expected_output) << h.name << ": " << whole.output;
      }
      ASSERT_EQ(client.record, whole) << h.name << " cut at " << cut;
    }
  }
}

TEST(HandshakeTest, WhatComesBehindThe220OfStarttlsFailsTheSession) {
  const std::string server = greeting + "250-mx.example\r\n250 STARTTLS\r\n220 go\r\n250 injected\r\n";
  for (std::size_t cut = 0; cut < server.size(); ++cut) {
    ClientDriver client(with_tls(TlsMode::required));
    client.feed(server, {cut});
    ASSERT_GE(client.record.events.size(), 2U);
    // If the 220 came alone, StartTls was told, and a driver's TLS would fail; a driver that feeds it here fails, too.
    ASSERT_TRUE(client.record.events[client.record.events.size() - 2].starts_with("Failed local 451 4.7.5 ")) << cut;
    const bool alone = cut == server.find("250 injected");
    ASSERT_EQ(client.record.events.front() == "StartTls", alone) << cut;
    ASSERT_TRUE(client.record.closed);
    ASSERT_FALSE(client.session.tls());
    ASSERT_TRUE(client.record.output.ends_with("STARTTLS\r\n"));
  }
}

TEST(HandshakeTest, CapabilitiesAreForgottenAtTls) {
  ClientDriver client(with_tls(TlsMode::required));
  client.feed(greeting + "250-mx\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 7\r\n250 STARTTLS\r\n220 go\r\n");
  client.session.tls_started(start);
  EXPECT_FALSE(client.session.capabilities().pipelining);
  client.feed("250-mx\r\n250 SMTPUTF8\r\n");
  const Capabilities& known = client.session.capabilities();
  EXPECT_TRUE(known.extended && known.smtputf8);
  EXPECT_FALSE(known.pipelining || known.eight_bit_mime || known.starttls || known.size);
  EXPECT_EQ(known.max_octets, 0U);
}

TEST(HandshakeTest, ALongInitialResponseGoesOnALineOfItsOwn) {
  ClientOptions with = with_tls(TlsMode::implicit, 1);
  with.credentials->password = std::string(600, 'p');
  ClientDriver client(with);
  client.feed(greeting + "250-mx\r\n250 AUTH PLAIN\r\n334 \r\n235 in\r\n");
  const std::string response = base64::encode("\0user\0"s + std::string(600, 'p'));
  EXPECT_EQ(client.record.output, "EHLO client.example\r\nAUTH PLAIN\r\n" + response + "\r\n");
  EXPECT_EQ(client.record.events, Events{"Ready"});
}

// ── Transactions ───────────────────────────────────────────────────────────────────────────────────────────────────

const std::string envelope_commands =
    "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nRCPT TO:<c@example.net>\r\nDATA\r\n";

struct Script {
  const char* name;
  const char* replies;
  Events events;
  const char* next;  // what stands in front of the next MAIL
};

TEST(TransactionTest, PipelinedOutcomes) {
  const Script scripts[] = {
      {"all accepted",
       "250 ok|250 ok|250 2.1.5 ok|354 go|250 2.0.0 queued as 1",
       {"RecipientReply 0 250 ok", "RecipientReply 1 250 2.1.5 ok", "SendContent", "MessageDone 250 2.0.0 queued as 1"},
       ""},
      {"one recipient refused",
       "250 ok|550 5.1.1 who|250 ok|354 go|250 queued",
       {"RecipientReply 0 550 5.1.1 who", "RecipientReply 1 250 ok", "SendContent", "MessageDone 250 queued"},
       ""},
      {"too many recipients",
       "250 ok|250 ok|452 4.5.3 enough|354 go|250 queued",
       {"RecipientReply 0 250 ok", "RecipientReply 1 452 4.5.3 enough", "SendContent", "MessageDone 250 queued"},
       ""},
      {"MAIL refused",
       "550 5.7.1 not you|503 mail first|503 mail first|503 mail first",
       {"MessageDone 550 5.7.1 not you"},
       ""},
      {"MAIL tempfails", "451 4.7.1 slow down|503 x|503 x|503 x", {"MessageDone 451 4.7.1 slow down"}, ""},
      {"all recipients refused",
       "250 ok|550 no|551 no|554 no valid recipients",
       {"RecipientReply 0 550 no", "RecipientReply 1 551 no", "MessageDone 551 no"},
       "RSET\r\n"},
      {"all refused, and yet 354",
       "250 ok|550 no|551 no|354 go|554 no valid recipients",
       {"RecipientReply 0 550 no", "RecipientReply 1 551 no", "MessageDone 551 no"},
       ""},
      {"all refused, and yet 354 and 250",
       "250 ok|550 no|450 no|354 go|250 nothing queued",
       {"RecipientReply 0 550 no", "RecipientReply 1 450 no", "MessageDone 450 no"},
       ""},
      {"MAIL refused, and yet 354", "550 no|503 x|503 x|354 go|250 nothing queued", {"MessageDone 550 no"}, ""},
      {"DATA refused",
       "250 ok|250 ok|250 ok|451 4.3.0 no room",
       {"RecipientReply 0 250 ok", "RecipientReply 1 250 ok", "MessageDone 451 4.3.0 no room"},
       "RSET\r\n"},
      {"message refused",
       "250 ok|250 ok|250 ok|354 go|554 5.6.0 spam",
       {"RecipientReply 0 250 ok", "RecipientReply 1 250 ok", "SendContent", "MessageDone 554 5.6.0 spam"},
       ""},
  };
  for (const Script& script : scripts) {
    const std::string replies = lines(script.replies);
    Record whole;
    for (std::size_t cut = 0; cut < replies.size(); ++cut) {
      Sender client(pipelining);
      client.begin(envelope({"b@example.net", "c@example.net"}));
      ASSERT_EQ(client.record.output, envelope_commands) << "together";
      client.feed(replies, {cut});
      if (cut == 0) {
        whole = client.record;
        EXPECT_EQ(whole.events, script.events) << script.name;
        const bool hollow = std::string_view(script.name).find("yet") != std::string_view::npos;
        const bool sent = std::find(whole.events.begin(), whole.events.end(), "SendContent") != whole.events.end();
        EXPECT_EQ(whole.output.substr(envelope_commands.size()), hollow ? ".\r\n"
                                                                 : sent ? sent_message
                                                                        : "")
            << script.name;
      }
      ASSERT_EQ(client.record, whole) << script.name << " cut at " << cut;
      EXPECT_FALSE(client.session.next_deadline()) << "nothing is asked any more";
      client.record = Record{};
      client.begin(envelope({"b@example.net"}));
      EXPECT_EQ(client.record.output, script.next + "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n"s)
          << script.name;
    }
  }
}

TEST(TransactionTest, StepByStepWithoutPipelining) {
  struct Step {
    const char* reply;
    const char* output;
  };
  const struct {
    const char* name;
    std::vector<Step> steps;
    Events events;
    const char* next;
  } scripts[] = {
      {"all accepted",
       {{"250 ok", "RCPT TO:<b@example.net>|"},
        {"250 ok", "RCPT TO:<c@example.net>|"},
        {"250 ok", "DATA|"},
        {"354 go", nullptr},
        {"250 queued", ""}},
       {"RecipientReply 0 250 ok", "RecipientReply 1 250 ok", "SendContent", "MessageDone 250 queued"},
       ""},
      {"MAIL refused", {{"550 no", ""}}, {"MessageDone 550 no"}, ""},
      {"all recipients refused",
       {{"250 ok", "RCPT TO:<b@example.net>|"}, {"550 no", "RCPT TO:<c@example.net>|"}, {"450 no", ""}},
       {"RecipientReply 0 550 no", "RecipientReply 1 450 no", "MessageDone 450 no"},
       "RSET|"},
      {"DATA refused",
       {{"250 ok", "RCPT TO:<b@example.net>|"},
        {"250 ok", "RCPT TO:<c@example.net>|"},
        {"550 no", "DATA|"},
        {"451 no", ""}},
       {"RecipientReply 0 250 ok", "RecipientReply 1 550 no", "MessageDone 451 no"},
       "RSET|"},
  };
  for (const auto& script : scripts) {
    Sender client(bare);
    client.begin(envelope({"b@example.net", "c@example.net"}));
    EXPECT_EQ(client.record.output, "MAIL FROM:<a@example.org>\r\n");
    for (const Step& step : script.steps) {
      client.record.output.clear();
      client.feed(step.reply + "\r\n"s);
      std::string expected = step.output == nullptr ? std::string(sent_message) : lines(step.output);
      if (step.output != nullptr) expected.resize(expected.size() - 2);
      EXPECT_EQ(client.record.output, expected) << script.name << " after " << step.reply;
    }
    EXPECT_EQ(client.record.events, script.events) << script.name;
    client.record = Record{};
    client.begin(envelope({"b@example.net"}));
    const bool reset = script.next[0] != '\0';
    EXPECT_EQ(client.record.output, reset ? "RSET\r\n" : "MAIL FROM:<a@example.org>\r\n") << script.name;
    if (reset) {
      client.feed("250 ok\r\n");
      EXPECT_EQ(client.record.output, "RSET\r\nMAIL FROM:<a@example.org>\r\n");
    }
  }
}

TEST(TransactionTest, TheNextOneTravelsBehindTheFinalDot) {
  Sender client(pipelining);
  client.begin(envelope({"b@example.net"}));
  client.feed("250 ok\r\n250 ok\r\n354 go\r\n");
  client.record = Record{};
  ASSERT_TRUE(client.session.begin(envelope({"d@example.net"}), start));
  EXPECT_FALSE(client.session.begin(envelope({"e@example.net"}), start)) << "not a third";
  const std::string replies = "250 queued 1\r\n250 ok\r\n250 ok\r\n354 go\r\n250 queued 2\r\n";
  client.feed(replies);
  EXPECT_EQ(client.record.events,
            (Events{"MessageDone 250 queued 1", "RecipientReply 0 250 ok", "SendContent", "MessageDone 250 queued 2"}));
  EXPECT_EQ(client.record.output,
            "MAIL FROM:<a@example.org>\r\nRCPT TO:<d@example.net>\r\nDATA\r\n" + std::string(sent_message));
}

TEST(TransactionTest, ALocalRefusalWaitsForItsTurn) {
  Sender client(pipelining);
  client.begin(envelope({"b@example.net"}));
  client.feed("250 ok\r\n250 ok\r\n354 go\r\n");
  client.record = Record{};
  Envelope large = envelope({"d@example.net"});
  large.octets = 1001;
  ASSERT_TRUE(client.session.begin(large, start));
  client.take_events();
  EXPECT_TRUE(client.record.events.empty());
  client.feed("250 queued\r\n");
  EXPECT_EQ(client.record.events,
            (Events{"MessageDone 250 queued",
                    "MessageDone 0 5.3.4 the message has 1001 octets, the server takes at most 1000 (RFC 1870)"}));
  EXPECT_EQ(client.record.output, "");
}

TEST(TransactionTest, WhatTheServerLacksIsToldWithoutAskingIt) {
  Envelope eight_bit = envelope({"b@example.net"});
  eight_bit.body = BodyType::eight_bit_mime;
  Envelope utf8 = envelope({"b@example.net"});
  utf8.smtputf8 = true;
  const Envelope utf8_sender = envelope({"b@example.net"}, "\xc3\xa4@example.org");
  const Envelope utf8_recipient = envelope({"b@example.net", "\xc3\xa4@example.net"});
  const struct {
    const Envelope* what;
    const char* code;
  } cases[] = {{&eight_bit, "MessageDone 0 5.6.3 "},
               {&utf8, "MessageDone 0 5.6.7 "},
               {&utf8_sender, "MessageDone 0 5.6.7 "},
               {&utf8_recipient, "MessageDone 0 5.6.7 "}};
  for (const auto& [what, code] : cases) {
    Sender client(bare);
    client.begin(*what);
    ASSERT_EQ(client.record.events.size(), 1U);
    EXPECT_TRUE(client.record.events[0].starts_with(code)) << client.record;
    EXPECT_EQ(client.record.output, "");
    client.begin(envelope({"b@example.net"}));
    EXPECT_EQ(client.record.output, "MAIL FROM:<a@example.org>\r\n");
  }
}

TEST(TransactionTest, ParametersAreThoseTheServerOffers) {
  Envelope all = envelope({"b@example.net"}, "");
  all.body = BodyType::eight_bit_mime;
  all.smtputf8 = true;
  all.octets = 1000;
  Sender client(pipelining);
  client.begin(all);
  EXPECT_EQ(client.record.output,
            "MAIL FROM:<> SIZE=1000 BODY=8BITMIME SMTPUTF8\r\nRCPT TO:<b@example.net>\r\nDATA\r\n");
  Envelope plain = envelope({"b@example.net"});
  plain.octets = 1000;
  Sender without(bare);
  without.begin(plain);
  EXPECT_EQ(without.record.output, "MAIL FROM:<a@example.org>\r\n") << "SIZE was not offered";
}

TEST(TransactionTest, MisuseIsAnError) {
  ClientDriver early(options());
  EXPECT_EQ(early.session.begin(envelope({"b@example.net"}), start).error().code, Errc::wrong_state);
  Sender client(pipelining);
  EXPECT_EQ(client.session.begin(Envelope{}, start).error().code, Errc::invalid_argument);
  client.begin(envelope({"b@example.net"}));
  EXPECT_EQ(client.session.begin(envelope({"b@example.net"}), start).error().code, Errc::wrong_state);
  client.session.content("too early", start);
  client.session.end_content(start);
  EXPECT_EQ(client.session.output(), "");
}

TEST(TransactionTest, LmtpTellsOfEachRecipientAtTheEnd) {
  ClientOptions with = options();
  with.lmtp = true;
  const struct {
    const char* replies;
    Events events;
  } cases[] = {
      {"250 ok|250 ok|550 no|250 ok|354 go|250 stored|452 4.2.2 full",
       {"RecipientReply 0 250 ok", "RecipientReply 1 550 no", "RecipientReply 2 250 ok", "SendContent",
        "RecipientReply 0 250 stored", "RecipientReply 2 452 4.2.2 full", "MessageDone 250 stored"}},
      {"250 ok|250 ok|250 ok|250 ok|354 go|450 a|250 b|550 c",
       {"RecipientReply 0 250 ok", "RecipientReply 1 250 ok", "RecipientReply 2 250 ok", "SendContent",
        "RecipientReply 0 450 a", "RecipientReply 1 250 b", "RecipientReply 2 550 c", "MessageDone 250 b"}},
      {"250 ok|550 x|250 ok|550 x|354 go|550 no",
       {"RecipientReply 0 550 x", "RecipientReply 1 250 ok", "RecipientReply 2 550 x", "SendContent",
        "RecipientReply 1 550 no", "MessageDone 550 no"}},
  };
  for (const auto& [replies, events] : cases) {
    Sender client(pipelining, with);
    client.begin(envelope({"b@example.net", "c@example.net", "d@example.net"}));
    client.feed(lines(replies));
    EXPECT_EQ(client.record.events, events) << replies;
  }
}

TEST(TransactionTest, QuitGoesBehindAFinalDotAndNeverBehindData) {
  for (const bool early : {true, false}) {
    Sender client(pipelining);
    client.begin(envelope({"b@example.net"}));
    if (early) client.session.quit(start);
    client.feed("250 ok\r\n250 ok\r\n354 go\r\n");
    if (!early) client.session.quit(start);
    client.take_output();
    EXPECT_TRUE(client.record.output.ends_with("DATA\r\n" + std::string(sent_message) + "QUIT\r\n")) << client.record;
    client.feed("250 queued\r\n221 2.0.0 bye\r\n");
    EXPECT_EQ(client.record.events, (Events{"RecipientReply 0 250 ok", "SendContent", "MessageDone 250 queued",
                                            "Closed orderly 221 2.0.0 bye"}));
  }
  Sender client(bare);
  client.begin(envelope({"b@example.net"}));
  client.session.quit(start);
  client.feed("550 no\r\n");
  EXPECT_EQ(client.record.output, "MAIL FROM:<a@example.org>\r\nQUIT\r\n");
}

TEST(TransactionTest, QuitBeforeReady) {
  ClientDriver client(options());
  client.session.quit(start);
  client.feed(greeting);
  EXPECT_EQ(client.record.output, "QUIT\r\n");
  client.feed("221 bye\r\n");
  EXPECT_EQ(client.record.events, Events{"Closed orderly 221 bye"});
}

TEST(TransactionTest, QuitWhileEhloIsUnanswered) {
  ClientDriver client(options());
  client.feed(greeting);
  client.session.quit(start);
  client.feed(bare);
  EXPECT_TRUE(client.record.events.empty()) << "who has quit is not told Ready" << client.record;
  EXPECT_EQ(client.record.output, "EHLO client.example\r\nQUIT\r\n");
}

// ── 421, loss and time, at every stage ─────────────────────────────────────────────────────────────────────────────

/// Replies up to each stage of a message.
const std::vector<std::string> stages = {"", "250 ok\r\n", "250 ok\r\n250 ok\r\n", "250 ok\r\n250 ok\r\n250 ok\r\n"};

TEST(EndTest, A421AtEveryStageFailsTheSession) {
  for (const std::string& hello : {pipelining, bare}) {
    for (std::size_t stage = 0; stage < 5; ++stage) {
      Sender client(hello);
      client.begin(envelope({"b@example.net", "c@example.net"}));
      client.feed(stage < 4 ? stages[stage] : stages[3] + "354 go\r\n");
      client.record.events.clear();
      client.feed("421 4.3.2 stopping\r\n");
      EXPECT_EQ(client.record.events, (Events{"Failed 421 4.3.2 stopping", "Closed 421 4.3.2 stopping"}))
          << "a 421 to the final dot says that it was not taken; stage " << stage;
    }
  }
  Sender idle(pipelining);
  idle.feed("421 4.4.2 idle\r\n");
  EXPECT_EQ(idle.record.events, Events{"Closed 421 4.4.2 idle"}) << "nothing was asked, nothing failed";
}

TEST(EndTest, LossAtEveryStage) {
  for (const std::string& hello : {pipelining, bare}) {
    for (std::size_t stage = 0; stage < 5; ++stage) {
      Sender client(hello);
      client.begin(envelope({"b@example.net", "c@example.net"}));
      client.feed(stage < 4 ? stages[stage] : stages[3] + "354 go\r\n");
      client.record.events.clear();
      client.session.input_closed();
      client.take_events();
      const char* const asked[] = {"MAIL", "RCPT", "RCPT", "DATA", "the message"};
      const std::string reason = "451 4.4.2 connection lost, no reply to "s + asked[stage];
      EXPECT_EQ(client.record.events,
                (Events{"Failed local " + std::string(stage == 4 ? "dot " : "") + reason, "Closed " + reason}));
    }
  }
  Sender idle(pipelining);
  idle.session.input_closed();
  idle.take_events();
  EXPECT_EQ(idle.record.events, Events{"Closed 0"});
}

TEST(EndTest, ALoneDotForNobodyIsNoMessage) {
  Sender client(pipelining);
  client.begin(envelope({"b@example.net"}));
  client.feed("250 ok\r\n550 no\r\n354 go\r\n");
  client.record.events.clear();
  client.session.input_closed();
  client.take_events();
  EXPECT_EQ(client.record.events[0], "Failed local 451 4.4.2 connection lost, no reply to the message");
}

TEST(EndTest, AReplyWhileTheMessageIsSentEndsIt) {
  for (const auto& [reply, event] : {std::pair{"552 5.3.4 too large", "Failed 552 5.3.4 too large"},
                                     {"421 4.3.2 stopping", "Failed 421 4.3.2 stopping"},
                                     {"250 ok", "Failed local 451 4.5.0 a reply that nothing asked for: 250 ok"}}) {
    Sender client(pipelining);
    client.act = {};
    client.begin(envelope({"b@example.net"}));
    client.feed("250 ok\r\n250 ok\r\n354 go\r\n");
    client.session.content("Subject", start);
    client.record.events.clear();
    client.feed(reply + "\r\n"s);
    ASSERT_EQ(client.record.events.size(), 2U);
    EXPECT_EQ(client.record.events[0], event);
    client.session.content("more", start);
    client.session.end_content(start);
    client.record.output.clear();
    client.take_output();
    EXPECT_EQ(client.record.output, "") << "nothing is added any more";
  }
}

TEST(EndTest, DeadlinesOfRfc5321) {
  ClientDriver client(options());
  EXPECT_EQ(client.session.next_deadline(), start + seconds(300)) << "greeting, section 4.5.3.2.1";
  client.now = start + seconds(10);
  client.feed(greeting);
  EXPECT_EQ(client.session.next_deadline(), client.now + seconds(300)) << "EHLO";
  client.feed(pipelining);
  EXPECT_FALSE(client.session.next_deadline()) << "ready";
  ASSERT_TRUE(client.session.begin(envelope({"b@example.net"}), client.now));
  EXPECT_EQ(client.session.next_deadline(), client.now + seconds(300)) << "MAIL, section 4.5.3.2.2";
  client.now += seconds(100);
  client.feed("250 ok\r\n");
  EXPECT_EQ(client.session.next_deadline(), client.now + seconds(300)) << "RCPT, section 4.5.3.2.3";
  client.feed("250 ok\r\n");
  EXPECT_EQ(client.session.next_deadline(), client.now + seconds(120)) << "DATA, section 4.5.3.2.4";
  client.now += seconds(100);
  client.feed("354 go\r\n");
  EXPECT_EQ(client.session.next_deadline(), client.now + seconds(180)) << "data, section 4.5.3.2.5";
  client.now += seconds(100);
  client.session.content("Subject: x\r\n", client.now);
  EXPECT_EQ(client.session.next_deadline(), client.now + seconds(180));
  client.now += seconds(100);
  client.session.consumed_output(5, client.now);
  EXPECT_EQ(client.session.next_deadline(), client.now + seconds(180)) << "the peer takes it";
  client.session.end_content(client.now);
  EXPECT_EQ(client.session.next_deadline(), client.now + seconds(600)) << "final dot, section 4.5.3.2.6";
  client.session.on_time(client.now + seconds(599));
  client.record.events.clear();
  client.take_events();
  EXPECT_TRUE(client.record.events.empty());
  client.session.on_time(client.now + seconds(600));
  client.take_events();
  EXPECT_EQ(client.record.events, (Events{"Failed local dot 451 4.4.2 timeout, no reply to the message",
                                          "Closed 451 4.4.2 timeout, no reply to the message"}));
  EXPECT_FALSE(client.session.next_deadline());
}

TEST(EndTest, TheHandshakeIsBoundedToo) {
  ClientDriver client(with_tls(TlsMode::required));
  client.feed(greeting + "250-mx\r\n250 STARTTLS\r\n220 go\r\n");
  EXPECT_EQ(client.session.next_deadline(), start + seconds(300));
  client.record.events.clear();
  client.session.on_time(start + seconds(300));
  client.take_events();
  EXPECT_EQ(client.record.events[0], "Failed local 451 4.4.2 timeout, no reply to the TLS handshake");
}

TEST(EndTest, OfAReplyWithoutEnd) {
  ClientOptions with = options();
  with.max_reply_octets = 1000;
  for (const std::string& piece : {"220-more\r\n"s, "220-"s + std::string(500, 'x'), "x"s}) {
    ClientDriver client(with);
    std::size_t fed = 0;
    while (!client.record.closed && fed < 5000) {
      client.feed(piece);
      fed += piece.size();
    }
    EXPECT_TRUE(client.record.closed);
    EXPECT_LE(fed, 2000U);
    EXPECT_EQ(client.record.events[0], "Failed local 451 4.5.0 a reply of more than 1000 octets");
  }
}

}  // namespace
}  // namespace sendconn::smtp::test
