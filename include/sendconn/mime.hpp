// Builds messages: text, HTML with images inside, attachments, names in any language (RFC 5322, RFC 2045, RFC 2047, RFC
// 2183, RFC 2231, RFC 6532). Values in, one string with CRLF line ends out: ready for dkim::Signer, smtp::ClientSession
// and Mailer.
//
//   mime::Message message;
//   message.from = {{"Ada", *Address::parse("ada@example.org")}};
//   message.to = {{"Bob", *Address::parse("bob@example.net")}};
//   message.subject = "Grüße";
//   message.text = "Hello\n";
//   auto composed = mime::compose(message, {.now = now, .random = crypto::random_octets(16)});
//
// The same message, time and random octets give the same octets. All text is UTF-8 without control characters; whatever
// could begin another header field is refused, so no value from a form or a database can add one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/address.hpp>
#include <sendconn/result.hpp>
#include <sendconn/time.hpp>

#pragma GCC visibility push(default)

namespace sendconn::mime {

/// An address with the name that people see; the name may be empty.
struct Mailbox {
  std::string name;
  Address address;
};

/// A file that goes along, or an image that the HTML shows.
struct Attachment {
  std::string content;       ///< the octets; they arrive unchanged
  std::string file_name;     ///< without folders: '/' and '\' are refused; empty: none. At most max_file_name_octets
  std::string content_type;  ///< "application/pdf", "text/csv; charset=utf-8"; empty: application/octet-stream
  /// Not empty: an image inside the HTML, which names it as <img src="cid:logo@example.org">; "left@right" without
  /// angle brackets (RFC 2045 section 7, RFC 2392).
  std::string content_id;
};

/// A header field of one's own.
struct CustomField {
  std::string name;   ///< visible ASCII without a colon, at most max_field_name_octets
  std::string value;  ///< one line; beyond ASCII it becomes encoded words, so a field with a grammar must be ASCII
};

/// A message before it is octets. Addresses are valid by their type; everything else is checked by compose().
struct Message {
  std::vector<Mailbox> from;      ///< at least one; more than one need a sender (RFC 5322 section 3.6.2)
  std::optional<Mailbox> sender;  ///< who sent it for them
  std::vector<Mailbox> reply_to;
  std::vector<Mailbox> to;
  std::vector<Mailbox> cc;
  std::vector<Mailbox> bcc;  ///< recipients() has them; the message never shows them
  std::string subject;
  std::string text;        ///< plain text; line ends of any kind; both this and html: the reader's program chooses
  std::string html;        ///< a whole document
  std::string message_id;  ///< "left@right" without angle brackets; empty: one is made in the domain of the first From
  std::vector<Attachment> attachments;  ///< in the order in which readers see them
  std::vector<CustomField> fields;  ///< in this order; the names that compose() writes, and trace fields, are refused
};

inline constexpr std::size_t min_random_octets = 16;   ///< our own bound: 128 bits let nobody guess or meet another's
inline constexpr std::size_t max_addresses = 1'000;    ///< of one field, and recipients in all; our own bound
inline constexpr std::size_t max_attachments = 1'000;  ///< our own bound; precedent: Exim refuses in the thousands
inline constexpr std::size_t max_file_name_octets = 255;     ///< precedent: NAME_MAX of Linux and Windows
inline constexpr std::size_t max_field_name_octets = 70;     ///< our own bound: room for a word on its line
inline constexpr std::size_t max_content_type_octets = 255;  ///< our own bound; RFC 6838 section 4.2: names of 127 each
inline constexpr std::size_t max_id_octets = 250;            ///< our own bound, for Message-ID and Content-ID
inline constexpr std::size_t max_name_octets = 1'000;        ///< of a mailbox; our own bound
inline constexpr std::size_t max_line_octets = 998;          ///< RFC 5322 section 2.1.1, without CRLF; 78 are better
inline constexpr std::size_t max_header_octets = 262'144;    ///< as mail::HeaderLimits, or the signer could not read it

struct ComposeOptions {
  UnixTime now{};      ///< Date
  std::string random;  ///< at least min_random_octets; Message-ID and boundaries come from it
  /// Text beyond ASCII may stay as it is (8BITMIME) where its lines allow. Without it the message is ASCII and passes
  /// every server unchanged, which keeps signatures good (RFC 6376 section 5.3).
  bool eight_bit = false;
  std::size_t max_octets = 52'428'800;  ///< of the result; 0: no bound. As smtp::ServerOptions::max_message_octets
};

struct Composed {
  std::string octets;      ///< header, empty line, body; CRLF alone ends lines, and the last one
  std::string message_id;  ///< without angle brackets
  /// An address in the header needs SMTPUTF8, so the header is UTF-8 throughout (RFC 6532); only servers with that
  /// extension take it.
  bool smtputf8 = false;
  bool eight_bit = false;  ///< some octets are above 0x7f: 8BITMIME is needed
};

/// Makes the octets. Lines have at most 78 octets where their content can be cut, and never more than max_line_octets.
///
/// - Text and HTML get CRLF line ends, a last one too, whatever theirs were, and go as 7bit if that changes nothing,
///   else as quoted-printable or base64, whichever is shorter. Together they are multipart/alternative; images with a
///   content_id go beside the HTML (multipart/related), attachments beside all of it (multipart/mixed) as base64.
///   message/rfc822 goes as it is (RFC 2046 section 5.2.1), so it must have CRLF line ends and short lines.
/// - Subjects and names beyond ASCII become encoded words of at most 75 octets, cut between characters. File names
///   beyond ASCII go by RFC 2231, beside an ASCII form of them for readers that do not know it.
/// - No To and no Cc: "To: undisclosed-recipients:;".
/// - No boundary occurs in what it separates: it is chosen after the content.
///
/// Memory: the result once, beside the message; text is copied on the way, attachments are not. Thread-safe.
///
/// Errc::invalid_argument: no From, several without a sender, too few random octets, a content_id without HTML, a name,
/// type or id that is not of its form, a custom field that compose() writes itself. Errc::syntax with the position:
/// text that is not UTF-8 or holds NUL, a header value with a control character. Errc::limit_exceeded.
Result<Composed> compose(const Message& message, const ComposeOptions& options);

/// Line ends of any kind (CRLF, LF, CR) as CRLF.
std::string to_crlf(std::string_view text);

/// To, Cc and Bcc, each address once, in this order: for the envelope.
std::vector<Address> recipients(const Message& message);

}  // namespace sendconn::mime

#pragma GCC visibility pop
