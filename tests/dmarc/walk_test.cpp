// The tree walk and what follows from it, at every depth from 1 to 12 labels: each case is compared with a reading of
// RFC 9989 sections 4.10, 4.10.1 and 4.10.2 that asks one name after the other and stops where the text says "stop".
#include <gtest/gtest.h>

#include "tests/dmarc/drive.hpp"

namespace sendconn::dmarc {
namespace {

constexpr std::size_t max_depth = 12;

std::size_t labels_of(std::string_view name) {
  return static_cast<std::size_t>(std::count(name.begin(), name.end(), '.')) + 1;
}

/// The last `labels` labels.
std::string above(std::string name, std::size_t labels) {
  while (labels_of(name) > labels) name = name.substr(name.find('.') + 1);
  return name;
}

/// "l3.l2.top" for three; `mark` makes names that differ from the author's from the third label on.
std::string name_of(std::size_t depth, const std::string& mark = "l") {
  std::string name = "top";
  for (std::size_t i = 2; i <= depth; ++i) name = (i > 2 ? mark : "l") + std::to_string(i) + "." + name;
  return name;
}

// ---------------------------------------------------------------- the reading of the text

struct Found {
  std::size_t labels = 0;
  Record record;
};

struct Reading {
  std::vector<std::string> asked;
  std::vector<Found> records;  ///< from the longest name to the shortest
  std::string failed;          ///< the name that the DNS said nothing about, and where the walk ended
};

/// Section 4.10, steps 1 to 7.
Reading walk(const std::string& start, const LittleDns& dns) {
  Reading reading;
  std::string target = start;
  while (true) {
    const std::string name = "_dmarc." + target;
    reading.asked.push_back(name);
    const dns::Answer answer = dns.ask({name, dns::RecordType::txt});
    if (dns::is_temporary(answer.status)) {
      reading.failed = name;
      return reading;
    }
    std::vector<Record> records;
    for (const dns::Record& text : answer.records)
      if (auto record = parse(text.text)) records.push_back(*std::move(record));
    if (records.size() == 1) {
      reading.records.push_back({labels_of(target), records.front()});
      if (records.front().psd != Psd::unknown) return reading;
    }
    const std::size_t x = labels_of(target);
    if (x == 1) return reading;
    target = above(target, x < 8 ? x - 1 : 7);
  }
}

/// Section 4.10.2.
std::string organization(const std::string& start, const Reading& reading) {
  for (const Found& found : reading.records) {
    if (found.record.psd == Psd::no) return above(start, found.labels);
    if (found.record.psd == Psd::yes && found.labels != labels_of(start)) return above(start, found.labels + 1);
  }
  return reading.records.empty() ? start : above(start, reading.records.back().labels);
}

struct Expected {
  Verdict verdict = Verdict::none;
  std::string policy_domain;
  PolicySource source = PolicySource::none;
  PolicyTag tag = PolicyTag::none;
  Policy policy = Policy::none;
};

Policy weaker(Policy policy) { return policy == Policy::reject ? Policy::quarantine : Policy::none; }

/// Section 4.10.1, for a message that nothing authenticates.
Expected discover(const std::string& author, const LittleDns& dns, bool exists) {
  const Reading reading = walk(author, dns);
  Expected expected;
  const Found* chosen = nullptr;
  const bool own = !reading.records.empty() && reading.records.front().labels == labels_of(author);
  if (own) {
    chosen = &reading.records.front();
    expected.source = PolicySource::author;
  } else if (!reading.failed.empty()) {
    expected.verdict = Verdict::temporary_error;
    return expected;
  } else {
    const std::size_t labels = labels_of(organization(author, reading));
    for (const Found& found : reading.records)
      if (found.labels == labels) chosen = &found;
    expected.source = PolicySource::organization;
    for (const Found& found : reading.records) {
      if (chosen != nullptr || found.labels + 1 != labels || found.record.psd != Psd::yes) continue;
      chosen = &found;
      expected.source = PolicySource::public_suffix;
    }
  }
  if (chosen == nullptr) return {};
  const Record& record = chosen->record;
  if (record.policy_faulty && record.rua.empty()) return {};
  expected.verdict = Verdict::fail;
  expected.policy_domain = above(author, chosen->labels);
  if (record.policy_faulty) return expected;
  expected.tag = own ? PolicyTag::p : !exists && record.np ? PolicyTag::np : record.sp ? PolicyTag::sp : PolicyTag::p;
  expected.policy = expected.tag == PolicyTag::np ? *record.np : expected.tag == PolicyTag::sp ? *record.sp : *record.p;
  if (record.testing) expected.policy = weaker(expected.policy);
  return expected;
}

// ---------------------------------------------------------------- the comparison

std::string text(const std::optional<Domain>& name) { return name ? name->text() : ""; }

Outcome run(const Facts& facts, const LittleDns& dns, Order order) {
  Check check(facts);
  drive(check, dns, order);
  return check.done() ? check.outcome() : Outcome{};
}

/// How the DNS is described when a case fails.
std::string describe(const std::string& author, const LittleDns& dns) {
  std::string out = "author " + author;
  for (const auto& [name, texts] : dns.txt)
    for (const std::string& one : texts) out += "\n  " + name + " \"" + one + "\"";
  for (const auto& [name, status] : dns.failing) out += "\n  " + name + " " + std::string(dns::format(status));
  return out;
}

void expect_as_read(const std::string& author, const LittleDns& dns) {
  const dns::Question own{author, dns::RecordType::a};
  const bool exists = dns.ask(own).status != dns::Status::no_such_name;
  const Expected expected = discover(author, dns, exists);
  Facts facts;
  facts.authors = {domain(author)};
  for (const Order order : {Order::forward, Order::backward, Order::one_by_one}) {
    const Outcome outcome = run(facts, dns, order);
    ASSERT_EQ(outcome.verdict, expected.verdict) << describe(author, dns) << "\n" << outcome.reason;
    EXPECT_EQ(text(outcome.policy_domain), expected.policy_domain) << describe(author, dns);
    if (expected.verdict != Verdict::fail) continue;
    EXPECT_EQ(outcome.source, expected.source) << describe(author, dns);
    EXPECT_EQ(outcome.tag, expected.tag) << describe(author, dns);
    EXPECT_EQ(outcome.policy, expected.policy) << describe(author, dns);
  }
}

/// What may stand at a name; the rows of the tables below.
const std::vector<std::vector<std::string>>& record_sets() {
  static const std::vector<std::vector<std::string>> sets = {
      {"v=DMARC1; p=reject"},
      {"v=DMARC1; p=quarantine; psd=n"},
      {"v=DMARC1; p=none; psd=y; sp=reject"},
      {"v=DMARC1; p=none; psd=u; sp=quarantine; np=reject"},
      {"v=DMARC1; p=reject; np=none; t=y"},
      {"v=DMARC1; psd=n"},
      {"v=DMARC1; p=x; rua=mailto:a@b.example"},
      {"v=DMARC1; p=none", "v=DMARC1; p=reject; psd=n"},
      {"v=spf1 -all"},
  };
  return sets;
}

TEST(Walk, OfEachDepthWithARecordOfEachKindAtEachNameIsAsTheTextHasIt) {
  for (std::size_t depth = 1; depth <= max_depth; ++depth) {
    for (std::size_t at = 1; at <= depth; ++at) {
      for (const auto& records : record_sets()) {
        LittleDns dns;
        dns.txt["_dmarc." + above(name_of(depth), at)] = records;
        expect_as_read(name_of(depth), dns);
        dns.existing = {name_of(depth)};
        expect_as_read(name_of(depth), dns);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(Walk, WithTwoRecordsMeetsTheBoundariesOfOrganizationsWhereTheTextPutsThem) {
  for (std::size_t depth = 2; depth <= max_depth; ++depth) {
    for (std::size_t low = 2; low <= depth; ++low) {
      for (std::size_t high = 1; high < low; ++high) {
        for (const auto& below : record_sets()) {
          for (const auto& over : record_sets()) {
            LittleDns dns;
            dns.txt["_dmarc." + above(name_of(depth), low)] = below;
            dns.txt["_dmarc." + above(name_of(depth), high)] = over;
            expect_as_read(name_of(depth), dns);
            if (HasFatalFailure()) return;
          }
        }
      }
    }
  }
}

TEST(Walk, IsATemporaryErrorAtEachStepThatItReachesAndAtNoOther) {
  for (std::size_t depth = 1; depth <= max_depth; ++depth) {
    for (std::size_t failing = 1; failing <= depth; ++failing) {
      for (const auto status : {dns::Status::timeout, dns::Status::server_failure, dns::Status::malformed}) {
        LittleDns alone;
        alone.failing["_dmarc." + above(name_of(depth), failing)] = status;
        expect_as_read(name_of(depth), alone);
        for (std::size_t at = 1; at <= depth; ++at) {
          for (const auto& records : record_sets()) {
            LittleDns dns = alone;
            dns.txt["_dmarc." + above(name_of(depth), at)] = records;
            expect_as_read(name_of(depth), dns);
            if (HasFatalFailure()) return;
          }
        }
      }
    }
  }
}

/// Both names' organizations are the same, or the names are; by two walks of the text.
TEST(Walk, AlignsNamesOfEachDepthByTheirOrganizations) {
  for (std::size_t depth = 1; depth <= max_depth; ++depth) {
    for (std::size_t other = 1; other <= max_depth; ++other) {
      for (const std::string mark : {"l", "m"}) {
        for (std::size_t at = 1; at <= std::max(depth, other); ++at) {
          for (const std::string tail : {"", "; psd=n", "; psd=y"}) {
            const std::string author = name_of(depth);
            const std::string signer = name_of(other, mark);
            LittleDns dns;
            // So that there is a policy at all, and a boundary somewhere on one of the two ways.
            dns.txt["_dmarc." + author] = {"v=DMARC1; p=reject"};
            dns.txt["_dmarc." + above(depth >= at ? author : signer, at)] = {"v=DMARC1; p=reject" + tail};
            const bool aligned =
                author == signer || organization(author, walk(author, dns)) == organization(signer, walk(signer, dns));
            Facts facts;
            facts.authors = {domain(author)};
            facts.dkim = {{Evidence::pass, domain(signer)}};
            for (const Order order : {Order::forward, Order::one_by_one}) {
              const Outcome outcome = run(facts, dns, order);
              ASSERT_EQ(outcome.verdict, aligned ? Verdict::pass : Verdict::fail)
                  << describe(author, dns) << "\n  signer " << signer << "\n"
                  << outcome.reason;
            }
          }
        }
      }
    }
  }
}

TEST(Walk, CarriesEachTagOfTheRecordThatCountsAtEachDepth) {
  const std::string tags =
      "v=DMARC1; p=quarantine; sp=reject; np=none; t=y; psd=n; adkim=s; aspf=s; fo=1:d:s; "
      "rua=mailto:a@r.example,https://r.example/x; ruf=mailto:f@r.example";
  const Record record = *parse(tags);
  for (std::size_t depth = 1; depth <= max_depth; ++depth) {
    for (std::size_t at = 1; at <= depth; ++at) {
      if (at != depth && at > 7) continue;  // no walk asks there
      LittleDns dns;
      dns.txt["_dmarc." + above(name_of(depth), at)] = {tags};
      dns.existing = {name_of(depth)};
      Facts facts;
      facts.authors = {domain(name_of(depth))};
      facts.spf = SpfFact{Evidence::pass, domain("x." + name_of(depth))};  // a child, which strict refuses
      facts.dkim = {{Evidence::pass, domain("x." + name_of(depth))}};
      const Outcome outcome = run(facts, dns, Order::forward);
      ASSERT_TRUE(outcome.record.has_value()) << depth << " " << at;
      EXPECT_EQ(*outcome.record, record);
      EXPECT_EQ(outcome.verdict, Verdict::fail) << "adkim=s and aspf=s";
      EXPECT_EQ(outcome.published, at == depth ? Policy::quarantine : Policy::reject);
      EXPECT_EQ(outcome.policy, at == depth ? Policy::none : Policy::quarantine) << "t=y";
      EXPECT_EQ(text(outcome.policy_domain), above(name_of(depth), at));
    }
  }
}

}  // namespace
}  // namespace sendconn::dmarc
