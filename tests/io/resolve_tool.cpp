// resolve-tool: asks the c-ares resolver what the tests want to know, and prints one JSON object a question.
//
//   resolve-tool [--server ADDRESS] [--timeout MS] [--tries N] [--deadline MS] [--tcp] [--event-loop] NAME TYPE [...]
//
//   resolve-tool ... --verify PROVIDER DOMAIN TOKEN      checks ownership
//
// --event-loop drives a CaresResolver from outside, asking each question from inside the answer to the one before;
// without it resolve_blocking() asks all at once.
#include <poll.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <iostream>
#include <map>

#include <sendconn/ownership.hpp>
#include <sendconn/resolver.hpp>

#include "lib/base/ascii.hpp"

namespace {

using namespace sendconn;

std::string json(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += std::string("\\") + c;
    } else if (octet < 0x20 || octet > 0x7e) {  // each octet by itself, as Latin-1
      out += "\\u00" + ascii::to_hex(std::string_view(&c, 1));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

void print(const dns::Question& question, const dns::Answer& answer) {
  std::string records;
  for (const dns::Record& record : answer.records) {
    const bool is_address = question.type == dns::RecordType::a || question.type == dns::RecordType::aaaa;
    records += (records.empty() ? "" : ", ") + json(is_address ? record.address.format() : record.text);
  }
  std::string aliases;
  for (const std::string& alias : answer.aliases) aliases += (aliases.empty() ? "" : ", ") + json(alias);
  std::cout << "{\"name\": " << json(question.name) << ", \"type\": " << json(dns::format(question.type))
            << ", \"status\": " << json(dns::format(answer.status)) << ", \"records\": [" << records
            << "], \"ttl\": " << answer.ttl.count()
            << ", \"authenticated\": " << (answer.authenticated ? "true" : "false") << ", \"aliases\": [" << aliases
            << "]}\n";
}

int fail(const Error& error) {
  std::cerr << error.text << "\n";
  return 1;
}

/// One question after the other, each asked from inside the answer to the one before; the resolver is destroyed from
/// inside the last.
int run_event_loop(const io::CaresOptions& options, const std::vector<dns::Question>& questions) {
  std::map<int, short> watched;
  auto opened = io::CaresResolver::open(options, [&](const io::CaresResolver::Watch& watch) {
    watched[watch.socket] = static_cast<short>((watch.read ? POLLIN : 0) | (watch.write ? POLLOUT : 0));
    if (!watch.read && !watch.write) watched.erase(watch.socket);
  });
  if (!opened) return fail(opened.error());
  std::unique_ptr<io::CaresResolver> resolver = std::move(*opened);
  std::size_t next = 0;
  std::function<void()> ask = [&] {
    if (next == questions.size()) return resolver.reset();
    const dns::Question& question = questions[next++];
    resolver->resolve(question, [&](const dns::Answer& answer) {
      print(question, answer);
      ask();
    });
  };
  ask();
  while (resolver) {
    std::vector<pollfd> sockets;
    for (const auto& [socket, events] : watched) sockets.push_back({socket, events, 0});
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(resolver->next_timeout().value_or(Duration::zero()));
    ::poll(sockets.data(), sockets.size(), static_cast<int>(wait.count()));
    for (const pollfd& socket : sockets)
      if (resolver && socket.revents != 0)
        resolver->process((socket.revents & ~POLLOUT) != 0 ? socket.fd : -1,
                          (socket.revents & POLLOUT) != 0 ? socket.fd : -1);
    if (resolver) resolver->process(-1, -1);
  }
  return watched.empty() ? 0 : fail({Errc::wrong_state, "a socket is still watched after the resolver has gone"});
}

int run_check(const io::CaresOptions& options, std::string provider, std::string_view domain, std::string_view token) {
  const auto name = Domain::parse(domain);
  if (!name) return fail(name.error());
  const auto parsed = ownership::Token::parse(token);
  if (!parsed) return fail(parsed.error());
  const auto challenge = ownership::Challenge::of(std::move(provider), *name, *parsed);
  if (!challenge) return fail(challenge.error());
  ownership::Check check(*challenge);
  const std::vector<dns::Question> questions = check.questions();
  const auto answers = io::resolve_blocking(options, questions);
  if (!answers) return fail(answers.error());
  for (std::size_t i = 0; i < questions.size(); ++i) check.answer(questions[i], (*answers)[i]);
  const ownership::Outcome& outcome = check.outcome();
  std::cout << "{\"verdict\": " << json(ownership::format(outcome.verdict)) << ", \"where\": " << json(outcome.where)
            << ", \"explanation\": " << json(outcome.explanation) << "}\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  io::CaresOptions options;
  std::vector<dns::Question> questions;
  bool event_loop = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const auto number = [&] { return ascii::to_number<int>(i + 1 < argc ? argv[++i] : "").value_or(0); };
    if (word == "--tcp") {
      options.tcp_only = true;
    } else if (word == "--event-loop") {
      event_loop = true;
    } else if (word == "--timeout") {
      options.timeout = std::chrono::milliseconds(number());
    } else if (word == "--deadline") {
      options.deadline = std::chrono::milliseconds(number());
    } else if (word == "--tries") {
      options.tries = number();
    } else if (word == "--verify" && i + 3 < argc) {
      return run_check(options, argv[i + 1], argv[i + 2], argv[i + 3]);
    } else if (i + 1 == argc) {
      return fail({Errc::invalid_argument, "something is missing behind " + std::string(word)});
    } else if (word == "--server") {
      options.servers.emplace_back(argv[++i]);
    } else {
      const auto type = dns::parse_record_type(argv[++i]);
      if (!type) return fail(type.error());
      questions.push_back({std::string(word), *type});
    }
  }
  if (event_loop) return run_event_loop(options, questions);
  const auto answers = io::resolve_blocking(options, questions);
  if (!answers) return fail(answers.error());
  for (std::size_t i = 0; i < questions.size(); ++i) print(questions[i], (*answers)[i]);
  return 0;
}
