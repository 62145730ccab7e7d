#include "lib/dmarc/xml.hpp"

#include "lib/base/ascii.hpp"
#include "lib/base/utf8.hpp"

#if __has_include(<expat.h>) && !defined(SENDCONN_WITHOUT_EXPAT)
#include <expat.h>
#define SENDCONN_EXPAT 1
#else
#define SENDCONN_EXPAT 0
#endif

#include <memory>
#include <optional>
#include <vector>

namespace sendconn::dmarc {

#if SENDCONN_EXPAT

namespace {

// Expat 2.9 counts in 64 bits everywhere, and deprecates the functions whose width the platform decides.
#if XML_MAJOR_VERSION > 2 || XML_MINOR_VERSION >= 9
std::int64_t octet_of(XML_Parser parser) { return XML_GetCurrentByteIndex64(parser); }
std::uint64_t line_of(XML_Parser parser) { return XML_GetCurrentLineNumber64(parser); }
#else
std::int64_t octet_of(XML_Parser parser) { return XML_GetCurrentByteIndex(parser); }
std::uint64_t line_of(XML_Parser parser) { return XML_GetCurrentLineNumber(parser); }
#endif

constexpr char separator = '\n';  // between namespace and name; in neither of them

struct Free {
  void operator()(XML_Parser parser) const noexcept { XML_ParserFree(parser); }
};

/// Splits what expat makes of a name.
void split_name(std::string_view name, std::string& space, std::string& local) {
  const std::size_t at = name.find(separator);
  space = at == std::string_view::npos ? std::string() : std::string(name.substr(0, at));
  local = std::string(at == std::string_view::npos ? name : name.substr(at + 1));
}

class Reader {
 public:
  Reader(std::string_view root, const ReportLimits& limits, std::string& root_space, const TreeHandler& handler)
      : parser_(XML_ParserCreateNS(nullptr, separator)),
        root_(root),
        limits_(limits),
        root_space_(root_space),
        handler_(handler) {
    XML_SetUserData(parser_.get(), this);
    XML_SetElementHandler(parser_.get(), &Reader::on_start, &Reader::on_end);
    XML_SetCharacterDataHandler(parser_.get(), &Reader::on_text);
    XML_SetStartDoctypeDeclHandler(parser_.get(), &Reader::on_doctype);
  }

  Result<void> read(std::string_view xml) {
    // In pieces, so that a length never meets the limits of an int.
    constexpr std::size_t piece_octets = 1 << 20;
    for (bool last = false; !last;) {
      const std::string_view piece = xml.substr(0, piece_octets);
      xml.remove_prefix(piece.size());
      last = xml.empty();
      const auto status = XML_Parse(parser_.get(), piece.data(), static_cast<int>(piece.size()), last ? 1 : 0);
      if (error_) return *std::move(error_);
      if (status != XML_STATUS_OK)
        return Error{Errc::syntax, where() + "no well-formed XML: " + XML_ErrorString(XML_GetErrorCode(parser_.get())),
                     position()};
    }
    return {};
  }

 private:
  [[nodiscard]] std::size_t position() const {
    return static_cast<std::size_t>(std::max<std::int64_t>(0, octet_of(parser_.get())));
  }
  [[nodiscard]] std::string where() const { return "report, line " + std::to_string(line_of(parser_.get())) + ": "; }

  void stop(Errc code, const std::string& what) {
    if (!error_) error_ = Error{code, where() + what, position()};
    XML_StopParser(parser_.get(), XML_FALSE);
  }
  void exceed(std::string_view what, std::size_t limit) {
    stop(Errc::limit_exceeded, "more than " + std::to_string(limit) + " " + std::string(what));
  }

  static Reader& self(void* data) { return *static_cast<Reader*>(data); }
  static void XMLCALL on_start(void* data, const XML_Char* name, const XML_Char** attributes) {
    self(data).start(name, attributes);
  }
  static void XMLCALL on_end(void* data, const XML_Char* /*name*/) { self(data).end(); }
  static void XMLCALL on_text(void* data, const XML_Char* text, int octets) {
    self(data).add_text({text, static_cast<std::size_t>(octets)});
  }
  static void XMLCALL on_doctype(void* data, const XML_Char* /*name*/, const XML_Char* /*system*/,
                                 const XML_Char* /*public_id*/, int /*subset*/) {
    self(data).stop(Errc::syntax, "a document type declaration; reports have none, and entities are refused");
  }

  void start(const char* name, const char** attributes) {
    if (error_) return;
    if (++elements_ > limits_.max_elements) return exceed("elements", limits_.max_elements);
    if (++depth_ > limits_.max_depth) return exceed("levels of elements", limits_.max_depth);
    ExtensionElement element;
    split_name(name, element.space, element.name);
    if (depth_ == 1) {
      if (element.name != root_)
        return stop(Errc::syntax, "the root element is " + ascii::quote(element.name) + "; \"" + std::string(root_) +
                                      "\" is required (RFC 9990 section 3.1.1)");
      root_space_ = element.space;
      return;
    }
    for (; *attributes != nullptr; attributes += 2) {
      ExtensionElement::Attribute attribute;
      split_name(attributes[0], attribute.space, attribute.name);
      attribute.value = attributes[1];
      if (attribute.value.size() > limits_.max_text_octets)
        return exceed("octets in an attribute", limits_.max_text_octets);
      element.attributes.push_back(std::move(attribute));
    }
    open_.push_back(std::move(element));
  }

  void end() {
    if (error_) return;
    --depth_;
    if (open_.empty()) return;
    ExtensionElement element = std::move(open_.back());
    open_.pop_back();
    element.text = std::string(ascii::trim(element.text));
    if (!open_.empty()) {
      open_.back().children.push_back(std::move(element));
      return;
    }
    if (auto taken = handler_(element); !taken) stop(taken.error().code, taken.error().text);
  }

  void add_text(std::string_view text) {
    if (error_ || open_.empty()) return;
    std::string& all = open_.back().text;
    if (all.empty()) text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
    if (all.size() + text.size() > limits_.max_text_octets)
      return exceed("octets in an element", limits_.max_text_octets);
    all += text;
  }

  std::unique_ptr<XML_ParserStruct, Free> parser_;
  std::string_view root_;
  const ReportLimits& limits_;
  std::string& root_space_;
  const TreeHandler& handler_;
  std::size_t elements_ = 0;
  std::size_t depth_ = 0;
  std::vector<ExtensionElement> open_;  // from the root's child down
  std::optional<Error> error_;
};

}  // namespace

Result<void> read_xml(std::string_view xml, std::string_view root, const ReportLimits& limits, std::string& root_space,
                      const TreeHandler& handler) {
  if (xml.size() > limits.max_xml_octets)
    return Error{Errc::limit_exceeded,
                 "report of " + std::to_string(xml.size()) + " octets; at most " +
                     std::to_string(limits.max_xml_octets) + " are read",
                 limits.max_xml_octets};
  return Reader(root, limits, root_space, handler).read(xml);
}

#else

Result<void> read_xml(std::string_view /*xml*/, std::string_view /*root*/, const ReportLimits& /*limits*/,
                      std::string& /*root_space*/, const TreeHandler& /*handler*/) {
  return Error{Errc::unsupported, "reading reports needs a build with expat"};
}

#endif

std::string escape_xml(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto point = utf8::decode(text);
    const std::size_t octets = point ? point->octets : 1;
    const char c = text.front();
    // XML 1.0 section 2.2: what may stand in a document at all.
    const bool allowed = point && (point->value >= 0x20 || c == '\t' || c == '\n' || c == '\r') &&
                         point->value != 0xfffe && point->value != 0xffff;
    if (!allowed) {
      out += '?';
    } else if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (point->value < 0x20) {  // a reader would turn it into a space or a line feed
      out.append("&#").append(std::to_string(point->value)).append(";");
    } else {
      out += text.substr(0, octets);
    }
    text.remove_prefix(octets);
  }
  return out;
}

}  // namespace sendconn::dmarc
