#include <cstdio>
#include <string>

#include "tests/capi/scenarios.hpp"

namespace sendconn::test {
namespace {

using Answer = Handle<sendconn_dns_answer, sendconn_dns_answer_free>;
using Bytes = Handle<sendconn_bytes, sendconn_bytes_free>;
using Findings = Handle<sendconn_findings, sendconn_findings_free>;
using Key = Handle<sendconn_key, sendconn_key_free>;
using Resolver = Handle<sendconn_resolver, sendconn_resolver_free>;

constexpr const char message[] =
    "From: Ada <ada@example.org>\r\nTo: bob@example.net\r\nSubject: a subject\r\n\r\nHello, Bob\r\n";

/// Made once: the key, its record, and a signature of `message`.
struct Signed {
  std::string pem;
  std::string record;
  std::string message;
  std::string zone;

  Signed() {
    Key key;
    Bytes bytes;
    sendconn_key_generate(key.out(), SENDCONN_KEY_ED25519, 0, nullptr);
    sendconn_key_to_pem(bytes.out(), key.get(), nullptr, 0, nullptr);
    pem = sendconn_bytes_data(bytes.get());
    sendconn_dkim_key_record(bytes.out(), key.get(), nullptr);
    record = sendconn_bytes_data(bytes.get());
    sendconn_dkim_signature signature = SENDCONN_DKIM_SIGNATURE_INIT;
    signature.domain = "example.org";
    signature.domain_len = SENDCONN_NUL;
    signature.selector = "s1";
    signature.selector_len = SENDCONN_NUL;
    signature.key = key.get();
    sendconn_dkim_sign(bytes.out(), test::message, SENDCONN_NUL, &signature, nullptr, nullptr);
    message = sendconn_bytes_data(bytes.get()) + std::string(test::message);
    zone = "$TTL 300\ns1._domainkey.example.org. TXT \"" + record +
           "\"\nexample.org. TXT \"v=spf1 include:other.example -all\"\nother.example. TXT \"v=spf1 ip4:192.0.2.0/24 "
           "exp=why.example -all\"\n_dmarc.example.org. TXT \"v=DMARC1; p=reject\"\n";
  }
};

const Signed& example() {
  static const Signed made;
  return made;
}

const sendconn_dns_question& ask(Trial& trial, sendconn_dns_question& question, auto function, auto* check,
                                 const char* name) {
  question = SENDCONN_DNS_QUESTION_INIT;
  trial.call(name, function, SENDCONN_OK, &question, check);
  return question;
}

sendconn_status answer_text(sendconn_dns_answer* answer, const char* name, std::size_t, std::uint16_t type, void*) {
  if (type != SENDCONN_DNS_TXT || std::string(name) != "example.org") return SENDCONN_OK;
  return sendconn_dns_answer_add_text(answer, "v=spf1 ip4:192.0.2.1 -all", SENDCONN_NUL, nullptr);
}

void count_lines(std::int32_t, const char*, std::size_t, void* lines) { ++*static_cast<int*>(lines); }

void build_answers(Trial& trial) {
  Answer answer;
  CALL(trial, sendconn_dns_answer_new, answer.out(), std::int32_t{SENDCONN_DNS_NO_DATA});
  CALL(trial, sendconn_dns_answer_add_text, answer.get(), "a text that is too long to stand inside of an object",
       SENDCONN_NUL);
  CALL(trial, sendconn_dns_answer_add_address, answer.get(), "2001:db8::1", SENDCONN_NUL);
  const char octets[] = {'\x7f', 0, 0, 1};
  CALL(trial, sendconn_dns_answer_add_address_octets, answer.get(), static_cast<const void*>(octets), std::size_t{4});
  CALL(trial, sendconn_dns_answer_add_name, answer.get(), "Host.Example.", SENDCONN_NUL);
  CALL(trial, sendconn_dns_answer_add_mx, answer.get(), std::uint16_t{10}, "Mail.Example.", SENDCONN_NUL);
  CALL(trial, sendconn_dns_answer_add_alias, answer.get(), "alias.example", SENDCONN_NUL);
  GET(trial, sendconn_dns_answer_set_ttl, answer.get(), std::uint32_t{300});
  GET(trial, sendconn_dns_answer_set_authenticated, answer.get(), std::int32_t{1});
  const sendconn_dns_answer* const one = answer.get();
  EXPECT_EQ(GET(trial, sendconn_dns_answer_status, one), SENDCONN_DNS_NO_ERROR);
  EXPECT_EQ(GET(trial, sendconn_dns_answer_ttl, one), 300U);
  EXPECT_EQ(GET(trial, sendconn_dns_answer_authenticated, one), 1);
  EXPECT_EQ(GET(trial, sendconn_dns_answer_count, one), 5U);
  sendconn_dns_record record = SENDCONN_DNS_RECORD_INIT;
  CALL(trial, sendconn_dns_answer_get, &record, one, std::size_t{4});
  EXPECT_STREQ(record.data, "mail.example");
  EXPECT_EQ(record.preference, 10);
  CALL_FOR(trial, SENDCONN_ERR_NOT_FOUND, sendconn_dns_answer_get, &record, one, std::size_t{5});
  CALL(trial, sendconn_dns_answer_set_status, answer.get(), std::int32_t{SENDCONN_DNS_TIMEOUT});
  EXPECT_EQ(sendconn_dns_answer_count(one), 0U);
  EXPECT_STREQ(GET(trial, sendconn_dns_status_text, std::int32_t{SENDCONN_DNS_TIMEOUT}), "timeout");
  sendconn_dns_answer* fresh = nullptr;
  sendconn_dns_answer_new(&fresh, 0, nullptr);
  GET(trial, sendconn_dns_answer_free, fresh);
}

void resolve(Trial& trial) {
  Resolver resolver;
  Answer answer;
  CALL(trial, sendconn_resolver_new_zone, resolver.out(), "host.example. 60 A 192.0.2.7\n", SENDCONN_NUL);
  int lines = 0;
  GET(trial, sendconn_resolver_set_log, resolver.get(), &count_lines, static_cast<void*>(&lines));
  lines = 0;
  sendconn_resolver_set_log(resolver.get(), &count_lines, &lines);
  CALL(trial, sendconn_resolver_resolve, answer.out(), resolver.get(), "host.example", SENDCONN_NUL,
       std::uint16_t{SENDCONN_DNS_A});
  EXPECT_EQ(sendconn_dns_answer_count(answer.get()), 1U);
  EXPECT_GE(lines, 1);
  Resolver own;
  CALL(trial, sendconn_resolver_new_callback, own.out(), &answer_text, optional<void>(nullptr));
  CALL(trial, sendconn_resolver_resolve, answer.out(), own.get(), "example.org", SENDCONN_NUL,
       std::uint16_t{SENDCONN_DNS_TXT});
  EXPECT_EQ(sendconn_dns_answer_count(answer.get()), 1U);
  sendconn_resolver* fresh = nullptr;
  sendconn_resolver_new_callback(&fresh, &answer_text, nullptr, nullptr);
  GET(trial, sendconn_resolver_free, fresh);
}

/// Nothing listens there, so the answer is a failure, and c-ares has gone all its ways.
void resolve_over_the_network(Trial& trial) {
  sendconn_resolver_options options = SENDCONN_RESOLVER_OPTIONS_INIT;
  options.servers = "127.0.0.1:9";
  options.servers_len = SENDCONN_NUL;
  options.timeout_ms = 50;
  options.tries = 1;
  options.cache_octets = 100'000;
  const sendconn_resolver_options* const given = &options;
  Resolver resolver;
  Answer answer;
  CALL(trial, sendconn_resolver_new, resolver.out(), optional(given));
  CALL(trial, sendconn_resolver_resolve, answer.out(), resolver.get(), "host.example", SENDCONN_NUL,
       std::uint16_t{SENDCONN_DNS_A});
  EXPECT_GE(sendconn_dns_answer_status(answer.get()), SENDCONN_DNS_TIMEOUT);
}

void keep_keys(Trial& trial) {
  Key key;
  Bytes bytes;
  CALL(trial, sendconn_key_generate, key.out(), std::int32_t{SENDCONN_KEY_ED25519}, std::uint32_t{0});
  const sendconn_key* made = key.get();
  CALL(trial, sendconn_key_to_pem, bytes.out(), made, optional<const char>(nullptr), std::size_t{0});
  const std::string pem = sendconn_bytes_data(bytes.get());
  Key loaded;
  CALL(trial, sendconn_key_from_pem, loaded.out(), pem.c_str(), SENDCONN_NUL, optional<const char>(nullptr),
       std::size_t{0});
  made = loaded.get();
  EXPECT_EQ(GET(trial, sendconn_key_type, made), SENDCONN_KEY_ED25519);
  EXPECT_EQ(GET(trial, sendconn_key_bits, made), 256U);
  CALL(trial, sendconn_dkim_key_record, bytes.out(), made);
  const std::string record = sendconn_bytes_data(bytes.get());
  CALL(trial, sendconn_dkim_key_zone_line, bytes.out(), made, "example.org", SENDCONN_NUL, "s1", SENDCONN_NUL);
  std::int32_t match = -1;
  CALL(trial, sendconn_dkim_key_compare, &match, optional(bytes.out()), made, record.c_str(), SENDCONN_NUL);
  EXPECT_EQ(match, SENDCONN_DKIM_KEY_MATCHES);
  Findings findings;
  CALL(trial, sendconn_dkim_key_lint, findings.out(), "v=DKIM1; k=rsa; p=", SENDCONN_NUL);
  const sendconn_findings* const found = findings.get();
  EXPECT_GE(GET(trial, sendconn_findings_count, found), 1U);
  sendconn_finding finding = SENDCONN_FINDING_INIT;
  CALL(trial, sendconn_findings_get, &finding, found, std::size_t{0});
  EXPECT_STREQ(finding.code, "revoked");
  sendconn_findings* fresh_findings = nullptr;
  sendconn_spf_lint(&fresh_findings, "v=spf1 +all", SENDCONN_NUL, nullptr);
  GET(trial, sendconn_findings_free, fresh_findings);
  sendconn_key* fresh = nullptr;
  sendconn_key_from_pem(&fresh, pem.c_str(), SENDCONN_NUL, nullptr, 0, nullptr);
  GET(trial, sendconn_key_free, fresh);
}

void load_keys_from_files(Trial& trial) {
  const std::string path = testing::TempDir() + "/capi-key.pem";
  std::FILE* const file = std::fopen(path.c_str(), "w");
  std::fputs(example().pem.c_str(), file);
  std::fclose(file);
  Key key;
  CALL(trial, sendconn_key_from_file, key.out(), path.c_str(), optional<const char>(nullptr), std::size_t{0});
  CALL_FOR(trial, SENDCONN_ERR_NOT_FOUND, sendconn_key_from_file, key.out(), "/nowhere/key.pem",
           optional<const char>(nullptr), std::size_t{0});
}

void sign(Trial& trial) {
  Key key;
  sendconn_key_from_pem(key.out(), example().pem.c_str(), SENDCONN_NUL, nullptr, 0, nullptr);
  sendconn_dkim_signature signature = SENDCONN_DKIM_SIGNATURE_INIT;
  signature.domain = "example.org";
  signature.domain_len = SENDCONN_NUL;
  signature.selector = "s1";
  signature.selector_len = SENDCONN_NUL;
  signature.key = key.get();
  sendconn_dkim_signer_options options = SENDCONN_DKIM_SIGNER_OPTIONS_INIT;
  options.oversigned = "From:Subject";
  options.oversigned_len = SENDCONN_NUL;
  options.unix_time = 1'795'359'770;
  const sendconn_dkim_signature* const one = &signature;
  const sendconn_dkim_signer_options* const given = &options;
  Handle<sendconn_dkim_signer, sendconn_dkim_signer_free> signer;
  Bytes bytes;
  CALL(trial, sendconn_dkim_signer_new, signer.out(), optional(given));
  CALL(trial, sendconn_dkim_signer_add, signer.get(), one);
  CALL(trial, sendconn_dkim_signer_update, signer.get(), message, SENDCONN_NUL);
  CALL(trial, sendconn_dkim_signer_finish, bytes.out(), signer.get());
  CALL_FOR(trial, SENDCONN_ERR_WRONG_STATE, sendconn_dkim_signer_finish, bytes.out(), signer.get());
  CALL(trial, sendconn_dkim_sign, bytes.out(), message, SENDCONN_NUL, one, optional(given));
  sendconn_dkim_signer* fresh = nullptr;
  sendconn_dkim_signer_new(&fresh, nullptr, nullptr);
  GET(trial, sendconn_dkim_signer_free, fresh);
}

void verify(Trial& trial) {
  const Signed& given = example();
  Handle<sendconn_dkim_key_cache, sendconn_dkim_key_cache_free> cache;
  CALL(trial, sendconn_dkim_key_cache_new, cache.out(), std::size_t{10});
  sendconn_dkim_verify_options options = SENDCONN_DKIM_VERIFY_OPTIONS_INIT;
  const sendconn_dkim_verify_options* const all = &options;
  Handle<sendconn_dkim_verifier, sendconn_dkim_verifier_free> verifier;
  CALL(trial, sendconn_dkim_verifier_new, verifier.out(), optional(all), optional(cache.get()));
  CALL(trial, sendconn_dkim_verifier_update, verifier.get(), given.message.c_str(), SENDCONN_NUL);
  CALL(trial, sendconn_dkim_verifier_finish, verifier.get());
  const sendconn_dkim_verifier* const one = verifier.get();
  sendconn_dkim_result result = SENDCONN_DKIM_RESULT_INIT;
  CALL_FOR(trial, SENDCONN_ERR_WRONG_STATE, sendconn_dkim_verifier_result, &result, one, std::size_t{0});
  sendconn_dns_question question;
  ask(trial, question, sendconn_dkim_verifier_next_question, verifier.get(), "sendconn_dkim_verifier_next_question");
  EXPECT_STREQ(question.name, "s1._domainkey.example.org");
  Answer answer;
  sendconn_dns_answer_new(answer.out(), 0, nullptr);
  sendconn_dns_answer_add_text(answer.get(), given.record.c_str(), SENDCONN_NUL, nullptr);
  const sendconn_dns_answer* const found = answer.get();
  CALL(trial, sendconn_dkim_verifier_answer, verifier.get(), question.name, question.name_len, question.type, found);
  EXPECT_EQ(GET(trial, sendconn_dkim_verifier_done, one), 1);
  EXPECT_EQ(GET(trial, sendconn_dkim_verifier_count, one), 1U);
  CALL(trial, sendconn_dkim_verifier_result, &result, one, std::size_t{0});
  EXPECT_EQ(result.verdict, SENDCONN_DKIM_PASS);
  EXPECT_STREQ(GET(trial, sendconn_dkim_verdict_text, result.verdict), "pass");
  EXPECT_STRNE(GET(trial, sendconn_dkim_reason_text, result.reason), "?");
  sendconn_dkim_verifier* fresh = nullptr;
  sendconn_dkim_verifier_new(&fresh, nullptr, nullptr, nullptr);
  GET(trial, sendconn_dkim_verifier_free, fresh);
  sendconn_dkim_key_cache* fresh_cache = nullptr;
  sendconn_dkim_key_cache_new(&fresh_cache, 0, nullptr);
  GET(trial, sendconn_dkim_key_cache_free, fresh_cache);
}

void verify_blocking(Trial& trial) {
  Resolver resolver;
  sendconn_resolver_new_zone(resolver.out(), example().zone.c_str(), SENDCONN_NUL, nullptr);
  Handle<sendconn_dkim_verifier, sendconn_dkim_verifier_free> verifier;
  sendconn_dkim_verifier_new(verifier.out(), nullptr, nullptr, nullptr);
  sendconn_dkim_verifier_update(verifier.get(), example().message.c_str(), SENDCONN_NUL, nullptr);
  CALL_FOR(trial, SENDCONN_ERR_WRONG_STATE, sendconn_dkim_verifier_run, verifier.get(), resolver.get());
  sendconn_dkim_verifier_finish(verifier.get(), nullptr);
  CALL(trial, sendconn_dkim_verifier_run, verifier.get(), resolver.get());
  sendconn_dkim_result result = SENDCONN_DKIM_RESULT_INIT;
  sendconn_dkim_verifier_result(&result, verifier.get(), 0, nullptr);
  EXPECT_EQ(result.verdict, SENDCONN_DKIM_PASS) << result.explanation;
}

sendconn_spf_request request_from(const char* client) {
  sendconn_spf_request request = SENDCONN_SPF_REQUEST_INIT;
  request.client = client;
  request.client_len = SENDCONN_NUL;
  request.helo = "mail.example.org";
  request.helo_len = SENDCONN_NUL;
  request.mail_from = "somebody.with.a.long.name@example.org";
  request.mail_from_len = SENDCONN_NUL;
  return request;
}

void check_spf(Trial& trial) {
  sendconn_spf_options options = SENDCONN_SPF_OPTIONS_INIT;
  options.trace = 1;
  options.default_explanation = "an explanation that is too long to stand inside of an object";
  options.default_explanation_len = SENDCONN_NUL;
  const sendconn_spf_options* const given = &options;
  const sendconn_spf_request request = request_from("192.0.2.1");
  Handle<sendconn_spf_check, sendconn_spf_check_free> check;
  CALL(trial, sendconn_spf_check_new, check.out(), optional(given));
  const sendconn_spf_check* const one = check.get();
  EXPECT_EQ(sendconn_spf_check_verdict(one), -1);
  CALL(trial, sendconn_spf_check_start, check.get(), &request);
  sendconn_spf_outcome outcome = SENDCONN_SPF_OUTCOME_INIT;
  CALL_FOR(trial, SENDCONN_ERR_WRONG_STATE, sendconn_spf_check_outcome, &outcome, check.get());
  sendconn_dns_question question;
  ask(trial, question, sendconn_spf_check_next_question, check.get(), "sendconn_spf_check_next_question");
  EXPECT_STREQ(question.name, "example.org");
  EXPECT_EQ(question.type, SENDCONN_DNS_TXT);
  Answer answer;
  sendconn_dns_answer_new(answer.out(), 0, nullptr);
  sendconn_dns_answer_add_text(answer.get(), "v=spf1 ip4:192.0.2.1 -all", SENDCONN_NUL, nullptr);
  const sendconn_dns_answer* const found = answer.get();
  CALL(trial, sendconn_spf_check_answer, check.get(), question.name, question.name_len, question.type, found);
  EXPECT_EQ(GET(trial, sendconn_spf_check_done, one), 1);
  EXPECT_EQ(GET(trial, sendconn_spf_check_verdict, one), SENDCONN_SPF_PASS);
  CALL(trial, sendconn_spf_check_outcome, &outcome, check.get());
  EXPECT_STREQ(outcome.matched, "ip4:192.0.2.1");
  sendconn_spf_step step = SENDCONN_SPF_STEP_INIT;
  CALL(trial, sendconn_spf_check_step, &step, one, std::size_t{0});
  EXPECT_STREQ(step.domain, "example.org");
  std::size_t length = 0;
  std::uint32_t depth = 0;
  EXPECT_NE(GET(trial, sendconn_spf_check_trace, &length, &depth, one, std::size_t{0}), nullptr);
  Bytes bytes;
  CALL(trial, sendconn_spf_check_received, bytes.out(), check.get(), "mx.example.net", SENDCONN_NUL);
  EXPECT_STREQ(GET(trial, sendconn_spf_verdict_text, outcome.verdict), "pass");
  EXPECT_STRNE(GET(trial, sendconn_spf_reason_text, outcome.reason), "?");
  sendconn_spf_check* fresh = nullptr;
  sendconn_spf_check_new(&fresh, nullptr, nullptr);
  GET(trial, sendconn_spf_check_free, fresh);
}

void check_spf_blocking(Trial& trial) {
  Resolver resolver;
  sendconn_resolver_new_zone(resolver.out(), example().zone.c_str(), SENDCONN_NUL, nullptr);
  const sendconn_spf_request request = request_from("198.51.100.1");
  Handle<sendconn_spf_check, sendconn_spf_check_free> check;
  sendconn_spf_check_new(check.out(), nullptr, nullptr);
  sendconn_spf_check_start(check.get(), &request, nullptr);
  CALL(trial, sendconn_spf_check_run, check.get(), resolver.get());
  EXPECT_EQ(sendconn_spf_check_verdict(check.get()), SENDCONN_SPF_FAIL);
}

void edit_spf(Trial& trial) {
  Bytes bytes;
  CALL(trial, sendconn_spf_add_term, bytes.out(), "v=spf1 mx -all", SENDCONN_NUL, "include:spf.example.net",
       SENDCONN_NUL);
  EXPECT_STREQ(sendconn_bytes_data(bytes.get()), "v=spf1 mx include:spf.example.net -all");
  CALL(trial, sendconn_spf_remove_term, bytes.out(), "v=spf1 mx include:spf.example.net -all", SENDCONN_NUL, "mx",
       SENDCONN_NUL);
  Findings findings;
  CALL(trial, sendconn_spf_lint, findings.out(), "v=spf1 ptr +all", SENDCONN_NUL);
  EXPECT_GE(sendconn_findings_count(findings.get()), 2U);
  CALL(trial, sendconn_dmarc_lint, findings.out(), "v=DMARC1; p=rejct", SENDCONN_NUL);
  EXPECT_GE(sendconn_findings_count(findings.get()), 1U);
}

void check_dmarc(Trial& trial) {
  sendconn_dmarc_options options = SENDCONN_DMARC_OPTIONS_INIT;
  const sendconn_dmarc_options* const given = &options;
  Handle<sendconn_dmarc_check, sendconn_dmarc_check_free> check;
  CALL(trial, sendconn_dmarc_check_new, check.out(), optional(given));
  CALL(trial, sendconn_dmarc_check_add_author, check.get(), "example.org", SENDCONN_NUL);
  CALL(trial, sendconn_dmarc_check_set_spf, check.get(), std::int32_t{SENDCONN_DMARC_EVIDENCE_FAIL}, "example.org",
       SENDCONN_NUL);
  CALL(trial, sendconn_dmarc_check_add_dkim, check.get(), std::int32_t{SENDCONN_DMARC_EVIDENCE_PASS},
       "mail.example.org", SENDCONN_NUL);
  sendconn_dns_question question;
  ask(trial, question, sendconn_dmarc_check_next_question, check.get(), "sendconn_dmarc_check_next_question");
  EXPECT_EQ(question.type, SENDCONN_DNS_TXT);
  Answer answer;
  sendconn_dns_answer_new(answer.out(), SENDCONN_DNS_NO_SUCH_NAME, nullptr);
  const sendconn_dns_answer* const none = answer.get();
  CALL(trial, sendconn_dmarc_check_answer, check.get(), question.name, question.name_len, question.type, none);
  Resolver resolver;
  sendconn_resolver_new_zone(resolver.out(), example().zone.c_str(), SENDCONN_NUL, nullptr);
  Handle<sendconn_dmarc_check, sendconn_dmarc_check_free> blocking;
  sendconn_dmarc_check_new(blocking.out(), nullptr, nullptr);
  sendconn_dmarc_check_add_author(blocking.get(), "example.org", SENDCONN_NUL, nullptr);
  sendconn_dmarc_check_add_dkim(blocking.get(), SENDCONN_DMARC_EVIDENCE_PASS, "mail.example.org", SENDCONN_NUL,
                                nullptr);
  sendconn_dmarc_outcome outcome = SENDCONN_DMARC_OUTCOME_INIT;
  CALL_FOR(trial, SENDCONN_ERR_WRONG_STATE, sendconn_dmarc_check_outcome, &outcome, blocking.get());
  CALL(trial, sendconn_dmarc_check_run, blocking.get(), resolver.get());
  const sendconn_dmarc_check* const one = blocking.get();
  EXPECT_EQ(GET(trial, sendconn_dmarc_check_done, one), 1);
  CALL(trial, sendconn_dmarc_check_outcome, &outcome, blocking.get());
  EXPECT_EQ(outcome.verdict, SENDCONN_DMARC_PASS);
  EXPECT_EQ(outcome.dkim, SENDCONN_DMARC_ALIGNED_RELAXED);
  EXPECT_STREQ(GET(trial, sendconn_dmarc_verdict_text, outcome.verdict), "pass");
  EXPECT_STREQ(GET(trial, sendconn_dmarc_policy_text, outcome.published), "reject");
  sendconn_dmarc_check* fresh = nullptr;
  sendconn_dmarc_check_new(&fresh, nullptr, nullptr);
  GET(trial, sendconn_dmarc_check_free, fresh);
}

void write_results(Trial& trial) {
  Handle<sendconn_authres, sendconn_authres_free> authres;
  CALL(trial, sendconn_authres_new, authres.out(), "mx.receiver.example", SENDCONN_NUL);
  sendconn_authres_statement statement = SENDCONN_AUTHRES_STATEMENT_INIT;
  statement.method = "spf";
  statement.method_len = SENDCONN_NUL;
  statement.result = "pass";
  statement.result_len = SENDCONN_NUL;
  sendconn_authres_property property = SENDCONN_AUTHRES_PROPERTY_INIT;
  property.type = "smtp";
  property.type_len = SENDCONN_NUL;
  property.name = "mailfrom";
  property.name_len = SENDCONN_NUL;
  property.value = "somebody.with.a.long.name@example.org";
  property.value_len = SENDCONN_NUL;
  const sendconn_authres_statement* const said = &statement;
  const sendconn_authres_property* const about = &property;
  CALL_FOR(trial, SENDCONN_ERR_WRONG_STATE, sendconn_authres_add_property, authres.get(), about);
  CALL(trial, sendconn_authres_add, authres.get(), said);
  CALL(trial, sendconn_authres_add_property, authres.get(), about);
  Bytes bytes;
  const sendconn_authres* one = authres.get();
  CALL(trial, sendconn_authres_format, bytes.out(), one);
  const std::string field = sendconn_bytes_data(bytes.get());
  CALL(trial, sendconn_authres_parse, authres.out(), field.c_str() + std::strlen("Authentication-Results:"),
       SENDCONN_NUL);
  one = authres.get();
  std::size_t length = 0;
  EXPECT_STREQ(GET(trial, sendconn_authres_id, &length, one), "mx.receiver.example");
  EXPECT_EQ(GET(trial, sendconn_authres_count, one), 1U);
  CALL(trial, sendconn_authres_get, &statement, one, std::size_t{0});
  EXPECT_EQ(statement.properties, 1U);
  CALL(trial, sendconn_authres_get_property, &property, one, std::size_t{0}, std::size_t{0});
  EXPECT_STREQ(property.name, "mailfrom");
  sendconn_authres* fresh = nullptr;
  sendconn_authres_new(&fresh, "x", 1, nullptr);
  GET(trial, sendconn_authres_free, fresh);
}

void remove_forged_results(Trial& trial) {
  Handle<sendconn_authres_filter, sendconn_authres_filter_free> filter;
  CALL(trial, sendconn_authres_filter_new, filter.out(), "mx.receiver.example", SENDCONN_NUL);
  CALL(trial, sendconn_authres_filter_add_id, filter.get(), "other.receiver.example", SENDCONN_NUL);
  const char* kept = nullptr;
  std::size_t kept_len = 0;
  CALL(trial, sendconn_authres_filter_feed, &kept, &kept_len, filter.get(),
       "A: b\r\nAuthentication-Results: other.receiver.example; spf=pass\r\nAuthentication-Results: third.example; x",
       SENDCONN_NUL);
  CALL(trial, sendconn_authres_filter_finish, &kept, &kept_len, filter.get());
  const sendconn_authres_filter* const one = filter.get();
  EXPECT_EQ(GET(trial, sendconn_authres_filter_removed, one), 1U);
  sendconn_authres_filter* fresh = nullptr;
  sendconn_authres_filter_new(&fresh, "x", 1, nullptr);
  GET(trial, sendconn_authres_filter_free, fresh);
}

void authenticate(Trial& trial) {
  sendconn_authenticate_options options = SENDCONN_AUTHENTICATE_OPTIONS_INIT;
  options.client = "192.0.2.1";
  options.client_len = SENDCONN_NUL;
  options.helo = "mail.example.org";
  options.helo_len = SENDCONN_NUL;
  options.mail_from = "somebody.with.a.long.name@example.org";
  options.mail_from_len = SENDCONN_NUL;
  const sendconn_authenticate_options* const given = &options;
  Handle<sendconn_authenticate, sendconn_authenticate_free> check;
  CALL(trial, sendconn_authenticate_new, check.out(), given);
  CALL(trial, sendconn_authenticate_update, check.get(), example().message.c_str(), SENDCONN_NUL);
  CALL(trial, sendconn_authenticate_finish, check.get());
  const sendconn_authenticate* one = check.get();
  sendconn_authenticate_results results = SENDCONN_AUTHENTICATE_RESULTS_INIT;
  CALL_FOR(trial, SENDCONN_ERR_WRONG_STATE, sendconn_authenticate_get, &results, one);
  sendconn_dns_question question;
  ask(trial, question, sendconn_authenticate_next_question, check.get(), "sendconn_authenticate_next_question");
  Answer answer;
  sendconn_dns_answer_new(answer.out(), SENDCONN_DNS_TIMEOUT, nullptr);
  const sendconn_dns_answer* const none = answer.get();
  CALL(trial, sendconn_authenticate_answer, check.get(), question.name, question.name_len, question.type, none);
  CALL(trial, sendconn_authenticate_give_up, check.get());
  EXPECT_EQ(GET(trial, sendconn_authenticate_done, one), 1);
  Resolver resolver;
  sendconn_resolver_new_zone(resolver.out(), example().zone.c_str(), SENDCONN_NUL, nullptr);
  Handle<sendconn_authenticate, sendconn_authenticate_free> blocking;
  sendconn_authenticate_new(blocking.out(), &options, nullptr);
  sendconn_authenticate_update(blocking.get(), example().message.c_str(), SENDCONN_NUL, nullptr);
  sendconn_authenticate_finish(blocking.get(), nullptr);
  CALL(trial, sendconn_authenticate_run, blocking.get(), resolver.get());
  one = blocking.get();
  CALL(trial, sendconn_authenticate_get, &results, one);
  EXPECT_EQ(results.spf, SENDCONN_SPF_PASS);
  EXPECT_EQ(results.dkim, SENDCONN_DKIM_PASS);
  EXPECT_EQ(results.dmarc, SENDCONN_DMARC_PASS);
  sendconn_spf_outcome spf = SENDCONN_SPF_OUTCOME_INIT;
  CALL(trial, sendconn_authenticate_spf, &spf, one, std::int32_t{SENDCONN_SPF_HELO});
  sendconn_dkim_result dkim = SENDCONN_DKIM_RESULT_INIT;
  CALL(trial, sendconn_authenticate_dkim, &dkim, one, std::size_t{0});
  sendconn_dmarc_outcome dmarc = SENDCONN_DMARC_OUTCOME_INIT;
  CALL(trial, sendconn_authenticate_dmarc, &dmarc, one);
  EXPECT_STREQ(dmarc.author, "example.org");
  Bytes bytes;
  CALL(trial, sendconn_authenticate_format, bytes.out(), one, "mx.receiver.example", SENDCONN_NUL);
  sendconn_authenticate* fresh = nullptr;
  sendconn_authenticate_new(&fresh, &options, nullptr);
  GET(trial, sendconn_authenticate_free, fresh);
}

void prove_ownership(Trial& trial) {
  Bytes token;
  CALL(trial, sendconn_ownership_token, token.out());
  EXPECT_EQ(sendconn_bytes_size(token.get()), 40U);
  const char* const digits = "86e1828056287e279c93eb37ee8b7a8a6c71c097";
  Handle<sendconn_ownership_check, sendconn_ownership_check_free> check;
  CALL(trial, sendconn_ownership_check_new, check.out(), "provider", SENDCONN_NUL, "example.org", SENDCONN_NUL, digits,
       SENDCONN_NUL);
  const sendconn_ownership_check* const one = check.get();
  Bytes name;
  Bytes text;
  CALL(trial, sendconn_ownership_check_record, optional(name.out()), optional(text.out()), one,
       std::int32_t{SENDCONN_OWNERSHIP_RECOMMENDED});
  EXPECT_STREQ(sendconn_bytes_data(name.get()), "_provider-challenge.example.org");
  sendconn_dns_question question;
  ask(trial, question, sendconn_ownership_check_next_question, check.get(), "sendconn_ownership_check_next_question");
  Answer answer;
  sendconn_dns_answer_new(answer.out(), SENDCONN_DNS_NO_SUCH_NAME, nullptr);
  const sendconn_dns_answer* const none = answer.get();
  CALL(trial, sendconn_ownership_check_answer, check.get(), question.name, question.name_len, question.type, none);
  sendconn_ownership_outcome outcome = SENDCONN_OWNERSHIP_OUTCOME_INIT;
  CALL_FOR(trial, SENDCONN_ERR_WRONG_STATE, sendconn_ownership_check_outcome, &outcome, one);
  Resolver resolver;
  const std::string zone = "example.org. 60 TXT \"provider-verification=" + std::string(digits) + "\"\n";
  sendconn_resolver_new_zone(resolver.out(), zone.c_str(), SENDCONN_NUL, nullptr);
  CALL(trial, sendconn_ownership_check_run, check.get(), resolver.get());
  EXPECT_EQ(GET(trial, sendconn_ownership_check_done, one), 1);
  CALL(trial, sendconn_ownership_check_outcome, &outcome, one);
  EXPECT_EQ(outcome.verdict, SENDCONN_OWNERSHIP_VERIFIED);
  EXPECT_STREQ(GET(trial, sendconn_ownership_verdict_text, outcome.verdict), "verified");
  sendconn_ownership_check* fresh = nullptr;
  sendconn_ownership_check_new(&fresh, "p", 1, "example.org", SENDCONN_NUL, digits, SENDCONN_NUL, nullptr);
  GET(trial, sendconn_ownership_check_free, fresh);
}

}  // namespace

std::vector<NamedScenario> check_scenarios() {
  return {{"build_answers", build_answers},
          {"resolve", resolve},
          {"resolve_over_the_network", resolve_over_the_network},
          {"keep_keys", keep_keys},
          {"load_keys_from_files", load_keys_from_files},
          {"sign", sign},
          {"verify", verify},
          {"verify_blocking", verify_blocking},
          {"check_spf", check_spf},
          {"check_spf_blocking", check_spf_blocking},
          {"edit_spf", edit_spf},
          {"check_dmarc", check_dmarc},
          {"write_results", write_results},
          {"remove_forged_results", remove_forged_results},
          {"authenticate", authenticate},
          {"prove_ownership", prove_ownership}};
}

}  // namespace sendconn::test
