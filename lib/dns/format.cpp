// The words for record types and for how a question ended.
#include <iterator>

#include <sendconn/dns.hpp>

#include "lib/base/ascii.hpp"

namespace sendconn::dns {
namespace {

struct TypeWord {
  RecordType type;
  std::string_view word;
};

constexpr TypeWord type_words[] = {
    {RecordType::a, "A"},       {RecordType::cname, "CNAME"}, {RecordType::mx, "MX"}, {RecordType::txt, "TXT"},
    {RecordType::aaaa, "AAAA"}, {RecordType::ptr, "PTR"},     {RecordType::ns, "NS"}, {RecordType::tlsa, "TLSA"},
};

}  // namespace

std::string_view format(RecordType type) {
  for (const TypeWord& known : type_words)
    if (known.type == type) return known.word;
  return "unknown";
}

Result<RecordType> parse_record_type(std::string_view text) {
  std::string all;
  for (const TypeWord& known : type_words) {
    if (ascii::equal(known.word, text)) return known.type;
    all += all.empty() ? "" : ", ";
    all += known.word;
  }
  return Error{Errc::syntax, ascii::quote(text) + " is not a record type known here; there are " + all, 0};
}

std::string_view format(Status status) {
  switch (status) {
    case Status::no_error:
      return "no error";
    case Status::no_such_name:
      return "no such name";
    case Status::no_data:
      return "no data";
    case Status::timeout:
      return "timeout";
    case Status::server_failure:
      return "server failure";
    case Status::malformed:
      return "malformed";
  }
  return "unknown";
}

}  // namespace sendconn::dns
