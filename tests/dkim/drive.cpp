#include "tests/dkim/drive.hpp"

#include <algorithm>
#include <cstdlib>
#include <sstream>

namespace sendconn::dkim {

dns::Answer lookup(const FakeDns& dns, const dns::Question& question) {
  dns::Answer answer;
  const auto found = dns.find(question.name);
  answer.status = found == dns.end() ? dns::Status::no_such_name : found->second.status;
  if (!answer.ok()) return answer;
  for (const std::string& text : found->second.records) {
    dns::Record record;
    record.text = text;
    answer.records.push_back(std::move(record));
  }
  return answer;
}

Result<Driven> drive(const std::vector<std::string_view>& pieces, const FakeDns& dns, const VerifyOptions& options,
                     AnswerTime when) {
  Verifier verifier(options);
  Driven driven;
  const auto ask = [&] {
    for (dns::Question& question : verifier.questions()) {
      if (when == AnswerTime::as_asked) verifier.answer(question, lookup(dns, question));
      driven.asked.push_back(std::move(question));
    }
  };
  for (const std::string_view piece : pieces) {
    if (Result<void> fed = verifier.update(piece); !fed) return std::move(fed).error();
    ask();
  }
  if (Result<void> ended = verifier.finish(); !ended) return std::move(ended).error();
  ask();
  if (when == AnswerTime::reversed_at_the_end) std::reverse(driven.asked.begin(), driven.asked.end());
  if (when != AnswerTime::as_asked)
    for (const dns::Question& question : driven.asked) verifier.answer(question, lookup(dns, question));
  if (!verifier.done()) std::abort();
  driven.results = verifier.take_results();
  return driven;
}

std::string describe(const std::vector<SignatureResult>& results) {
  std::ostringstream out;
  for (const SignatureResult& r : results)
    out << format(r.verdict) << " (" << format(r.reason) << ") d=" << r.domain << " s=" << r.selector
        << " i=" << r.identity << " a=" << r.algorithm << " bits=" << r.key_bits << " c=" << static_cast<int>(r.header)
        << '/' << static_cast<int>(r.body) << " t=" << (r.signed_at ? r.signed_at->time_since_epoch().count() : -1)
        << " x=" << (r.expires_at ? r.expires_at->time_since_epoch().count() : -1)
        << " l=" << (r.body_length ? std::to_string(*r.body_length) : "-") << " unsigned=" << r.unsigned_octets
        << " flags=" << r.testing << r.strict << r.key_authenticated << r.unsigned_from << " b=" << r.signature << ": "
        << r.explanation << '\n';
  return out.str();
}

std::string with_crlf(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n' && !out.ends_with('\r')) out += '\r';
    out += c;
  }
  return out;
}

}  // namespace sendconn::dkim
