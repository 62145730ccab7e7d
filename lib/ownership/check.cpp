// Check: reads the TXT records at both places, and says in one sentence what a person has to do
// (draft-ietf-dnsop-domain-verification-techniques sections 5.1 and 5.2).
#include <algorithm>
#include <utility>

#include <sendconn/ownership.hpp>

#include "lib/base/ascii.hpp"

namespace sendconn::ownership {
namespace {

constexpr std::size_t max_excerpt_octets = 80;  // of a stranger's record in an explanation; our own choice

/// Fit to be shown: one line, printable, bounded.
std::string excerpt(std::string_view text) {
  std::string out(text.substr(0, max_excerpt_octets));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c < ' ' || c == 0x7f; }, '?');  // above 0x7f as well
  return "\"" + out + (text.size() > max_excerpt_octets ? "...\"" : "\"");
}

bool is_separator(char c) { return c == ' ' || c == '\t' || c == ',' || c == ';'; }

/// `text` is `wanted`, or begins with it and goes on with further pairs, if those may follow.
bool proves(std::string_view text, std::string_view wanted, bool pairs_may_follow) {
  if (!ascii::starts_with(text, wanted)) return false;
  const std::string_view rest = text.substr(wanted.size());
  return rest.empty() || (pairs_may_follow && is_separator(rest.front()) && !ascii::is_fws(rest.back()));
}

bool holds(std::string_view text, std::string_view part) {
  return ascii::to_lower(text).find(part) != std::string::npos;
}

/// Removes quotation marks as keyboards and word processors make them; true if there was one.
bool strip_quotes(std::string_view& text) {
  static constexpr std::string_view marks[] = {
      "\"",           "'",        "`",       "\xe2\x80\x9c", "\xe2\x80\x9d", "\xe2\x80\x9e", "\xe2\x80\x98",
      "\xe2\x80\x99", "\xc2\xab", "\xc2\xbb"};
  bool stripped = false;
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view mark : marks) {
      if (text.size() >= mark.size() && text.substr(0, mark.size()) == mark) {
        text.remove_prefix(mark.size());
        again = stripped = true;
      }
      if (text.size() >= mark.size() && text.substr(text.size() - mark.size()) == mark) {
        text.remove_suffix(mark.size());
        again = stripped = true;
      }
    }
  }
  return stripped;
}

/// How near a record comes to the wanted one: the nearest of several is the one to explain.
enum class Nearness { unrelated, other_text, other_token, other_form, decorated };

struct Miss {
  Nearness nearness = Nearness::unrelated;
  std::string finding;
};

Miss explain(std::string_view text, const Record& wanted, const Token& token, bool only_ours) {
  const std::string record = "the TXT record at " + wanted.name;
  std::string_view inner = ascii::trim(text);
  const bool spaced = inner.size() != text.size();
  const bool quoted = strip_quotes(inner);
  inner = ascii::trim(inner);
  if ((spaced || quoted) && proves(inner, wanted.text, only_ours))
    return {Nearness::decorated,
            record + (quoted ? " has quotation marks inside its text" : " has white space before or behind its text")};
  if (holds(text, token.text()))
    return {Nearness::other_form, record + " holds the token in another form, " + excerpt(text)};
  const std::string_view key = std::string_view(wanted.text).substr(0, wanted.text.find('=') + 1);
  if (ascii::starts_with(inner, key)) return {Nearness::other_token, record + " holds another token, " + excerpt(text)};
  if (only_ours) return {Nearness::other_text, record + " is " + excerpt(text)};
  return {};
}

}  // namespace

std::string_view format(Verdict verdict) {
  switch (verdict) {
    case Verdict::verified:
      return "verified";
    case Verdict::missing:
      return "missing";
    case Verdict::mismatch:
      return "mismatch";
    case Verdict::temporary_failure:
      return "temporary failure";
  }
  return "unknown";
}

Check::Check(Challenge challenge) : challenge_(std::move(challenge)) {
  Record label = challenge_.at_label();
  Record apex = challenge_.at_apex();
  dns::Question label_question{label.name, dns::RecordType::txt};
  dns::Question apex_question{apex.name, dns::RecordType::txt};
  places_[0] = {std::move(label), std::move(label_question), std::nullopt, {}, true};
  places_[1] = {std::move(apex), std::move(apex_question), std::nullopt, {}, false};
}

std::vector<dns::Question> Check::questions() {
  if (std::exchange(asked_, true)) return {};
  return {places_[0].question, places_[1].question};
}

void Check::answer(const dns::Question& question, const dns::Answer& answer) {
  if (done()) return;
  for (Place& place : places_) {
    if (place.question != question || place.verdict) continue;
    judge(place, answer);
    conclude();
    return;
  }
}

void Check::judge(Place& place, const dns::Answer& answer) const {
  const std::string& name = place.wanted.name;
  switch (answer.status) {
    case dns::Status::timeout:
    case dns::Status::server_failure:
    case dns::Status::malformed:
      place.verdict = Verdict::temporary_failure;
      place.finding =
          "the DNS did not answer for TXT at " + name + " (" + std::string(dns::format(answer.status)) + ")";
      return;
    case dns::Status::no_such_name:
      place.verdict = Verdict::missing;
      place.finding = "the name " + name + " does not exist";
      return;
    case dns::Status::no_data:
    case dns::Status::no_error:
      break;
  }
  Miss nearest;
  for (const dns::Record& record : answer.records) {
    if (proves(record.text, place.wanted.text, place.only_ours)) {
      place.verdict = Verdict::verified;
      return;
    }
    Miss miss = explain(record.text, place.wanted, challenge_.token, place.only_ours);
    if (miss.nearness > nearest.nearness) nearest = std::move(miss);
  }
  const bool is_near = nearest.nearness != Nearness::unrelated;
  place.verdict = is_near ? Verdict::mismatch : Verdict::missing;
  place.finding = is_near                  ? std::move(nearest.finding)
                  : answer.records.empty() ? "there is no TXT record at " + name
                                           : "none of the TXT records at " + name + " is the required one";
}

void Check::conclude() {
  const auto at = [this](Verdict verdict) {
    return std::find_if(places_.begin(), places_.end(), [&](const Place& place) { return place.verdict == verdict; });
  };
  if (const auto proof = at(Verdict::verified); proof != places_.end()) {
    outcome_ = Outcome{Verdict::verified, proof->wanted.name,
                       "the TXT record at " + proof->wanted.name + " proves control of " + challenge_.domain.text()};
    return;
  }
  if (!places_[0].verdict || !places_[1].verdict) return;
  if (const auto failure = at(Verdict::temporary_failure); failure != places_.end()) {
    outcome_ = Outcome{Verdict::temporary_failure,
                       {},
                       failure->finding + ", so nothing is known about the record; it will be asked for again"};
    return;
  }
  const auto mistake = at(Verdict::mismatch);
  // Whoever made a mistake at one place is told how to mend it there; whoever made none, where it is best.
  const Record publish = mistake != places_.end() ? mistake->wanted : challenge_.to_publish();
  const std::string finding =
      mistake != places_.end() ? mistake->finding : places_[0].finding + ", and " + places_[1].finding;
  outcome_ = Outcome{mistake != places_.end() ? Verdict::mismatch : Verdict::missing,
                     {},
                     finding + "; publish a TXT record at " + publish.name + " with the text " + publish.text};
}

}  // namespace sendconn::ownership
