// Records: the tags that RFC 9989 section 4.7 knows, read with section 4.8's leniency.
#include <sendconn/dmarc.hpp>

#include <algorithm>
#include <array>

#include "lib/base/ascii.hpp"
#include "lib/base/cursor.hpp"
#include "lib/dmarc/tags.hpp"

namespace sendconn::dmarc {
namespace {

/// "v", "=" and "DMARC1" with nothing before them; the cursor stands behind them.
bool take_version(Cursor& cursor) noexcept {
  if (ascii::lower(cursor.peek()) != 'v') return false;
  cursor.skip();
  cursor.take_while(ascii::is_wsp);
  if (!cursor.take('=')) return false;
  cursor.take_while(ascii::is_wsp);
  constexpr std::string_view version = "DMARC1";  // case-sensitive
  if (cursor.rest().substr(0, version.size()) != version) return false;
  cursor.skip(version.size());
  cursor.take_while(ascii::is_wsp);
  return cursor.at_end() || cursor.peek() == ';';
}

/// One tag's place in the text.
struct Tag {
  std::string_view name;
  std::string_view value;
  std::size_t name_at = 0;
  std::size_t value_at = 0;
};

class Reader {
 public:
  Reader(std::string_view text, std::vector<Finding>* findings) : cursor_(text), findings_(findings) {}

  Result<Record> read() {
    if (!take_version(cursor_))
      return Error{Errc::syntax,
                   "no DMARC record: " + ascii::quote(cursor_.rest(), 20) +
                       " where \"v=DMARC1\" is required, first and alone in its place (RFC 9989 section 4.7)",
                   cursor_.position()};
    while (cursor_.take(';')) take_tag();
    record_.policy_faulty = !record_.p || faulty_;
    return std::move(record_);
  }

 private:
  enum Known : std::size_t { p, sp, np, psd, t, adkim, aspf, fo, rua, ruf, v, known_tags };
  static constexpr std::array<std::string_view, known_tags> names = {"p",    "sp", "np",  "psd", "t", "adkim",
                                                                     "aspf", "fo", "rua", "ruf", "v"};

  void say(Severity severity, std::string text, std::size_t position, std::size_t length) {
    if (findings_) findings_->push_back({severity, std::move(text), position, length});
  }

  void take_tag() {
    cursor_.take_while(ascii::is_wsp);
    Tag tag;
    tag.name_at = cursor_.position();
    tag.name = cursor_.take_while(ascii::is_alpha);
    cursor_.take_while(ascii::is_wsp);
    const bool equals = !tag.name.empty() && cursor_.take('=');
    if (equals) cursor_.take_while(ascii::is_wsp);
    tag.value_at = cursor_.position();
    tag.value = cursor_.take_until(';');
    while (!tag.value.empty() && ascii::is_wsp(tag.value.back())) tag.value.remove_suffix(1);
    if (!equals) {
      const std::size_t length = tag.value_at + tag.value.size() - tag.name_at;
      if (length == 0 && cursor_.at_end()) return;  // the last semicolon
      say(Severity::error,
          length == 0 ? "an empty tag between two semicolons (RFC 9989 section 4.8)"
                      : ascii::quote(cursor_.since(tag.name_at)) +
                            " is no tag; \"name=value\" is required (RFC 9989 section 4.8)",
          tag.name_at, length);
      return;
    }
    const auto known =
        std::find_if(names.begin(), names.end(), [&](std::string_view name) { return ascii::equal(name, tag.name); });
    if (known == names.end()) return say_unknown(tag);
    const auto which = static_cast<std::size_t>(known - names.begin());
    if (which == v || seen_[which]) {
      say(Severity::error,
          "a second \"" + std::string(*known) + "=\"; the first one counts (RFC 6376 section 3.2: a tag stands once)",
          tag.name_at, tag.name.size());
      return;
    }
    seen_[which] = true;
    if (!std::all_of(tag.value.begin(), tag.value.end(), [](char c) { return ascii::is_vchar(c) || c == ' '; })) {
      say(Severity::error,
          "\"" + std::string(*known) + "=\" holds what is no printable ASCII, " + ascii::quote(tag.value) +
              "; the tag is ignored (RFC 9989 section 4.8)",
          tag.value_at, tag.value.size());
      tag.value = {};
      if (which <= np) faulty_ = true;
      return;
    }
    take_known(static_cast<Known>(which), tag);
  }

  void say_unknown(const Tag& tag) {
    for (const std::string_view removed : {"pct", "rf", "ri"}) {
      if (ascii::equal(tag.name, removed))
        return say(Severity::warning,
                   "\"" + std::string(removed) +
                       "=\" was removed from DMARC and means nothing any more (RFC 9989 "
                       "section 9" +
                       (removed == "pct" ? "; \"t=y\" asks for a test mode)" : ")"),
                   tag.name_at, tag.name.size());
    }
    say(Severity::warning, "unknown tag " + ascii::quote(tag.name) + ", which everybody ignores (RFC 9989 section 4.7)",
        tag.name_at, tag.name.size());
  }

  void refuse_value(const Tag& tag, std::string_view required) {
    say(Severity::error,
        "\"" + std::string(tag.name) + "=\" is " + ascii::quote(tag.value) + "; " + std::string(required) +
            " is required (RFC 9989 section 4.7)",
        tag.value_at, tag.value.size());
  }

  void take_known(Known which, const Tag& tag) {
    switch (which) {
      case p:
        return take_policy(tag, record_.p);
      case sp:
        return take_policy(tag, record_.sp);
      case np:
        return take_policy(tag, record_.np);
      case psd:
        if (is(tag, 'y')) {
          record_.psd = Psd::yes;
        } else if (is(tag, 'n')) {
          record_.psd = Psd::no;
        } else if (!is(tag, 'u')) {
          refuse_value(tag, "y, n or u");
        }
        return;
      case t:
        record_.testing = is(tag, 'y');
        if (!record_.testing && !is(tag, 'n')) refuse_value(tag, "y or n");
        return;
      case adkim:
        return take_mode(tag, record_.adkim);
      case aspf:
        return take_mode(tag, record_.aspf);
      case fo:
        return take_failure_options(tag);
      case rua:
        return take_uris(tag, record_.rua);
      case ruf:
        return take_uris(tag, record_.ruf);
      case v:
      case known_tags:
        return;
    }
  }

  static bool is(const Tag& tag, char letter) noexcept {
    return tag.value.size() == 1 && ascii::lower(tag.value.front()) == letter;
  }

  void take_policy(const Tag& tag, std::optional<Policy>& policy) {
    if (const auto read = parse_policy(tag.value)) {
      policy = *read;
    } else {
      faulty_ = true;
      refuse_value(tag, "none, quarantine or reject");
    }
  }

  void take_mode(const Tag& tag, Mode& mode) {
    if (is(tag, 's')) {
      mode = Mode::strict;
    } else if (!is(tag, 'r')) {
      refuse_value(tag, "r or s");
    }
  }

  /// RFC 9989 section 4.8, dmarc-fo: "0" or "1", not both, and "d" and "s", each at most once; in any order.
  void take_failure_options(const Tag& tag) {
    FailureOptions options;
    bool all = false;
    bool good = true;
    Cursor list(tag.value);
    do {
      const std::string_view word = ascii::trim(list.take_until(':'));
      const char letter = word.size() == 1 ? ascii::lower(word.front()) : '\0';
      bool* const option = letter == '0'   ? &all
                           : letter == '1' ? &options.any
                           : letter == 'd' ? &options.dkim
                           : letter == 's' ? &options.spf
                                           : nullptr;
      good = good && option != nullptr && !*option;
      if (option) *option = true;
    } while (list.take(':'));
    if (!good || (all && options.any)) return refuse_value(tag, "0 or 1, d, s, each once between colons,");
    record_.fo = options;
  }

  void take_uris(const Tag& tag, std::vector<ReportUri>& uris) {
    Cursor list(tag.value);
    do {
      list.take_while(ascii::is_wsp);
      const std::size_t start = list.position();
      const std::string_view word = ascii::trim(list.take_until(','));
      const std::size_t at = tag.value_at + start;
      if (uris.size() == Record::max_uris) {
        say(Severity::warning, "more than " + std::to_string(Record::max_uris) + " addresses; the others are ignored",
            at, word.size());
        return;
      }
      auto uri = parse_report_uri(word);
      if (!uri) {
        say(Severity::error, uri.error().text, at + uri.error().position,
            word.size() - std::min(word.size(), uri.error().position));
        continue;
      }
      if (uri->text.size() != word.size())
        say(Severity::note,
            "the size limit " + ascii::quote(word.substr(uri->text.size())) +
                " is obsolete and ignored (RFC 9989 section 4.8)",
            at + uri->text.size(), word.size() - uri->text.size());
      if (!uri->mailbox)
        say(Severity::warning,
            "scheme " + ascii::quote(uri->scheme) + "; receivers need to support mailto: alone (RFC 9989 section 4.7)",
            at, uri->scheme.size());
      uris.push_back(*std::move(uri));
    } while (list.take(','));
  }

  Cursor cursor_;
  std::vector<Finding>* findings_;
  Record record_;
  std::array<bool, known_tags> seen_{};
  bool faulty_ = false;
};

std::string join(const std::vector<ReportUri>& uris) {
  std::string out;
  for (const ReportUri& uri : uris) out.append(out.empty() ? "" : ",").append(uri.text);
  return out;
}

}  // namespace

Result<Record> read_record(std::string_view text, std::vector<Finding>* findings) {
  if (text.size() > Record::max_octets)
    return Error{Errc::limit_exceeded,
                 "DMARC record of " + std::to_string(text.size()) + " octets; at most " +
                     std::to_string(Record::max_octets) + " are possible (RFC 1035 section 3.3.14)",
                 Record::max_octets};
  return Reader(text, findings).read();
}

bool is_record(std::string_view text) noexcept {
  Cursor cursor(text);
  return take_version(cursor);
}

Result<Record> parse(std::string_view text) { return read_record(text, nullptr); }

std::string format(const Record& record) {
  std::string out = "v=DMARC1";
  const auto tag = [&out](std::string_view name, std::string_view value) {
    out.append("; ").append(name).append("=").append(value);
  };
  if (record.p) tag("p", format(*record.p));
  if (record.sp) tag("sp", format(*record.sp));
  if (record.np) tag("np", format(*record.np));
  if (record.psd != Psd::unknown) tag("psd", record.psd == Psd::yes ? "y" : "n");
  if (record.testing) tag("t", "y");
  if (record.adkim != Mode::relaxed) tag("adkim", format(record.adkim));
  if (record.aspf != Mode::relaxed) tag("aspf", format(record.aspf));
  if (record.fo != FailureOptions{}) tag("fo", format(record.fo));
  if (!record.rua.empty()) tag("rua", join(record.rua));
  if (!record.ruf.empty()) tag("ruf", join(record.ruf));
  // A policy that was not valid must not turn into a valid one.
  if (record.policy_faulty && record.p) tag(record.sp ? "np" : "sp", "invalid");
  return out;
}

std::optional<std::string> record_name(const Domain& domain) {
  std::string name = "_dmarc." + domain.text();
  if (name.size() > Domain::max_octets) return std::nullopt;
  return name;
}

}  // namespace sendconn::dmarc
