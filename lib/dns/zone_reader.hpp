// ZoneReader: the lexical half of a master file (RFC 1035 section 5.1). It cuts a text into entries of tokens;
// comments, parentheses, quotes and line ends are behind it, what the tokens mean is not its business.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/result.hpp>

#include "lib/base/cursor.hpp"

namespace sendconn::dns {

/// A word or a quoted string, escapes still in it; a view into the text of the file.
struct ZoneToken {
  std::string_view raw;
  bool quoted = false;
  std::size_t line = 0;
  std::size_t position = 0;
};

/// One entry: a line, or several held together by parentheses.
struct ZoneEntry {
  std::vector<ZoneToken> tokens;
  bool owner_omitted = false;  ///< the line begins with white space
};

/// A text that outlives the reader and its tokens.
class ZoneReader {
 public:
  /// Our own bound: 64 KiB of record data in strings of one octet would be as many tokens.
  static constexpr std::size_t max_tokens = 65536;

  explicit ZoneReader(std::string_view text) : cursor_(text) {}

  /// The next entry that is not blank; one without tokens at the end of the text.
  Result<ZoneEntry> next();

 private:
  Result<ZoneToken> quoted();
  Result<ZoneToken> word();
  void end_line();

  Cursor cursor_;
  std::size_t line_ = 1;
};

/// "line 3: ..."
Error zone_error(std::size_t line, std::size_t position, std::string_view text);
Error zone_error(const ZoneToken& token, std::string_view text);

/// A token's octets: \X is X, \DDD the octet with that decimal number.
Result<std::string> unescape(const ZoneToken& token);

}  // namespace sendconn::dns
