#include "lib/dkim/canonical_header.hpp"

#include "lib/base/cursor.hpp"

namespace sendconn::dkim {

void append_relaxed(std::string& out, std::string_view name, std::string_view value) {
  for (const char c : name) out.push_back(ascii::lower(c));
  out.push_back(':');
  Cursor cursor(value);
  cursor.take_while(ascii::is_fws);
  while (!cursor.at_end()) {
    out.append(cursor.take_while([](char c) { return !ascii::is_fws(c); }));
    if (!cursor.take_while(ascii::is_fws).empty() && !cursor.at_end()) out.push_back(' ');
  }
}

void append_canonical(std::string& out, const mail::Field& field, Canonicalization canonicalization) {
  if (canonicalization == Canonicalization::simple) {
    out.append(field.raw);
    return;
  }
  append_relaxed(out, field.name, field.value);
  out.append("\r\n");
}

}  // namespace sendconn::dkim
