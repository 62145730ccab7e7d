// Rate limits.
#include <sendconn/limit.hpp>

#include <vector>

#include "capi/structs.hpp"
#include "capi/time.hpp"

using namespace sendconn;
using namespace sendconn::capi;

struct sendconn_bucket {
  limit::TokenBucket bucket;
};

struct sendconn_bucket_table {
  limit::Table table;
};

namespace {

constexpr std::size_t default_keys = 100'000;  // as limit::Table has it
constexpr std::size_t max_demands = 64;        // our own bound; a message meets a handful of limits

limit::Rate rate_of(std::uint64_t count, std::uint64_t period, std::uint64_t burst) {
  if (count < 1 || count > limit::Rate::max_count || burst > limit::Rate::max_count)
    refuse(SENDCONN_ERR_INVALID_ARGUMENT, "count and burst of a rate must be from 1 to 1000000000");
  if (period != 1 && period != 60 && period != 3600 && period != 86'400)
    refuse(SENDCONN_ERR_INVALID_ARGUMENT,
           "the period of a rate is 1, 60, 3600 or 86400 seconds, not " + std::to_string(period));
  return {count, std::chrono::seconds(period), burst != 0 ? burst : count};
}

limit::Rate rate_of(const sendconn_rate* rate) {
  const auto given = read(rate, "rate");
  return rate_of(given.count, given.period, given.burst);
}

/// The keys are the caller's.
std::vector<limit::Table::Demand> demands_of(const sendconn_bucket_demand* demands, std::size_t count) {
  if (count > max_demands)
    refuse(SENDCONN_ERR_INVALID_ARGUMENT,
           std::to_string(count) + " demands at once; " + std::to_string(max_demands) + " are possible");
  std::vector<limit::Table::Demand> result;
  for_each_struct(demands, count, "demands", [&](const sendconn_bucket_demand& demand) {
    result.push_back({text(demand.key, demand.key_len, "key"), rate_of(demand.count, demand.period, demand.burst),
                      demand.tokens != 0 ? demand.tokens : 1});
  });
  return result;
}

std::int64_t wait_of(const std::optional<Duration>& wait) noexcept {
  return wait && *wait != Duration::max() ? nanoseconds_of(*wait) : SENDCONN_NEVER;
}

}  // namespace

sendconn_status sendconn_rate_parse(sendconn_rate* out, const char* data, std::size_t size,
                                    sendconn_error** error) noexcept {
  return guard(error, [&] {
    OutStruct slot(out, "out");
    const limit::Rate rate = take(limit::Rate::parse(text(data, size, "text")));
    auto filled = sendconn_initialized<sendconn_rate>();
    filled.count = rate.count;
    filled.period = static_cast<std::uint64_t>(rate.period.count());
    filled.burst = rate.burst;
    slot.set(filled);
  });
}

sendconn_status sendconn_bucket_new(sendconn_bucket** out, const sendconn_rate* rate, std::int64_t now,
                                    sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    slot.set(std::unique_ptr<sendconn_bucket>(new sendconn_bucket{limit::TokenBucket(rate_of(rate), instant_of(now))}));
  });
}

std::int32_t sendconn_bucket_take(sendconn_bucket* bucket, std::uint64_t tokens, std::int64_t now) noexcept {
  return bucket != nullptr && bucket->bucket.take(tokens, instant_of(now)) ? 1 : 0;
}

void sendconn_bucket_give_back(sendconn_bucket* bucket, std::uint64_t tokens) noexcept {
  if (bucket != nullptr) bucket->bucket.give_back(tokens);
}

std::uint64_t sendconn_bucket_available(const sendconn_bucket* bucket, std::int64_t now) noexcept {
  return bucket != nullptr ? bucket->bucket.available(instant_of(now)) : 0;
}

std::int64_t sendconn_bucket_wait(const sendconn_bucket* bucket, std::uint64_t tokens, std::int64_t now) noexcept {
  return bucket != nullptr ? wait_of(bucket->bucket.wait(tokens, instant_of(now))) : 0;
}

sendconn_status sendconn_bucket_set_rate(sendconn_bucket* bucket, const sendconn_rate* rate, std::int64_t now,
                                         sendconn_error** error) noexcept {
  return guard(error, [&] { need(bucket, "bucket").bucket.set_rate(rate_of(rate), instant_of(now)); });
}

void sendconn_bucket_free(sendconn_bucket* bucket) noexcept { delete bucket; }

sendconn_status sendconn_bucket_table_new(sendconn_bucket_table** out, std::size_t max_keys,
                                          sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    slot.set(std::unique_ptr<sendconn_bucket_table>(
        new sendconn_bucket_table{limit::Table(max_keys != 0 ? max_keys : default_keys)}));
  });
}

sendconn_status sendconn_bucket_table_take(std::int32_t* granted, std::size_t* refused_by, std::int64_t* wait,
                                           sendconn_bucket_table* table, const sendconn_bucket_demand* demands,
                                           std::size_t count, std::int64_t now, sendconn_error** error) noexcept {
  return guard(error, [&] {
    std::int32_t& result = need(granted, "granted");
    limit::Table& from = need(table, "table").table;
    const limit::Table::Verdict verdict = from.take(demands_of(demands, count), instant_of(now));
    result = verdict.granted ? 1 : 0;
    if (refused_by != nullptr) *refused_by = verdict.refused_by;
    if (wait != nullptr) *wait = verdict.granted ? 0 : wait_of(verdict.wait);
  });
}

sendconn_status sendconn_bucket_table_give_back(sendconn_bucket_table* table, const sendconn_bucket_demand* demands,
                                                std::size_t count, sendconn_error** error) noexcept {
  return guard(error, [&] {
    limit::Table& to = need(table, "table").table;
    to.give_back(demands_of(demands, count));
  });
}

std::size_t sendconn_bucket_table_count(const sendconn_bucket_table* table) noexcept {
  return guard_value<std::size_t>(0, [&] { return need(table, "table").table.size(); });
}

void sendconn_bucket_table_free(sendconn_bucket_table* table) noexcept { delete table; }
