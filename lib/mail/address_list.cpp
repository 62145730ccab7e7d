// Address lists of header fields (RFC 5322 sections 3.4 and 4.4, groups in From: RFC 6854).
//
// A reader that guesses sees another author than the one whose rights were checked. So what the grammar, its obsolete
// forms included, does not allow is refused: an unquoted "@" in a display name, two addresses without a comma between
// them, an address with something behind it. Encoded words (RFC 2047) are atoms here and stay as they are.
#include <sendconn/message.hpp>

#include <string>
#include <utility>

#include "lib/mail/lexer.hpp"

namespace sendconn::mail {
namespace {

/// The words of a phrase or of a local part, as they were read: only what stands behind them tells which it was.
struct Words {
  std::string text;       ///< the words' meaning with the dots between them: quotes and escapes undone
  std::string_view only;  ///< the word as written, if there is just one
  std::size_t count = 0;
  bool is_phrase = true;      ///< begins with a word; an obsolete phrase may hold dots (RFC 5322 section 4.1)
  bool is_local_part = true;  ///< words and dots alternate, beginning and ending with a word
};

std::string unquote(std::string_view quoted) {
  std::string out;
  for (Cursor cursor(quoted.substr(1, quoted.size() - 2)); !cursor.at_end(); cursor.skip()) {
    cursor.take('\\');
    if (cursor.peek() != '\r' && cursor.peek() != '\n') out.push_back(cursor.peek());
  }
  return out;
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "\"";
}

bool is_dot_string(std::string_view text) {
  Cursor cursor(text);
  do {
    if (take_atom(cursor).empty()) return false;
  } while (cursor.take('.'));
  return cursor.at_end();
}

class ListParser {
 public:
  ListParser(std::string_view value, std::size_t max_addresses) : cursor_(value), max_addresses_(max_addresses) {}

  Result<std::vector<Address>> parse() {
    if (auto list = take_list('\0'); !list) return list.error();
    return std::move(addresses_);
  }

 private:
  Error fault(std::string_view what) const { return {Errc::syntax, std::string(what), cursor_.position()}; }

  /// Addresses with commas between them; several commas in a row are an obsolete form. `end`: ';' inside a group.
  Result<void> take_list(char end) {
    while (true) {
      if (auto space = skip_cfws(cursor_); !space) return space;
      if (cursor_.at_end() || (end != '\0' && cursor_.peek() == end)) return {};
      if (cursor_.take(',')) continue;
      if (auto address = take_address(end != '\0'); !address) return address;
      if (auto space = skip_cfws(cursor_); !space) return space;
      if (cursor_.at_end() || (end != '\0' && cursor_.peek() == end)) return {};
      if (!cursor_.take(','))
        return fault("a comma is required between two addresses, found " + ascii::quote(cursor_.rest(), 20) +
                     " (RFC 5322 section 3.4)");
    }
  }

  Result<void> take_address(bool in_group) {
    const std::size_t start = cursor_.position();
    auto words = take_words();
    if (!words) return words.error();
    if (cursor_.peek() == '@') return take_addr_spec(*words, start);
    if (!words->is_phrase)
      return Error{Errc::syntax, "a display name begins with a word, not with a dot (RFC 5322 section 4.1)", start};
    if (cursor_.peek() == '<') return take_angle();
    if (cursor_.peek() == ':' && words->count > 0) {
      if (in_group) return fault("a group inside a group (RFC 5322 section 3.4)");
      cursor_.skip();
      if (auto list = take_list(';'); !list) return list;
      if (!cursor_.take(';')) return fault("a group without its closing semicolon (RFC 5322 section 3.4)");
      return {};
    }
    if (words->count == 0)
      return fault("an address is required, found " + ascii::quote(cursor_.rest(), 20) + " (RFC 5322 section 3.4)");
    return Error{Errc::syntax,
                 ascii::quote(words->text) + " is no address; local@domain is required (RFC 5322 section 3.4)", start};
  }

  /// Words and dots up to what is neither.
  Result<Words> take_words() {
    Words words;
    bool after_word = false;
    while (true) {
      if (auto space = skip_cfws(cursor_); !space) return space.error();
      if (cursor_.take('.')) {
        words.is_phrase = words.is_phrase && words.count > 0;
        words.is_local_part = words.is_local_part && after_word;
        words.text.push_back('.');
        after_word = false;
        continue;
      }
      const bool quoted = cursor_.peek() == '"';
      std::string_view word = take_atom(cursor_);
      if (quoted) {
        auto string = take_quoted_string(cursor_);
        if (!string) return string.error();
        word = *string;
      }
      if (word.empty()) break;
      words.is_local_part = words.is_local_part && !after_word;
      if (quoted) {
        words.text += unquote(word);
      } else {
        words.text += word;
      }
      words.only = word;
      ++words.count;
      after_word = true;
    }
    words.is_local_part = words.is_local_part && after_word;
    return words;
  }

  Result<void> take_angle() {
    cursor_.skip();
    if (auto route = skip_route(); !route) return route;
    const std::size_t start = cursor_.position();
    auto words = take_words();
    if (!words) return words.error();
    if (cursor_.peek() != '@')
      return fault("local@domain is required inside the angle brackets (RFC 5322 section 3.4.1)");
    if (auto address = take_addr_spec(*words, start); !address) return address;
    if (!cursor_.take('>')) return fault("an address without its closing angle bracket (RFC 5322 section 3.4)");
    return {};
  }

  /// Source routes are read and dropped (RFC 5322 section 4.4, obs-route): "@a,@b:".
  Result<void> skip_route() {
    bool begun = false;
    bool has_domain = false;
    while (true) {
      if (auto space = skip_cfws(cursor_); !space) return space;
      if (cursor_.take('@')) {
        has_domain = true;
        auto domain = take_domain();
        if (!domain) return domain.error();
      } else if (!cursor_.take(',')) {
        break;
      }
      begun = true;
    }
    if (begun && !(has_domain && cursor_.take(':')))
      return fault("a route takes @ and a domain, and a colon in front of the address (RFC 5322 section 4.4)");
    return {};
  }

  Result<void> take_addr_spec(const Words& words, std::size_t start) {
    if (!words.is_local_part)
      return Error{Errc::syntax,
                   ascii::quote(words.text) +
                       " is no local part: quote it, or separate its words by single dots (RFC "
                       "5322 section 3.4.1)",
                   start};
    cursor_.skip();
    auto domain = take_domain();
    if (!domain) return domain.error();
    if (addresses_.size() == max_addresses_)
      return Error{Errc::limit_exceeded, "more than " + std::to_string(max_addresses_) + " addresses in one field",
                   start};
    std::string local = words.text;
    if (words.count == 1 && words.only.front() == '"' && words.only.find('\r') == std::string_view::npos) {
      local = words.only;
    } else if (!is_dot_string(local)) {
      local = quote(local);
    }
    auto address = Address::parse(local + "@" + *domain);
    if (!address) {
      address.error().position = start;
      return address.error();
    }
    addresses_.push_back(*std::move(address));
    return {};
  }

  /// A domain without the white space and comments in it; a domain literal as it stands, for Address to refuse.
  Result<std::string> take_domain() {
    if (auto space = skip_cfws(cursor_); !space) return space.error();
    if (cursor_.peek() == '[') {
      std::string literal(cursor_.take_while([](char c) { return c != ']'; }));
      if (!cursor_.take(']')) return fault("a domain literal without its closing bracket (RFC 5322 section 3.4.1)");
      return literal + "]";
    }
    std::string domain;
    while (true) {
      const std::string_view atom = take_atom(cursor_);
      if (atom.empty()) return fault("a domain label is required here (RFC 5322 section 3.4.1)");
      domain += atom;
      if (auto space = skip_cfws(cursor_); !space) return space.error();
      if (!cursor_.take('.')) return domain;
      domain.push_back('.');
      if (auto space = skip_cfws(cursor_); !space) return space.error();
    }
  }

  Cursor cursor_;
  std::size_t max_addresses_;
  std::vector<Address> addresses_;
};

}  // namespace

Result<std::vector<Address>> parse_address_list(std::string_view value, std::size_t max_addresses) {
  return ListParser(value, max_addresses).parse();
}

}  // namespace sendconn::mail
