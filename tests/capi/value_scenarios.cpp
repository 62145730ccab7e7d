#include <cstdio>

#include "tests/capi/scenarios.hpp"

namespace sendconn::test {
namespace {

using Bytes = Handle<sendconn_bytes, sendconn_bytes_free>;
using Findings = Handle<sendconn_findings, sendconn_findings_free>;

std::size_t length;

void say_what_it_is(Trial& trial) {
  EXPECT_STREQ(GET(trial, sendconn_version), "0.1.0");
  EXPECT_EQ(GET(trial, sendconn_version_number), std::uint32_t{SENDCONN_VERSION_NUMBER});
  EXPECT_EQ(GET(trial, sendconn_has_feature, "spf", SENDCONN_NUL), 1);
  EXPECT_EQ(sendconn_has_feature("spam", 4), 0);
  EXPECT_NE(GET(trial, sendconn_feature, std::size_t{0}), nullptr);
  EXPECT_EQ(sendconn_feature(1000), nullptr);
  EXPECT_STREQ(GET(trial, sendconn_status_name, SENDCONN_ERR_TLS), "SENDCONN_ERR_TLS");
  EXPECT_STREQ(sendconn_status_name(12345), "?");
  EXPECT_GT(GET(trial, sendconn_clock_monotonic), 0);
  EXPECT_GT(GET(trial, sendconn_clock_unix), 0);
}

void tell_an_error(Trial& trial) {
  Handle<sendconn_error, sendconn_error_free> error;
  Bytes out;
  EXPECT_EQ(sendconn_domain_normalize(out.out(), "a..b", SENDCONN_NUL, error.out()), SENDCONN_ERR_SYNTAX);
  EXPECT_EQ(GET(trial, sendconn_error_status, static_cast<const sendconn_error*>(error.get())), SENDCONN_ERR_SYNTAX);
  EXPECT_STRNE(GET(trial, sendconn_error_text, static_cast<const sendconn_error*>(error.get())), "");
  EXPECT_GE(GET(trial, sendconn_error_position, static_cast<const sendconn_error*>(error.get())), 0);
  sendconn_error* fresh = nullptr;
  sendconn_domain_normalize(out.out(), "a..b", SENDCONN_NUL, &fresh);
  GET(trial, sendconn_error_free, fresh);
}

void hand_out_octets(Trial& trial) {
  Bytes bytes;
  CALL(trial, sendconn_random, bytes.out(), std::size_t{100});
  const sendconn_bytes* const made = bytes.get();
  EXPECT_NE(GET(trial, sendconn_bytes_data, made), nullptr);
  EXPECT_EQ(GET(trial, sendconn_bytes_size, made), 100U);
  CALL_FOR(trial, SENDCONN_ERR_INVALID_ARGUMENT, sendconn_random, bytes.out(), std::size_t{0});
  sendconn_bytes* fresh = nullptr;
  sendconn_random(&fresh, 40, nullptr);
  GET(trial, sendconn_bytes_free, fresh);
}

void read_domains(Trial& trial) {
  Bytes bytes;
  CALL(trial, sendconn_domain_normalize, bytes.out(),
       "B\xc3\xbc"
       "cher.Example.",
       SENDCONN_NUL);
  EXPECT_STREQ(sendconn_bytes_data(bytes.get()), "xn--bcher-kva.example");
  CALL(trial, sendconn_domain_display, bytes.out(), "xn--bcher-kva.example", SENDCONN_NUL);
  EXPECT_STREQ(sendconn_bytes_data(bytes.get()),
               "b\xc3\xbc"
               "cher.example");
  std::int32_t within = -1;
  CALL(trial, sendconn_domain_is_within, &within, "mail.example", SENDCONN_NUL, "example", SENDCONN_NUL);
  EXPECT_EQ(within, 1);
  CALL_FOR(trial, SENDCONN_ERR_SYNTAX, sendconn_domain_normalize, bytes.out(), "-", SENDCONN_NUL);
}

void read_addresses(Trial& trial) {
  Handle<sendconn_address, sendconn_address_free> address;
  CALL(trial, sendconn_address_parse, address.out(), "J\xc3\xb6rg@Example.org", SENDCONN_NUL);
  const sendconn_address* const one = address.get();
  EXPECT_STREQ(GET(trial, sendconn_address_text, &length, one), "J\xc3\xb6rg@example.org");
  EXPECT_STREQ(GET(trial, sendconn_address_local, &length, one), "J\xc3\xb6rg");
  EXPECT_STREQ(GET(trial, sendconn_address_domain, &length, one), "example.org");
  EXPECT_EQ(length, 11U);
  EXPECT_EQ(GET(trial, sendconn_address_needs_smtputf8, one), 1);
  sendconn_address* fresh = nullptr;
  sendconn_address_parse(&fresh, "a@b.example", SENDCONN_NUL, nullptr);
  GET(trial, sendconn_address_free, fresh);

  Handle<sendconn_address_list, sendconn_address_list_free> list;
  CALL(trial, sendconn_address_list_parse, list.out(), "Ada <ada@example.org>, bob@example.net", SENDCONN_NUL,
       std::size_t{0});
  const sendconn_address_list* const all = list.get();
  EXPECT_EQ(GET(trial, sendconn_address_list_count, all), 2U);
  EXPECT_STREQ(sendconn_address_text(nullptr, GET(trial, sendconn_address_list_get, all, std::size_t{1})),
               "bob@example.net");
  EXPECT_EQ(sendconn_address_list_get(all, 2), nullptr);
  sendconn_address_list* fresh_list = nullptr;
  sendconn_address_list_parse(&fresh_list, "a@b.example", SENDCONN_NUL, 1, nullptr);
  GET(trial, sendconn_address_list_free, fresh_list);
}

void read_messages(Trial& trial) {
  Handle<sendconn_header, sendconn_header_free> header;
  CALL(trial, sendconn_header_parse, header.out(), "From: a@b.example\r\nSubject: one\r\n two\r\n\r\nbody: no\r\n",
       SENDCONN_NUL);
  const sendconn_header* const one = header.get();
  EXPECT_EQ(GET(trial, sendconn_header_count, one), 2U);
  sendconn_field field = SENDCONN_FIELD_INIT;
  EXPECT_EQ(GET(trial, sendconn_header_find, one, "SUBJECT", SENDCONN_NUL, std::size_t{0}), 1);
  EXPECT_EQ(sendconn_header_find(one, "body", 4, 0), -1);
  CALL(trial, sendconn_header_get, &field, one, std::size_t{1});
  CALL_FOR(trial, SENDCONN_ERR_NOT_FOUND, sendconn_header_get, &field, one, std::size_t{2});
  Bytes bytes;
  CALL(trial, sendconn_unfold, bytes.out(), field.value, field.value_len);
  EXPECT_STREQ(sendconn_bytes_data(bytes.get()), "one two");
  CALL(trial, sendconn_format_date, bytes.out(), std::int64_t{1'795'359'770});
  EXPECT_STREQ(sendconn_bytes_data(bytes.get()), "Sun, 22 Nov 2026 15:02:50 +0000");
  CALL(trial, sendconn_to_crlf, bytes.out(), "a\nb\rc\r\n\nd", SENDCONN_NUL);
  EXPECT_STREQ(sendconn_bytes_data(bytes.get()), "a\r\nb\r\nc\r\n\r\nd");
  sendconn_header* fresh = nullptr;
  sendconn_header_parse(&fresh, "A: b\r\n", SENDCONN_NUL, nullptr);
  GET(trial, sendconn_header_free, fresh);
}

void keep_limits(Trial& trial) {
  sendconn_rate rate = SENDCONN_RATE_INIT;
  CALL(trial, sendconn_rate_parse, &rate, "60/min, burst 2", SENDCONN_NUL);
  EXPECT_EQ(rate.count, 60U);
  EXPECT_EQ(rate.period, 60U);
  Handle<sendconn_bucket, sendconn_bucket_free> bucket;
  CALL(trial, sendconn_bucket_new, bucket.out(), static_cast<const sendconn_rate*>(&rate), std::int64_t{1000});
  EXPECT_EQ(GET(trial, sendconn_bucket_take, bucket.get(), std::uint64_t{2}, std::int64_t{1000}), 1);
  EXPECT_EQ(sendconn_bucket_take(bucket.get(), 1, 1000), 0);
  const sendconn_bucket* const one = bucket.get();
  EXPECT_EQ(GET(trial, sendconn_bucket_wait, one, std::uint64_t{1}, std::int64_t{1000}), 1'000'000'000);
  EXPECT_EQ(sendconn_bucket_wait(one, 3, 1000), SENDCONN_NEVER);
  GET(trial, sendconn_bucket_give_back, bucket.get(), std::uint64_t{1});
  EXPECT_EQ(GET(trial, sendconn_bucket_available, one, std::int64_t{1000}), 1U);
  CALL(trial, sendconn_bucket_set_rate, bucket.get(), static_cast<const sendconn_rate*>(&rate), std::int64_t{1000});
  sendconn_bucket* fresh = nullptr;
  sendconn_bucket_new(&fresh, &rate, 0, nullptr);
  GET(trial, sendconn_bucket_free, fresh);
}

void keep_limits_by_key(Trial& trial) {
  Handle<sendconn_bucket_table, sendconn_bucket_table_free> table;
  CALL(trial, sendconn_bucket_table_new, table.out(), std::size_t{10});
  sendconn_bucket_demand demands[2] = {SENDCONN_BUCKET_DEMAND_INIT, SENDCONN_BUCKET_DEMAND_INIT};
  for (sendconn_bucket_demand& demand : demands) {
    demand.count = 1;
    demand.period = 3600;
  }
  demands[0].key = "a key that is too long to stand inside of a string object";
  demands[0].key_len = SENDCONN_NUL;
  demands[1].key = "two";
  demands[1].key_len = 3;
  const sendconn_bucket_demand* const both = demands;
  std::int32_t granted = -1;
  std::size_t refused_by = 0;
  std::int64_t wait = 0;
  CALL(trial, sendconn_bucket_table_take, &granted, optional(&refused_by), optional(&wait), table.get(), both,
       std::size_t{1}, std::int64_t{0});
  EXPECT_EQ(granted, 1);
  sendconn_bucket_table_take(&granted, &refused_by, &wait, table.get(), demands, 2, 0, nullptr);
  EXPECT_EQ(granted, 0);
  EXPECT_EQ(wait, 3'600'000'000'000);
  CALL(trial, sendconn_bucket_table_give_back, table.get(), both, std::size_t{1});
  const sendconn_bucket_table* const one = table.get();
  EXPECT_EQ(GET(trial, sendconn_bucket_table_count, one), 1U);
  sendconn_bucket_table* fresh = nullptr;
  sendconn_bucket_table_new(&fresh, 0, nullptr);
  GET(trial, sendconn_bucket_table_free, fresh);
}

/// ASCII: libidn, which normalizes others, leaks when its own allocations fail.
void keep_passwords(Trial& trial) {
  Bytes verifier;
  CALL(trial, sendconn_sasl_verifier, verifier.out(), "password", SENDCONN_NUL, std::uint32_t{0});
  std::int32_t good = -1;
  CALL(trial, sendconn_sasl_check_password, &good, sendconn_bytes_data(verifier.get()), SENDCONN_NUL, "password",
       SENDCONN_NUL);
  EXPECT_EQ(good, 1);
  sendconn_sasl_check_password(&good, sendconn_bytes_data(verifier.get()), SENDCONN_NUL, "other", 5, nullptr);
  EXPECT_EQ(good, 0);
}

}  // namespace

std::vector<NamedScenario> value_scenarios() {
  return {{"say_what_it_is", say_what_it_is},   {"tell_an_error", tell_an_error},
          {"hand_out_octets", hand_out_octets}, {"read_domains", read_domains},
          {"read_addresses", read_addresses},   {"read_messages", read_messages},
          {"keep_limits", keep_limits},         {"keep_limits_by_key", keep_limits_by_key},
          {"keep_passwords", keep_passwords}};
}

}  // namespace sendconn::test
