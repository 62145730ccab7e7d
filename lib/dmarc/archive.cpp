// Packed reports: gzip (RFC 1952) and zip files, unpacked under a bound; the only place that knows zlib.
#include <sendconn/dmarc_report.hpp>

#include <algorithm>
#include <array>
#include <memory>

#include "lib/base/ascii.hpp"

#if __has_include(<zlib.h>) && !defined(SENDCONN_WITHOUT_ZLIB)
#include <zlib.h>
#define SENDCONN_ZLIB 1
#else
#define SENDCONN_ZLIB 0
#endif

namespace sendconn::dmarc {
namespace {

Error fault(std::string_view what, std::size_t position) {
  return {Errc::syntax, "report file: " + std::string(what), position};
}
Error too_large(const ReportLimits& limits) {
  return {Errc::limit_exceeded, "report file: more than " + std::to_string(limits.max_xml_octets) + " octets unpacked"};
}

constexpr std::string_view gzip_magic = "\x1f\x8b";
constexpr std::string_view zip_magic = "PK\x03\x04";
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

bool is_xml(std::string_view file) noexcept {
  if (file.substr(0, byte_order_mark.size()) == byte_order_mark) file.remove_prefix(byte_order_mark.size());
  // UTF-16 begins with its mark; expat reads it.
  return !ascii::trim(file).empty() &&
         (ascii::trim(file).front() == '<' || file.substr(0, 2) == "\xff\xfe" || file.substr(0, 2) == "\xfe\xff");
}

#if SENDCONN_ZLIB

enum class Wrapping { gzip, none };
constexpr std::size_t chunk_octets = 64 * 1024;

/// Unpacks one deflate stream; `packed` loses what was read.
Result<void> inflate_stream(std::string_view& packed, Wrapping wrapping, const ReportLimits& limits, std::string& out) {
  z_stream stream{};
  // zlib.h: 15 is the largest window; 16 more expects a gzip wrapper, negative none.
  if (inflateInit2(&stream, wrapping == Wrapping::gzip ? 15 + 16 : -15) != Z_OK)
    return Error{Errc::unsupported, "zlib cannot be used"};
  const auto end = [](z_stream* s) { inflateEnd(s); };
  const std::unique_ptr<z_stream, decltype(end)> guard(&stream, end);
  std::array<unsigned char, chunk_octets> chunk;
  for (int status = Z_OK; status != Z_STREAM_END;) {
    if (stream.avail_in == 0) {
      const std::string_view piece = packed.substr(0, chunk_octets);
      // zlib does not write through next_in.
      stream.next_in = reinterpret_cast<unsigned char*>(const_cast<char*>(piece.data()));  // NOLINT
      stream.avail_in = static_cast<unsigned>(piece.size());
      packed.remove_prefix(piece.size());
    }
    stream.next_out = chunk.data();
    stream.avail_out = chunk_octets;
    const auto given = stream.avail_in;
    status = inflate(&stream, Z_NO_FLUSH);
    const std::size_t made = chunk_octets - stream.avail_out;
    if (out.size() + made > limits.max_xml_octets) return too_large(limits);
    out.append(reinterpret_cast<const char*>(chunk.data()), made);
    const bool stuck = made == 0 && stream.avail_in == given && packed.empty() && status != Z_STREAM_END;
    if ((status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) || stuck)
      return fault("the packed data is damaged or cut off", 0);
  }
  packed = std::string_view(packed.data() - stream.avail_in, packed.size() + stream.avail_in);
  return {};
}

Result<std::string> unpack_gzip(std::string_view file, const ReportLimits& limits) {
  std::string out;
  std::string_view rest = file;
  // RFC 1952 section 2.2: members one behind the other.
  do {
    if (auto member = inflate_stream(rest, Wrapping::gzip, limits, out); !member) return member.error();
  } while (rest.substr(0, gzip_magic.size()) == gzip_magic);
  return out;
}

/// Little-endian numbers of a zip file; 0 behind the end, which every use checks against.
std::uint32_t number(std::string_view file, std::size_t at, std::size_t octets) noexcept {
  std::uint32_t value = 0;
  for (std::size_t i = octets; i-- > 0;)
    value = value << 8U | (at + i < file.size() ? static_cast<unsigned char>(file[at + i]) : 0U);
  return value;
}

struct Entry {
  std::string_view name;
  std::uint32_t flags = 0;
  std::uint32_t method = 0;
  std::uint32_t crc = 0;
  std::uint32_t packed = 0;
  std::uint32_t size = 0;
  std::uint32_t header_at = 0;
};

/// The central directory (PKWARE's APPNOTE sections 4.3.12 and 4.3.16): it has the sizes in any case.
Result<std::vector<Entry>> read_directory(std::string_view file, const ReportLimits& limits) {
  const std::size_t end = file.rfind("PK\x05\x06");
  if (end == std::string_view::npos || file.size() - end < 22) return fault("a zip file without its directory", 0);
  const std::uint32_t count = number(file, end + 10, 2);
  std::size_t at = number(file, end + 16, 4);
  if (count == 0xffffU || at == 0xffffffffU) return Error{Errc::unsupported, "report file: a zip64 file", end};
  if (count > limits.max_archive_entries)
    return Error{Errc::limit_exceeded, "report file: a zip file of " + std::to_string(count) + " files; at most " +
                                           std::to_string(limits.max_archive_entries) + " are looked at"};
  std::vector<Entry> entries;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (at > file.size() || file.size() - at < 46 || file.substr(at, 4) != "PK\x01\x02")
      return fault("a damaged directory of a zip file", std::min(at, file.size()));
    const std::size_t name = number(file, at + 28, 2);
    Entry entry;
    entry.name = file.substr(at + 46, name);
    entry.flags = number(file, at + 8, 2);
    entry.method = number(file, at + 10, 2);
    entry.crc = number(file, at + 16, 4);
    entry.packed = number(file, at + 20, 4);
    entry.size = number(file, at + 24, 4);
    entry.header_at = number(file, at + 42, 4);
    at += 46 + name + number(file, at + 30, 2) + number(file, at + 32, 2);
    entries.push_back(entry);
  }
  return entries;
}

Result<std::string> unpack_entry(std::string_view file, const Entry& entry, const ReportLimits& limits) {
  constexpr std::uint32_t encrypted = 1;
  constexpr std::uint32_t stored = 0;
  constexpr std::uint32_t deflated = 8;
  if (entry.flags & encrypted) return Error{Errc::unsupported, "report file: an encrypted zip file"};
  if (entry.size > limits.max_xml_octets) return too_large(limits);
  const std::size_t at = entry.header_at;
  if (at > file.size() || file.size() - at < 30 || file.substr(at, 4) != zip_magic)
    return fault("a zip file whose directory points astray", std::min(at, file.size()));
  const std::size_t data = at + 30 + number(file, at + 26, 2) + number(file, at + 28, 2);
  if (data > file.size() || entry.packed > file.size() - data) return fault("a zip file cut off", file.size());
  std::string_view packed = file.substr(data, entry.packed);
  std::string out;
  if (entry.method == stored) {
    if (packed.size() > limits.max_xml_octets) return too_large(limits);
    out = std::string(packed);
  } else if (entry.method == deflated) {
    if (auto inflated = inflate_stream(packed, Wrapping::none, limits, out); !inflated) return inflated.error();
  } else {
    return Error{Errc::unsupported,
                 "report file: zip method " + std::to_string(entry.method) + "; stored or deflated is required"};
  }
  const auto crc = crc32(crc32(0, nullptr, 0), reinterpret_cast<const unsigned char*>(out.data()),
                         static_cast<unsigned>(out.size()));
  if (out.size() != entry.size || crc != entry.crc) return fault("a damaged file in a zip file", data);
  return out;
}

Result<std::string> unpack_zip(std::string_view file, const ReportLimits& limits) {
  const auto entries = read_directory(file, limits);
  if (!entries) return entries.error();
  const auto is_report = [&](const Entry& entry) {
    constexpr std::string_view ending = ".xml";
    return entries->size() == 1 || (entry.name.size() > ending.size() &&
                                    ascii::equal(entry.name.substr(entry.name.size() - ending.size()), ending));
  };
  const auto count = std::count_if(entries->begin(), entries->end(), is_report);
  if (count != 1) return fault(std::to_string(count) + " XML files in a zip file; one is required", 0);
  return unpack_entry(file, *std::find_if(entries->begin(), entries->end(), is_report), limits);
}

#endif

}  // namespace

#if SENDCONN_ZLIB

Result<std::string> unpack_report(std::string_view file, const ReportLimits& limits) {
  if (file.substr(0, gzip_magic.size()) == gzip_magic) return unpack_gzip(file, limits);
  if (file.substr(0, zip_magic.size()) == zip_magic) return unpack_zip(file, limits);
  if (!is_xml(file)) return fault("neither gzip nor zip nor XML, it begins with " + ascii::quote(file, 8), 0);
  if (file.size() > limits.max_xml_octets) return too_large(limits);
  return std::string(file);
}

Result<std::string> pack_report(std::string_view xml) {
  z_stream stream{};
  constexpr int memory_level = 8;  // zlib.h: the default
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, memory_level, Z_DEFAULT_STRATEGY) != Z_OK)
    return Error{Errc::unsupported, "zlib cannot be used"};
  const auto end = [](z_stream* s) { deflateEnd(s); };
  const std::unique_ptr<z_stream, decltype(end)> guard(&stream, end);
  std::string out;
  std::array<unsigned char, chunk_octets> chunk;
  for (int status = Z_OK; status != Z_STREAM_END;) {
    if (stream.avail_in == 0) {
      const std::string_view piece = xml.substr(0, chunk_octets);
      stream.next_in = reinterpret_cast<unsigned char*>(const_cast<char*>(piece.data()));  // NOLINT
      stream.avail_in = static_cast<unsigned>(piece.size());
      xml.remove_prefix(piece.size());
    }
    stream.next_out = chunk.data();
    stream.avail_out = chunk_octets;
    status = deflate(&stream, xml.empty() ? Z_FINISH : Z_NO_FLUSH);
    out.append(reinterpret_cast<const char*>(chunk.data()), chunk_octets - stream.avail_out);
  }
  return out;
}

#else

Result<std::string> unpack_report(std::string_view file, const ReportLimits& limits) {
  if (file.substr(0, gzip_magic.size()) == gzip_magic || file.substr(0, zip_magic.size()) == zip_magic)
    return Error{Errc::unsupported, "unpacking reports needs a build with zlib"};
  if (!is_xml(file)) return fault("neither gzip nor zip nor XML, it begins with " + ascii::quote(file, 8), 0);
  if (file.size() > limits.max_xml_octets) return too_large(limits);
  return std::string(file);
}

Result<std::string> pack_report(std::string_view /*xml*/) {
  return Error{Errc::unsupported, "packing reports needs a build with zlib"};
}

#endif

}  // namespace sendconn::dmarc
