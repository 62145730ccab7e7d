// dkim-verify-tool: dkim::Verifier as a filter, for tests that let other programs sign.
//
//   dkim-verify-tool RECORDS [time=SECONDS] [piece=OCTETS] [policy=legacy]
//
// RECORDS is a file of lines "name text". Standard input holds messages, each in front of it its size in octets as a
// decimal line. For each message one line comes out: "verdict (reason)" for each of its signatures from the top, with
// ", " between them; "none" without any; "error: ..." if the message is refused.
#include <charconv>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>

#include <sendconn/dkim_verify.hpp>

namespace {

using namespace sendconn;

std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

dns::Answer lookup(const std::multimap<std::string, std::string>& records, const dns::Question& question) {
  dns::Answer answer;
  const auto [begin, end] = records.equal_range(question.name);
  for (auto at = begin; at != end; ++at) answer.records.emplace_back().text = at->second;
  if (answer.records.empty()) answer.status = dns::Status::no_such_name;
  return answer;
}

std::string verify(std::string_view message, const std::multimap<std::string, std::string>& records,
                   const dkim::VerifyOptions& options, std::size_t piece) {
  dkim::Verifier verifier(options);
  for (std::size_t at = 0; at < message.size(); at += piece)
    if (const auto fed = verifier.update(message.substr(at, piece)); !fed) return "error: " + fed.error().text;
  if (const auto ended = verifier.finish(); !ended) return "error: " + ended.error().text;
  for (const dns::Question& question : verifier.questions()) verifier.answer(question, lookup(records, question));
  std::string line;
  for (const dkim::SignatureResult& result : verifier.results())
    line += (line.empty() ? "" : ", ") + std::string(format(result.verdict)) + " (" +
            std::string(format(result.reason)) + ")";
  return line.empty() ? "none" : line;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: dkim-verify-tool RECORDS [time=SECONDS] [piece=OCTETS] [policy=legacy]\n";
    return 1;
  }
  std::multimap<std::string, std::string> records;
  std::ifstream file(argv[1]);
  for (std::string line; std::getline(file, line);)
    if (const std::size_t space = line.find(' '); space != std::string::npos)
      records.emplace(line.substr(0, space), line.substr(space + 1));
  dkim::VerifyOptions options;
  std::size_t piece = 65'536;
  for (int i = 2; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with("time=")) options.now = UnixTime(std::chrono::seconds(number(argument.substr(5))));
    if (argument.starts_with("piece=")) piece = static_cast<std::size_t>(number(argument.substr(6)));
    if (argument == "policy=legacy") options.policy = dkim::VerifyPolicy::legacy();
  }
  for (std::string size; std::getline(std::cin, size);) {
    std::string message(static_cast<std::size_t>(number(size)), '\0');
    std::cin.read(message.data(), static_cast<std::streamsize>(message.size()));
    std::cout << verify(message, records, options, piece) << '\n';
  }
  return 0;
}
