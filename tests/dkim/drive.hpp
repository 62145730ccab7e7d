// Drives a Verifier from texts: a message, the records of a pretended DNS, and where to cut.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/dkim_verify.hpp>

namespace sendconn::dkim {

/// What stands at a name: TXT records, or how a question for them fails.
struct FakeName {
  std::vector<std::string> records;
  dns::Status status = dns::Status::no_error;
};
/// Names that are not there do not exist.
using FakeDns = std::map<std::string, FakeName>;

dns::Answer lookup(const FakeDns& dns, const dns::Question& question);

enum class AnswerTime { as_asked, at_the_end, reversed_at_the_end };

struct Driven {
  std::vector<SignatureResult> results;
  std::vector<dns::Question> asked;
};

/// All of `pieces`, one after the other; terminates the test program if the verifier is not done then.
Result<Driven> drive(const std::vector<std::string_view>& pieces, const FakeDns& dns, const VerifyOptions& options,
                     AnswerTime when = AnswerTime::as_asked);

/// One line for each result with everything in it, so that two runs can be compared.
std::string describe(const std::vector<SignatureResult>& results);

/// Line ends as mail has them.
std::string with_crlf(std::string_view text);

}  // namespace sendconn::dkim
