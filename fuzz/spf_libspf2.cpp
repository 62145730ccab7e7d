// Our SPF against libspf2: both check the same records with the same answers. Where they differ, one of the reasons in
// known_difference() holds; anything else is a finding, about one or the other.
//
// The input: lines. The first has octets of options and of how the DNS answers; each further one is the record of
// d0.example, d1.example and so on, in which an octet above 0x7f stands for a piece of a record (see pieces), so that a
// change of one octet makes another record rather than a broken one. A line that begins with '#' is no SPF record.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/check.hpp"
#include "lib/base/cursor.hpp"
#include "lib/spf2/module.hpp"
#include "tests/spf/answers.hpp"

// The module's one function, linked in here.
extern "C" sendconn::spf::Check* sendconn_spf2_engine(int interface, const sendconn::spf::Options* options);

// What libspf2 forgets is not ours to mend.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libspf2\n"; }

using namespace sendconn;

namespace {

constexpr std::array<std::string_view, 64> pieces = {" a",
                                                     " mx",
                                                     " ptr",
                                                     " exists:",
                                                     " include:",
                                                     " redirect=",
                                                     " exp=",
                                                     " all",
                                                     " -all",
                                                     " ~all",
                                                     " ?all",
                                                     " ip4:192.0.2.1",
                                                     " ip4:192.0.2.0/24",
                                                     " ip4:198.51.100.0/28",
                                                     " ip6:2001:db8::1",
                                                     " ip6:2001:db8::/32",
                                                     ":d0.example",
                                                     ":d1.example",
                                                     ":d2.example",
                                                     ":d3.example",
                                                     ":d4.example",
                                                     ":d5.example",
                                                     "d0.example",
                                                     "d1.example",
                                                     "d2.example",
                                                     "d3.example",
                                                     "d4.example",
                                                     "d5.example",
                                                     " include:d1.example",
                                                     " include:d2.example",
                                                     " include:d3.example",
                                                     " redirect=d1.example",
                                                     " redirect=d2.example",
                                                     "/24",
                                                     "/31",
                                                     "//64",
                                                     "//127",
                                                     "/32",
                                                     "//128",
                                                     "/0",
                                                     "//0",
                                                     "/33",
                                                     "%{i}",
                                                     "%{ir}",
                                                     "%{d}",
                                                     "%{d2}",
                                                     "%{s}",
                                                     "%{l}",
                                                     "%{o}",
                                                     "%{h}",
                                                     "%{v}",
                                                     "%{l1r-}",
                                                     "%{p}",
                                                     "%{S}",
                                                     "%%",
                                                     "%_",
                                                     "%-",
                                                     " -",
                                                     " ~",
                                                     " ?",
                                                     " +",
                                                     ".",
                                                     "",
                                                     " op=1"};

std::string expand(std::string_view line) {
  if (line.starts_with('#')) return std::string(line.substr(1));
  std::string text = "v=spf1";
  for (const char c : line) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x80) {
      text += c;
    } else {
      text += pieces[octet % pieces.size()];
    }
  }
  return text;
}

std::uint32_t hash_of(const dns::Question& question) {
  std::uint32_t hash = 2166136261U;  // FNV-1a, so that a corpus means the same everywhere
  for (const char c : question.name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return (hash ^ static_cast<unsigned>(question.type)) * 16777619U;
}

/// Answers that are honest about their type. Names that are no d<n>.example have no records but those of hosts.
struct World {
  std::string script;
  std::vector<std::string> records;
  IpAddress client;

  [[nodiscard]] dns::Answer lookup(const dns::Question& question) const;

 private:
  [[nodiscard]] dns::Record record(dns::RecordType type, unsigned which) const;
};

dns::Record World::record(dns::RecordType type, unsigned which) const {
  dns::Record record;
  const auto octet = static_cast<std::uint8_t>(which);
  switch (type) {
    case dns::RecordType::a:
      record.address = which % 5 == 0 && client.is_v4() ? client : IpAddress::v4({192, 0, 2, octet});
      break;
    case dns::RecordType::aaaa:
      record.address = which % 5 == 0 && !client.is_v4() ? client : IpAddress::v6({0x20, 1, 0x0d, 0xb8, octet});
      break;
    default:
      record.preference = static_cast<std::uint16_t>(which % 3 * 10);
      record.text = std::string(which % 2 == 0 ? "h" : "d") + std::to_string(which % 6) + ".example";
  }
  return record;
}

dns::Answer World::lookup(const dns::Question& question) const {
  dns::Answer answer;
  const std::uint32_t hash = hash_of(question);
  const unsigned choice = script.empty() ? 0 : static_cast<unsigned char>(script[hash % script.size()]);
  if (question.type == dns::RecordType::txt) {
    const std::string& name = question.name;
    const bool is_ours = name.size() == 10 && name[0] == 'd' && name.ends_with(".example");
    const std::size_t which = is_ours ? static_cast<std::size_t>(name[1] - '0') : records.size();
    if (which >= records.size()) {
      answer.status = dns::Status::no_such_name;
    } else if (choice >= 0xf8) {
      answer.status = dns::Status::timeout;
    } else {
      answer.records.push_back({{}, 0, records[which]});
    }
    return answer;
  }
  // 0 to 3 records in most cases, more than a limit allows in some.
  unsigned count = choice & 3U;
  if ((choice & 0xf0U) == 0xe0U) count = 11;
  if (choice >= 0xf8) answer.status = dns::Status::timeout;
  if (choice < 0xf8 && count == 0)
    answer.status = (choice & 4U) != 0 ? dns::Status::no_data : dns::Status::no_such_name;
  if (!answer.ok()) return answer;
  for (unsigned i = 0; i < count; ++i) answer.records.push_back(record(question.type, (choice >> 2U) + i + hash % 7));
  return answer;
}

struct Run {
  spf::Outcome outcome;
  std::vector<dns::Question> asked;
  bool temporary = false;  ///< an answer was a failure
};

Run run(spf::Check& check, const spf::Request& request, const World& world) {
  Run run;
  check.start(request);
  spf::test::drive(check, [&](const dns::Question& question) {
    run.asked.push_back(question);
    dns::Answer answer = world.lookup(question);
    run.temporary = run.temporary || dns::is_temporary(answer.status);
    return answer;
  });
  fuzz::check(check.done(), "a check that has no question is done");
  run.outcome = check.outcome();
  return run;
}

/// What the two were asked to check, and what both made of it.
struct Pair {
  const Run& ours;
  const Run& theirs;
  const World& world;
  std::vector<spf::Record> reached;  ///< the records that either asked for

  [[nodiscard]] bool has(bool (*holds)(const spf::Record&, const spf::Term&)) const {
    return std::any_of(reached.begin(), reached.end(), [&](const spf::Record& record) {
      return std::any_of(record.terms().begin(), record.terms().end(),
                         [&](const spf::Term& term) { return holds(record, term); });
    });
  }
  [[nodiscard]] bool has(spf::TermKind kind) const {
    return std::any_of(reached.begin(), reached.end(),
                       [&](const spf::Record& record) { return record.find(kind) != nullptr; });
  }
  /// Of either's questions of this type one had such an answer.
  template <class Holds>
  [[nodiscard]] bool answered(dns::RecordType type, Holds&& holds) const {
    for (const Run* run : {&ours, &theirs})
      for (const dns::Question& question : run->asked)
        if (question.type == type && holds(world.lookup(question))) return true;
    return false;
  }
};

bool is_failure(const dns::Answer& answer) { return dns::is_temporary(answer.status); }

/// A macro that keeps only some of its parts: "%{d2}".
bool counts_parts(const spf::Record& record, const spf::Term& term) {
  const std::string_view domain = record.domain(term);
  for (std::size_t at = domain.find("%{"); at != std::string_view::npos; at = domain.find("%{", at + 2))
    if (at + 3 < domain.size() && domain[at + 3] >= '0' && domain[at + 3] <= '9') return true;
  return false;
}

/// A mechanism behind a redirect; it comes first all the same.
bool has_mechanism_behind_redirect(const spf::Record& record) {
  bool redirected = false;
  for (const spf::Term& term : record.terms()) {
    if (redirected && !spf::is_modifier(term.kind)) return true;
    redirected = redirected || term.kind == spf::TermKind::redirect;
  }
  return false;
}

/// It keeps 511 octets of what it makes of a record's mechanisms, and forgets the rest: about so many.
bool is_more_than_it_keeps(const spf::Record& record) {
  std::size_t octets = 0;
  for (const spf::Term& term : record.terms()) {
    const std::string_view domain = record.domain(term);
    octets += 8 + domain.size() + 8 * static_cast<std::size_t>(std::count(domain.begin(), domain.end(), '%'));
    if (term.kind == spf::TermKind::ip6) octets += 12;
  }
  return octets > 511;
}

/// A name that was cut to 253 octets, or nearly; or one that is written as long as that, macros included.
bool has_long_name(const Pair& pair) {
  constexpr std::size_t nearly = 200;
  for (const Run* run : {&pair.ours, &pair.theirs})
    for (const dns::Question& question : run->asked)
      if (question.name.size() > nearly) return true;
  return pair.has([](const spf::Record& record, const spf::Term& term) {
    const std::string_view domain = record.domain(term);
    return domain.size() + 8 * static_cast<std::size_t>(std::count(domain.begin(), domain.end(), '%')) > nearly;
  });
}

struct Difference {
  const char* name;
  const char* why;
  bool (*holds)(const Pair&);
};

/// Where libspf2 1.2.10 is known to differ, and the section of RFC 7208 that decides. Each is as narrow as it can be
/// told from outside.
constexpr Difference known_differences[] = {
    {"syntax", "4.6: a fault anywhere makes a record void; it finds no record, or acts on what it could read",
     [](const Pair& pair) { return pair.ours.outcome.reason == spf::Reason::syntax; }},
    {"limits", "4.6.4: it counts anew in each include, has no limit on void lookups, and cuts an mx at ten names",
     [](const Pair& pair) {
       const spf::Reason reason = pair.ours.outcome.reason;
       return reason == spf::Reason::lookup_limit || reason == spf::Reason::void_lookup_limit ||
              reason == spf::Reason::mx_limit;
     }},
    {"failure of TXT", "4.4: it is a temperror; it says permerror",
     [](const Pair& pair) {
       return pair.ours.outcome.reason == spf::Reason::dns_failure && pair.answered(dns::RecordType::txt, is_failure);
     }},
    {"order of an mx", "5.4: its hosts are asked in the order of their preference; it takes them as they come",
     [](const Pair& pair) {
       const bool ours = pair.ours.outcome.reason == spf::Reason::dns_failure;
       const bool theirs = pair.theirs.outcome.verdict == spf::Verdict::temperror && pair.theirs.temporary;
       return (ours || theirs) && pair.has(spf::TermKind::mx);
     }},
    {"failure of ptr", "5.5: it is no match; it says temperror",
     [](const Pair& pair) {
       return pair.theirs.outcome.verdict == spf::Verdict::temperror && pair.theirs.temporary &&
              pair.has(spf::TermKind::ptr);
     }},
    {"names of a client", "4.6.4: those behind the tenth are left out; it says permerror",
     [](const Pair& pair) {
       return pair.theirs.outcome.verdict == spf::Verdict::permerror &&
              pair.answered(dns::RecordType::ptr, [](const dns::Answer& answer) { return answer.records.size() > 10; });
     }},
    {"prefix of 0", "5.6: it is a prefix like any other; it calls the record malformed",
     [](const Pair& pair) {
       return pair.theirs.outcome.verdict == spf::Verdict::permerror &&
              pair.has(
                  [](const spf::Record&, const spf::Term& term) { return term.prefix4 == 0 || term.prefix6 == 0; });
     }},
    {"names of modifiers", "12: they may have dots, and an empty value; it calls the record malformed",
     [](const Pair& pair) {
       return pair.theirs.outcome.verdict == spf::Verdict::permerror && pair.has(spf::TermKind::unknown_modifier);
     }},
    {"parts of a macro", "7.3: %{d2} of a name with two labels is the name; it cuts that in its first label",
     [](const Pair& pair) { return pair.has(counts_parts); }},
    {"long names", "7.3: a name above 253 octets loses labels on its left; it has none, or calls the record malformed",
     has_long_name},
    {"long records", "4.6: all terms count; it keeps 511 octets of mechanisms, and does not see the terms behind",
     [](const Pair& pair) { return std::any_of(pair.reached.begin(), pair.reached.end(), is_more_than_it_keeps); }},
    {"place of redirect", "6.1: it comes behind all mechanisms; it goes there at once",
     [](const Pair& pair) {
       return std::any_of(pair.reached.begin(), pair.reached.end(), has_mechanism_behind_redirect);
     }},
};

const Difference* known_difference(const Run& ours, const Run& theirs, const World& world) {
  Pair pair{ours, theirs, world, {}};
  for (const Run* run : {&ours, &theirs})
    for (const dns::Question& question : run->asked)
      if (question.type == dns::RecordType::txt)
        for (const dns::Record& record : world.lookup(question).records)
          pair.reached.push_back(spf::Record::parse(record.text));
  for (const Difference& difference : known_differences)
    if (difference.holds(pair)) return &difference;
  return nullptr;
}

void print(const World& world, const spf::Request& request, const Run& ours, const Run& theirs) {
  std::fprintf(stderr, "client %s helo %s sender %s\n", request.client.format().c_str(),
               std::string(request.helo).c_str(), std::string(request.mail_from).c_str());
  for (std::size_t i = 0; i < world.records.size(); ++i)
    std::fprintf(stderr, "d%zu.example TXT \"%s\"\n", i, world.records[i].c_str());
  std::map<dns::Question, bool> seen;
  for (const Run* one : {&ours, &theirs}) {
    for (const dns::Question& question : one->asked) {
      if (question.type == dns::RecordType::txt || !seen.emplace(question, true).second) continue;
      const dns::Answer answer = world.lookup(question);
      std::fprintf(stderr, "%s %s %s:", question.name.c_str(), std::string(dns::format(question.type)).c_str(),
                   std::string(dns::format(answer.status)).c_str());
      for (const dns::Record& record : answer.records)
        std::fprintf(stderr, " %s", record.text.empty() ? record.address.format().c_str() : record.text.c_str());
      std::fprintf(stderr, "\n");
    }
  }
  std::fprintf(stderr, "ours   %s (%s): %s\n", std::string(spf::format(ours.outcome.verdict)).c_str(),
               std::string(spf::format(ours.outcome.reason)).c_str(), ours.outcome.text.c_str());
  std::fprintf(stderr, "theirs %s (%s): %s\n", std::string(spf::format(theirs.outcome.verdict)).c_str(),
               std::string(spf::format(theirs.outcome.reason)).c_str(), theirs.outcome.text.c_str());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Cursor cursor(std::string_view(reinterpret_cast<const char*>(data), size));
  const auto choice = static_cast<unsigned char>(cursor.peek());
  cursor.skip();
  World world;
  world.script = cursor.take_until('\n');
  cursor.skip();
  while (!cursor.at_end() && world.records.size() < 6) {
    world.records.push_back(expand(cursor.take_until('\n')));
    cursor.skip();
  }
  world.client = (choice & 1U) != 0 ? IpAddress::v6({0x20, 0x01, 0x0d, 0xb8}) : IpAddress::v4({192, 0, 2, 1});
  const spf::Request request{world.client, (choice & 2U) != 0 ? "d1.example" : "h2.example",
                             (choice & 4U) != 0 ? "" : "joe@d0.example", spf::Identity::mail_from, UnixTime{}};
  spf::Options options;
  options.explanation = false;
  const auto our_check = spf::make_check(options);
  const std::unique_ptr<spf::Check> their_check(sendconn_spf2_engine(spf::engine_interface, &options));
  fuzz::check(their_check != nullptr, "the module has this interface");
  const Run ours = run(*our_check, request, world);
  const Run theirs = run(*their_check, request, world);
  if (ours.outcome.verdict == theirs.outcome.verdict) return 0;
  const Difference* known = known_difference(ours, theirs, world);
  if (std::getenv("SPF_LEARN") != nullptr) std::fprintf(stderr, "CLASS %s\n", known ? known->name : "?");
  if (std::getenv("SPF_LEARN") != nullptr) {
    print(world, request, ours, theirs);
    return 0;
  }
  if (known != nullptr) return 0;
  print(world, request, ours, theirs);
  fuzz::check(false, "the two differ for a known reason alone");
  return 0;
}
