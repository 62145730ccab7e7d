#include <cstdio>
#include <string>
#include <vector>

#include "tests/capi/scenarios.hpp"

namespace sendconn::test {
namespace {

using Bytes = Handle<sendconn_bytes, sendconn_bytes_free>;
using Context = Handle<sendconn_tls_context, sendconn_tls_context_free>;
using Endpoint = Handle<sendconn_tls_endpoint, sendconn_tls_endpoint_free>;
using Server = Handle<sendconn_smtp_server, sendconn_smtp_server_free>;
using Client = Handle<sendconn_smtp_client, sendconn_smtp_client_free>;

void write_file(const std::string& path, const sendconn_bytes* bytes) {
  std::FILE* const file = std::fopen(path.c_str(), "w");
  std::fwrite(sendconn_bytes_data(bytes), 1, sendconn_bytes_size(bytes), file);
  std::fclose(file);
}

/// A certificate for server.example and what trusts it, made once.
struct Tls {
  std::string certificate = testing::TempDir() + "/capi-certificate.pem";
  std::string key = testing::TempDir() + "/capi-certificate-key.pem";
  std::string verifier;
  Context server;
  Context client;

  Tls() {
    Bytes pem;
    Bytes secret;
    sendconn_tls_self_signed(pem.out(), secret.out(), "server.example", SENDCONN_NUL, 10, 0, nullptr);
    write_file(certificate, pem.get());
    write_file(key, secret.get());
    const sendconn_tls_options for_server = server_options();
    sendconn_tls_context_new(server.out(), &for_server, nullptr);
    const sendconn_tls_options for_client = client_options();
    sendconn_tls_context_new(client.out(), &for_client, nullptr);
    sendconn_sasl_verifier(pem.out(), "secret", SENDCONN_NUL, 0, nullptr);
    verifier = sendconn_bytes_data(pem.get());
  }
  [[nodiscard]] sendconn_tls_options server_options() const {
    sendconn_tls_options options = SENDCONN_TLS_OPTIONS_INIT;
    options.role = SENDCONN_TLS_SERVER;
    options.certificate_file = certificate.c_str();
    options.certificate_file_len = SENDCONN_NUL;
    options.key_file = key.c_str();
    options.key_file_len = SENDCONN_NUL;
    return options;
  }
  [[nodiscard]] sendconn_tls_options client_options() const {
    sendconn_tls_options options = SENDCONN_TLS_OPTIONS_INIT;
    options.authorities_file = certificate.c_str();
    options.authorities_file_len = SENDCONN_NUL;
    return options;
  }
};

const Tls& tls() {
  static const Tls made;
  return made;
}

void make_contexts(Trial& trial) {
  Bytes certificate;
  Bytes key;
  CALL(trial, sendconn_tls_self_signed, certificate.out(), key.out(), "server.example", SENDCONN_NUL, std::uint32_t{10},
       std::int64_t{0});
  const sendconn_tls_options options = tls().server_options();
  Context context;
  CALL(trial, sendconn_tls_context_new, context.out(), &options);
  const sendconn_tls_options for_client = tls().client_options();
  CALL(trial, sendconn_tls_context_new, context.out(), &for_client);
  sendconn_tls_context* fresh = nullptr;
  sendconn_tls_context_new(&fresh, &for_client, nullptr);
  GET(trial, sendconn_tls_context_free, fresh);
}

/// What one end has to say goes to the other, until both have nothing to say.
void exchange(sendconn_tls_endpoint* client, sendconn_tls_endpoint* server) {
  sendconn_tls_endpoint* ends[2] = {client, server};
  for (int quiet = 0, from = 0; quiet < 2; from = 1 - from) {
    std::size_t size = 0;
    const char* const records = sendconn_tls_endpoint_output(&size, ends[from]);
    quiet = size == 0 ? quiet + 1 : 0;
    const char* plain = nullptr;
    std::size_t plain_len = 0;
    const std::string sent(records, size);
    sendconn_tls_endpoint_feed(&plain, &plain_len, ends[1 - from], sent.data(), sent.size(), nullptr);
    sendconn_tls_endpoint_consumed_output(ends[from], size);
  }
}

void speak_tls(Trial& trial) {
  Endpoint client;
  Endpoint server;
  const sendconn_tls_context* const client_context = tls().client.get();
  const sendconn_tls_context* const server_context = tls().server.get();
  CALL(trial, sendconn_tls_endpoint_new, client.out(), client_context, "server.example", SENDCONN_NUL);
  CALL(trial, sendconn_tls_endpoint_new, server.out(), server_context, optional<const char>(nullptr), std::size_t{0});
  const sendconn_tls_endpoint* const one = client.get();
  std::size_t size = 0;
  const char* const hello = GET(trial, sendconn_tls_endpoint_output, &size, one);
  const char* plain = nullptr;
  std::size_t plain_len = 0;
  CALL(trial, sendconn_tls_endpoint_feed, &plain, &plain_len, server.get(), hello, size);
  GET(trial, sendconn_tls_endpoint_consumed_output, client.get(), SIZE_MAX);
  const char* const records = sendconn_tls_endpoint_output(&size, server.get());
  const std::string answer(records, size);
  sendconn_tls_endpoint_consumed_output(server.get(), size);
  CALL(trial, sendconn_tls_endpoint_feed, &plain, &plain_len, client.get(), answer.data(), answer.size());
  exchange(client.get(), server.get());
  EXPECT_EQ(GET(trial, sendconn_tls_endpoint_state, one), SENDCONN_TLS_OPEN);
  EXPECT_STREQ(GET(trial, sendconn_tls_endpoint_protocol, one), "TLSv1.3");
  EXPECT_STRNE(GET(trial, sendconn_tls_endpoint_cipher, one), "");
  EXPECT_EQ(GET(trial, sendconn_tls_endpoint_peer_verified, one), 1);
  CALL(trial, sendconn_tls_endpoint_write, client.get(), "hello", SENDCONN_NUL);
  exchange(client.get(), server.get());
  CALL(trial, sendconn_tls_endpoint_close, client.get());
  EXPECT_EQ(sendconn_tls_endpoint_state(one), SENDCONN_TLS_CLOSED);
  exchange(client.get(), server.get());
  CALL(trial, sendconn_tls_endpoint_feed_end, server.get());
  sendconn_tls_endpoint* fresh = nullptr;
  sendconn_tls_endpoint_new(&fresh, server_context, nullptr, 0, nullptr);
  GET(trial, sendconn_tls_endpoint_free, fresh);
}

// ---------------------------------------------------------------- SMTP

/// Both sides, wired back to back. Each function of the interface is tried once, at the place that is named;
/// `tls_within` says whether TLS is the sessions' own.
class Dialogue {
 public:
  explicit Dialogue(Trial& trial) : trial_(trial) {}

  void start(bool with_tls, bool own_tls);
  /// Until the client is ready, has sent its message, or the session is over.
  void run();

  Server server;
  Client client;
  std::string received;
  std::vector<int> seen;  ///< the client's events

 private:
  bool serve();
  bool drive_client();
  void answer(const sendconn_smtp_event& event);
  void act(const sendconn_smtp_event& event);
  template <class Function, class... Arguments>
  static sendconn_status again(Function function, Arguments... arguments) {
    return function(plain(arguments)..., nullptr);
  }
  /// The first call is the one to be tried: it makes the most.
  bool first(const char* name) { return tried_.insert(name).second; }

  Trial& trial_;
  std::set<std::string> tried_;
  std::string to_server_;
  std::string to_client_;
};

/// Of the calls that are made again and again only the first one of each kind is a call of the scenario.
#define ONCE(function, ...)                                   \
  do {                                                        \
    if (first(#function)) {                                   \
      CALL(trial_, function, __VA_ARGS__);                    \
    } else if (again(function, __VA_ARGS__) != SENDCONN_OK) { \
      throw Stop();                                           \
    }                                                         \
  } while (false)

void Dialogue::start(bool with_tls, bool own_tls) {
  sendconn_smtp_server_options options = SENDCONN_SMTP_SERVER_OPTIONS_INIT;
  options.hostname = "server.example";
  options.hostname_len = SENDCONN_NUL;
  options.tls = with_tls ? tls().server.get() : nullptr;
  options.own_tls = own_tls ? 1 : 0;
  options.mechanisms = with_tls ? SENDCONN_SASL_SCRAM_SHA_256 : SENDCONN_SASL_PLAIN;
  const sendconn_smtp_server_options* const server_options = &options;
  CALL(trial_, sendconn_smtp_server_new, server.out(), server_options, std::int64_t{0});
  sendconn_smtp_client_options to = SENDCONN_SMTP_CLIENT_OPTIONS_INIT;
  to.hello_name = "client.example";
  to.hello_name_len = SENDCONN_NUL;
  to.server_name = "server.example";
  to.server_name_len = SENDCONN_NUL;
  to.tls = with_tls ? tls().client.get() : nullptr;
  to.tls_mode = with_tls || own_tls ? SENDCONN_SMTP_TLS_REQUIRED : SENDCONN_SMTP_TLS_OFF;
  to.own_tls = own_tls ? 1 : 0;
  to.user = "a user with a name that is too long to stand inside of an object";
  to.user_len = SENDCONN_NUL;
  to.password = "secret";
  to.password_len = SENDCONN_NUL;
  to.allow_plaintext_login = 1;
  const sendconn_smtp_client_options* const client_options = &to;
  CALL(trial_, sendconn_smtp_client_new, client.out(), client_options, std::int64_t{0});
}

void Dialogue::answer(const sendconn_smtp_event& event) {
  const std::int64_t now = 1;
  switch (event.type) {
    case SENDCONN_SMTP_GREETING:
      ONCE(sendconn_smtp_server_reply, server.get(), 220, optional(""), std::size_t{0}, optional(""), std::size_t{0},
           now);
      break;
    case SENDCONN_SMTP_LOGIN:
      EXPECT_EQ(std::string(event.password, event.password_len), "secret");
      ONCE(sendconn_smtp_server_reply, server.get(), 235, "2.7.0", SENDCONN_NUL, "welcome", SENDCONN_NUL, now);
      break;
    case SENDCONN_SMTP_SCRAM_LOGIN:
      ONCE(sendconn_smtp_server_reply_verifier, server.get(), tls().verifier.c_str(), SENDCONN_NUL, now);
      break;
    case SENDCONN_SMTP_DATA_START:
      ONCE(sendconn_smtp_server_reply, server.get(), 354, optional(""), std::size_t{0}, "go on", SENDCONN_NUL, now);
      break;
    case SENDCONN_SMTP_CONTENT:
      received.append(event.text, event.text_len);
      break;
    case SENDCONN_SMTP_START_TLS:
      ONCE(sendconn_smtp_server_tls_started, server.get(), now);
      break;
    default:
      if (event.is_decision != 0)
        ONCE(sendconn_smtp_server_reply, server.get(), 250, "2.0.0", SENDCONN_NUL, "ok", SENDCONN_NUL, now);
      break;
  }
}

void Dialogue::act(const sendconn_smtp_event& event) {
  const std::int64_t now = 1;
  seen.push_back(event.type);
  if (event.type == SENDCONN_SMTP_READY) {
    const char* const recipients[] = {"bob.with.a.name.that.is.long@example.net", "eve@example.net"};
    sendconn_smtp_envelope envelope = SENDCONN_SMTP_ENVELOPE_INIT;
    envelope.reverse_path = "ada@example.org";
    envelope.reverse_path_len = SENDCONN_NUL;
    envelope.recipients = recipients;
    envelope.recipient_count = 2;
    const sendconn_smtp_envelope* const given = &envelope;
    ONCE(sendconn_smtp_client_begin, client.get(), given, now);
  } else if (event.type == SENDCONN_SMTP_SEND_CONTENT) {
    ONCE(sendconn_smtp_client_content, client.get(), "Subject: a\r\n\r\n.dot\r\n", SENDCONN_NUL, now);
    ONCE(sendconn_smtp_client_end_content, client.get(), now);
  } else if (event.type == SENDCONN_SMTP_MESSAGE_DONE) {
    EXPECT_EQ(event.reply_code, 250);
    ONCE(sendconn_smtp_client_quit, client.get(), now);
  } else if (event.type == SENDCONN_SMTP_START_TLS) {
    ONCE(sendconn_smtp_client_tls_started, client.get(), now);
  } else if (event.type == SENDCONN_SMTP_FAILED) {
    ADD_FAILURE() << event.reply_code << " " << event.reply_text;
  }
}

bool Dialogue::serve() {
  sendconn_smtp_event event = SENDCONN_SMTP_EVENT_INIT;
  std::size_t taken = 0;
  bool moved = false;
  do {
    while (true) {
      if (sendconn_smtp_server_next_event(&event, server.get(), nullptr) != SENDCONN_OK) throw Stop();
      if (event.type <= SENDCONN_SMTP_PAUSED || event.type == SENDCONN_SMTP_CLOSED) break;
      answer(event);
      moved = true;
    }
    if (event.type == SENDCONN_SMTP_CLOSED) to_server_.clear();
    to_server_.erase(0, taken);  // only now: events view what was fed
    if (sendconn_smtp_server_feed(&taken, server.get(), to_server_.data(), to_server_.size(), 1, nullptr) !=
        SENDCONN_OK)
      throw Stop();
    moved = moved || taken != 0;
  } while (taken != 0);
  const char* octets = nullptr;
  std::size_t count = 0;
  if (sendconn_smtp_server_output(&octets, &count, server.get(), nullptr) != SENDCONN_OK) throw Stop();
  to_client_.append(octets, count);
  sendconn_smtp_server_consumed_output(server.get(), count, 1);
  return moved || count != 0;
}

bool Dialogue::drive_client() {
  sendconn_smtp_event event = SENDCONN_SMTP_EVENT_INIT;
  std::size_t taken = 0;
  bool moved = false;
  do {
    while (true) {
      if (sendconn_smtp_client_next_event(&event, client.get(), nullptr) != SENDCONN_OK) throw Stop();
      if (event.type <= SENDCONN_SMTP_PAUSED) break;
      if (event.type == SENDCONN_SMTP_CLOSED) break;
      act(event);
      moved = true;
    }
    if (event.type == SENDCONN_SMTP_CLOSED) to_client_.clear();
    to_client_.erase(0, taken);  // only now: events view what was fed
    if (sendconn_smtp_client_feed(&taken, client.get(), to_client_.data(), to_client_.size(), 1, nullptr) !=
        SENDCONN_OK)
      throw Stop();
    moved = moved || taken != 0;
  } while (taken != 0);
  const char* octets = nullptr;
  std::size_t count = 0;
  if (sendconn_smtp_client_output(&octets, &count, client.get(), nullptr) != SENDCONN_OK) throw Stop();
  to_server_.append(octets, count);
  sendconn_smtp_client_consumed_output(client.get(), count, 1);
  return moved || count != 0;
}

void Dialogue::run() {
  while (true) {
    const bool server_moved = serve();
    const bool client_moved = drive_client();
    if (!server_moved && !client_moved) return;
  }
}

void look_at(Trial& trial, Dialogue& dialogue, bool encrypted, bool own) {
  const sendconn_smtp_server* const server = dialogue.server.get();
  const sendconn_smtp_client* const client = dialogue.client.get();
  const int yes = encrypted ? 1 : 0;
  EXPECT_EQ(GET(trial, sendconn_smtp_server_is_tls, server), yes);
  EXPECT_EQ(GET(trial, sendconn_smtp_client_is_tls, client), yes);
  EXPECT_EQ(GET(trial, sendconn_smtp_client_is_peer_verified, client), encrypted && !own ? 1 : 0);
  EXPECT_STREQ(GET(trial, sendconn_smtp_server_tls_protocol, server), encrypted && !own ? "TLSv1.3" : "");
  EXPECT_STREQ(GET(trial, sendconn_smtp_client_tls_protocol, client), encrypted && !own ? "TLSv1.3" : "");
  EXPECT_EQ(GET(trial, sendconn_smtp_server_is_authenticated, server), 1);
  EXPECT_EQ(GET(trial, sendconn_smtp_client_offers, client, "PIPELINING", SENDCONN_NUL), 1);
  EXPECT_EQ(dialogue.received, "Subject: a\r\n\r\n.dot\r\n");
}

void send_in_the_clear(Trial& trial) {
  Dialogue dialogue(trial);
  dialogue.start(false, false);
  GET(trial, sendconn_smtp_server_trust_client, dialogue.server.get(), std::int32_t{0});
  const sendconn_smtp_server* const server = dialogue.server.get();
  const sendconn_smtp_client* const client = dialogue.client.get();
  EXPECT_EQ(GET(trial, sendconn_smtp_client_next_deadline, client), 300'000'000'000);
  dialogue.run();
  EXPECT_EQ(GET(trial, sendconn_smtp_server_next_deadline, server), SENDCONN_NEVER);
  look_at(trial, dialogue, false, false);
}

void send_with_tls_of_the_session(Trial& trial) {
  Dialogue dialogue(trial);
  dialogue.start(true, false);
  dialogue.run();
  look_at(trial, dialogue, true, false);
}

void send_with_tls_of_the_caller(Trial& trial) {
  Dialogue dialogue(trial);
  dialogue.start(false, true);
  dialogue.run();
  look_at(trial, dialogue, true, true);
}

/// Step by step, what the loops above do: so that each call is tried where it has something to do.
void step_a_server(Trial& trial) {
  Dialogue dialogue(trial);
  dialogue.start(false, false);
  sendconn_smtp_server* const server = dialogue.server.get();
  sendconn_smtp_event event = SENDCONN_SMTP_EVENT_INIT;
  std::size_t taken = 0;
  CALL(trial, sendconn_smtp_server_next_event, &event, server);
  CALL(trial, sendconn_smtp_server_reply, server, std::int32_t{220}, "2.0.0", SENDCONN_NUL,
       "a greeting that is too long to stand inside of an object", SENDCONN_NUL, std::int64_t{1});
  CALL(trial, sendconn_smtp_server_feed, &taken, server, "EHLO client.example\r\nMAIL FROM:<ada@example.org>\r\n",
       SENDCONN_NUL, std::int64_t{1});
  CALL(trial, sendconn_smtp_server_next_event, &event, server);
  EXPECT_EQ(event.type, SENDCONN_SMTP_HELLO);
  const char* octets = nullptr;
  std::size_t count = 0;
  CALL(trial, sendconn_smtp_server_output, &octets, &count, server);
  GET(trial, sendconn_smtp_server_consumed_output, server, SIZE_MAX, std::int64_t{1});
  CALL(trial, sendconn_smtp_server_feed, &taken, server, "MAIL FROM:<ada.with.a.long.name@example.org>\r\n",
       SENDCONN_NUL, std::int64_t{1});
  CALL(trial, sendconn_smtp_server_next_event, &event, server);
  EXPECT_EQ(event.type, SENDCONN_SMTP_MAIL);
  EXPECT_STREQ(event.text, "ada.with.a.long.name@example.org");
  CALL(trial, sendconn_smtp_server_shut_down, server, "we are going to be closed for a while", SENDCONN_NUL);
  CALL(trial, sendconn_smtp_server_input_closed, server);
  Dialogue other(trial);
  other.start(false, false);
  CALL(trial, sendconn_smtp_server_on_time, other.server.get(), std::int64_t{1'000'000'000'000});
  sendconn_smtp_server_options options = SENDCONN_SMTP_SERVER_OPTIONS_INIT;
  options.hostname = "h";
  options.hostname_len = 1;
  sendconn_smtp_server* fresh = nullptr;
  sendconn_smtp_server_new(&fresh, &options, 0, nullptr);
  GET(trial, sendconn_smtp_server_free, fresh);
}

void step_a_client(Trial& trial) {
  Dialogue dialogue(trial);
  dialogue.start(false, false);
  sendconn_smtp_client* const client = dialogue.client.get();
  sendconn_smtp_event event = SENDCONN_SMTP_EVENT_INIT;
  std::size_t taken = 0;
  CALL(trial, sendconn_smtp_client_next_event, &event, client);
  CALL(trial, sendconn_smtp_client_feed, &taken, client, "220 server.example ESMTP\r\n", SENDCONN_NUL, std::int64_t{1});
  CALL(trial, sendconn_smtp_client_next_event, &event, client);
  const char* octets = nullptr;
  std::size_t count = 0;
  CALL(trial, sendconn_smtp_client_output, &octets, &count, client);
  EXPECT_EQ(std::string(octets, count), "EHLO client.example\r\n");
  GET(trial, sendconn_smtp_client_consumed_output, client, SIZE_MAX, std::int64_t{1});
  CALL(trial, sendconn_smtp_client_on_time, client, std::int64_t{2});
  CALL(trial, sendconn_smtp_client_input_closed, client);
  CALL(trial, sendconn_smtp_client_next_event, &event, client);
  EXPECT_EQ(event.type, SENDCONN_SMTP_FAILED);
  sendconn_smtp_client_options options = SENDCONN_SMTP_CLIENT_OPTIONS_INIT;
  options.hello_name = "h";
  options.hello_name_len = 1;
  options.tls_mode = SENDCONN_SMTP_TLS_OFF;
  sendconn_smtp_client* fresh = nullptr;
  sendconn_smtp_client_new(&fresh, &options, 0, nullptr);
  GET(trial, sendconn_smtp_client_free, fresh);
}

}  // namespace

const std::string& certificate_file() { return tls().certificate; }

std::vector<NamedScenario> session_scenarios() {
  return {{"make_contexts", make_contexts},
          {"speak_tls", speak_tls},
          {"send_in_the_clear", send_in_the_clear},
          {"send_with_tls_of_the_session", send_with_tls_of_the_session},
          {"send_with_tls_of_the_caller", send_with_tls_of_the_caller},
          {"step_a_server", step_a_server},
          {"step_a_client", step_a_client}};
}

}  // namespace sendconn::test
