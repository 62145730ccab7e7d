// DNS questions and answers as values. The machines of the library emit questions and take answers; who asks the
// network is not their business (a Resolver of <sendconn/resolver.hpp> does, or the caller's own).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/ip.hpp>
#include <sendconn/result.hpp>

#pragma GCC visibility push(default)

namespace sendconn::dns {

enum class RecordType : std::uint16_t { a = 1, cname = 5, mx = 15, txt = 16, aaaa = 28, ptr = 12, ns = 2, tlsa = 52 };

std::string_view format(RecordType type);  ///< "TXT"
Result<RecordType> parse_record_type(std::string_view text);

/// What a machine wants to know. `name` is in wire form for people: A-labels, no trailing dot.
struct Question {
  std::string name;
  RecordType type = RecordType::a;
  friend auto operator<=>(const Question&, const Question&) = default;  // NOLINT(modernize-use-nullptr): LLVM 14 errs
};

/// How a question ended (DESIGN: a failure says which). Only `no_error` carries values.
enum class Status : std::uint8_t {
  no_error,
  no_such_name,    ///< NXDOMAIN (RFC 8020: nothing below exists either)
  no_data,         ///< the name exists, this type does not
  timeout,         ///< nobody answered within the deadline
  server_failure,  ///< SERVFAIL, REFUSED or any other failure a server reports
  malformed,       ///< an answer that cannot be read
};

std::string_view format(Status status);
/// timeout, server_failure or malformed: asking again later may help, and the absence of a record is not shown.
constexpr bool is_temporary(Status status) noexcept { return status >= Status::timeout; }

/// One record's data; which member is filled depends on the question's type.
struct Record {
  IpAddress address;             ///< A, AAAA
  std::uint16_t preference = 0;  ///< MX
  std::string text;  ///< TXT: its strings joined; MX, CNAME, PTR, NS: the name, lower case, no trailing dot;
                     ///< else the raw data. Octets as published: not yet checked for anything
  friend auto operator<=>(const Record&, const Record&) = default;
};

struct Answer {
  Status status = Status::no_error;
  std::vector<Record> records;       ///< in the order received; empty unless status is no_error
  std::chrono::seconds ttl{0};       ///< the smallest TTL on the way; for negative answers RFC 2308's
  bool authenticated = false;        ///< the AD bit of a resolver that validates
  std::vector<std::string> aliases;  ///< the names a chain of CNAMEs led through, lower case; the last owns `records`

  [[nodiscard]] bool ok() const noexcept { return status == Status::no_error; }
};

}  // namespace sendconn::dns

#pragma GCC visibility pop
