// compose(): checks the values, chooses encodings and boundary, then writes everything in one pass.
#include <algorithm>
#include <array>

#include <sendconn/message.hpp>
#include <sendconn/mime.hpp>

#include "lib/base/ascii.hpp"
#include "lib/base/base64.hpp"
#include "lib/mime/content_type.hpp"
#include "lib/mime/field_writer.hpp"
#include "lib/mime/file_name.hpp"
#include "lib/mime/text.hpp"
#include "lib/mime/transfer_encoding.hpp"

namespace sendconn::mime {
namespace {

/// Fields that compose() writes, and those that only servers add (RFC 5322 section 3.6.7, RFC 6376).
constexpr std::array reserved_fields = {
    std::string_view("from"),       std::string_view("sender"),       std::string_view("reply-to"),
    std::string_view("to"),         std::string_view("cc"),           std::string_view("bcc"),
    std::string_view("subject"),    std::string_view("date"),         std::string_view("message-id"),
    std::string_view("resent-bcc"), std::string_view("mime-version"), std::string_view("dkim-signature"),
    std::string_view("received"),   std::string_view("return-path"),
};

/// For each part: its fields, delimiters and their line ends, without file name and type.
constexpr std::size_t part_octets = 512;

/// A text or an attachment, ready to be written.
struct Leaf {
  ContentType type;
  const Attachment* attachment = nullptr;  ///< null: text
  std::string text;                        ///< CRLF line ends
  Encoding encoding = Encoding::base64;

  [[nodiscard]] std::string_view content() const { return attachment != nullptr ? attachment->content : text; }
  [[nodiscard]] bool is_identity() const { return encoding == Encoding::seven_bit || encoding == Encoding::eight_bit; }
};

/// The kinds of multipart that nest in each other; each has a boundary of its own.
enum class Multipart : char { mixed = 'm', alternative = 'a', related = 'r' };

class Composer {
 public:
  Composer(const Message& message, const ComposeOptions& options) : message_(message), options_(options) {}

  Result<Composed> run() {
    for (auto step : {&Composer::check_people, &Composer::check_fields, &Composer::prepare_texts,
                      &Composer::prepare_attachments, &Composer::check_size}) {
      if (auto done = (this->*step)(); !done) return std::move(done).error();
    }
    choose_boundary();
    write_header();
    const std::size_t header_octets = out().size();
    write_body();
    if (header_octets > max_header_octets)
      return too_much("the header", header_octets, "max_header_octets", max_header_octets);
    if (options_.max_octets != 0 && out().size() > options_.max_octets) {
      return too_much("the message", out().size(), "max_octets", options_.max_octets);
    }
    return std::move(composed_);
  }

 private:
  // ── Checks ──

  static Error too_much(std::string_view what, std::size_t octets, std::string_view limit, std::size_t most) {
    return {Errc::limit_exceeded, std::string(what) + " has " + std::to_string(octets) + " octets; at most " +
                                      std::to_string(most) + " are allowed (" + std::string(limit) + ")"};
  }

  Result<void> check_list(std::string_view name, const std::vector<Mailbox>& list, bool shown = true) {
    if (list.size() > max_addresses) {
      return Error{Errc::limit_exceeded, std::string(name) + " has " + std::to_string(list.size()) +
                                             " addresses; at most " + std::to_string(max_addresses) +
                                             " are allowed (max_addresses)"};
    }
    for (const Mailbox& mailbox : list) {
      const std::string what = "the name of " + mailbox.address.format();
      if (auto line = check_line(what, mailbox.name, Tabs::refuse); !line) return line;
      if (mailbox.name.size() > max_name_octets) {
        return too_much(what, mailbox.name.size(), "max_name_octets", max_name_octets);
      }
      if (shown && mailbox.address.needs_smtputf8()) composed_.smtputf8 = true;
    }
    return {};
  }

  Result<void> check_people() {
    if (options_.random.size() < min_random_octets) {
      return Error{Errc::invalid_argument, std::to_string(options_.random.size()) + " random octets; at least " +
                                               std::to_string(min_random_octets) + " are required (min_random_octets)"};
    }
    if (message_.from.empty()) {
      return Error{Errc::invalid_argument, "the message has no From; one address is required (RFC 5322 section 3.6)"};
    }
    if (message_.from.size() > 1 && !message_.sender) {
      return Error{Errc::invalid_argument,
                   "the message has " + std::to_string(message_.from.size()) +
                       " addresses in From; a sender is required then (RFC 5322 section 3.6.2)"};
    }
    if (message_.sender) {
      if (auto list = check_list("Sender", {*message_.sender}); !list) return list;
    }
    if (auto list = check_list("From", message_.from); !list) return list;
    if (auto list = check_list("Reply-To", message_.reply_to); !list) return list;
    if (auto list = check_list("To", message_.to); !list) return list;
    if (auto list = check_list("Cc", message_.cc); !list) return list;
    if (auto list = check_list("Bcc", message_.bcc, false); !list) return list;
    composed_.message_id = message_.message_id;
    if (composed_.message_id.empty()) {
      composed_.message_id = ascii::to_hex(std::string_view(options_.random).substr(0, min_random_octets)) + "@" +
                             message_.from.front().address.domain().text();
      return {};
    }
    return check_id("the message_id", message_.message_id);
  }

  Result<void> check_fields() {
    if (auto line = check_line("the subject", message_.subject, Tabs::allow); !line) return line;
    for (const CustomField& field : message_.fields) {
      const auto refuse = [&](std::string_view why) {
        return Error{Errc::invalid_argument, "the field name " + ascii::quote(field.name) + " " + std::string(why)};
      };
      const auto is_ftext = [](char c) { return ascii::is_vchar(c) && c != ':'; };
      if (field.name.empty() || field.name.size() > max_field_name_octets ||
          !std::all_of(field.name.begin(), field.name.end(), is_ftext)) {
        return refuse("is not 1 to " + std::to_string(max_field_name_octets) +
                      " octets of visible ASCII without a colon (RFC 5322 section 3.6.8)");
      }
      const std::string lower = ascii::to_lower(field.name);
      if (std::find(reserved_fields.begin(), reserved_fields.end(), lower) != reserved_fields.end() ||
          lower.starts_with("content-")) {
        return refuse("is not for a field of one's own: it has a place in the message, or servers write it");
      }
      if (auto line = check_line("the field " + field.name, field.value, Tabs::refuse); !line) return line;
    }
    return {};
  }

  // ── Parts ──

  static constexpr std::string_view utf8_parameter = "charset=utf-8";

  Result<void> prepare_text(std::string_view what, std::string_view text, std::string type, Leaf& leaf) {
    if (auto sound = check_text(what, text); !sound) return sound;
    leaf.type = {std::move(type), {std::string(utf8_parameter)}};
    leaf.text = to_crlf(text);
    if (!leaf.text.empty() && !leaf.text.ends_with("\r\n")) leaf.text += "\r\n";
    leaf.encoding = choose_encoding(leaf.text, options_.eight_bit || composed_.smtputf8);
    return {};
  }

  Result<void> prepare_texts() {
    if (auto done = prepare_text("the text", message_.text, "text/plain", text_); !done) return done;
    return prepare_text("the HTML", message_.html, "text/html", html_);
  }

  Result<void> prepare_attachments() {
    if (message_.attachments.size() > max_attachments) {
      return Error{Errc::limit_exceeded, std::to_string(message_.attachments.size()) + " attachments; at most " +
                                             std::to_string(max_attachments) + " are allowed (max_attachments)"};
    }
    for (const Attachment& attachment : message_.attachments) {
      Leaf leaf;
      leaf.attachment = &attachment;
      auto type = parse_content_type(attachment.content_type.empty() ? "application/octet-stream"
                                                                     : std::string_view(attachment.content_type));
      if (!type) return std::move(type).error();
      leaf.type = std::move(*type);
      if (auto name = check_file_name(attachment.file_name); !name) return name;
      if (leaf.type.is_message()) {
        if (auto sound = check_embedded(attachment, leaf); !sound) return sound;
      }
      if (attachment.content_id.empty()) {
        attached_.push_back(std::move(leaf));
        continue;
      }
      if (auto id = check_id("the content_id", attachment.content_id); !id) return id;
      if (message_.html.empty()) {
        return Error{Errc::invalid_argument, "the content_id " + ascii::quote(attachment.content_id) +
                                                 " is for HTML to refer to, and the message has none"};
      }
      inline_.push_back(std::move(leaf));
    }
    return {};
  }

  /// A message inside the message may not be encoded (RFC 2046 section 5.2.1), so it must be able to travel as it is.
  Result<void> check_embedded(const Attachment& attachment, Leaf& leaf) const {
    const std::string& content = attachment.content;
    const auto refuse = [&](std::string_view why, std::size_t position) {
      return Error{Errc::invalid_argument,
                   "the attached " + leaf.type.type + " " + std::string(why) + " at octet " + std::to_string(position) +
                       ", and may not be encoded (RFC 2046 section 5.2.1); attach it as application/octet-stream",
                   position};
    };
    std::size_t line_start = 0;
    for (std::size_t at = 0; at < content.size(); ++at) {
      const char c = content[at];
      if (c == '\0') return refuse("holds NUL", at);
      if (c == '\r' && at + 1 < content.size() && content[at + 1] == '\n') {
        line_start = at + 2;
        ++at;
      } else if (c == '\r' || c == '\n') {
        return refuse("holds a line end that is not CRLF", at);
      } else if (at - line_start >= max_line_octets) {
        return refuse("holds a line of more than " + std::to_string(max_line_octets) + " octets", at);
      }
    }
    const bool eight_bit = ascii::has_8bit(content);
    if (eight_bit && !options_.eight_bit && !composed_.smtputf8) {
      return Error{Errc::invalid_argument, "the attached " + leaf.type.type +
                                               " has octets above 0x7f; set eight_bit, or attach it as "
                                               "application/octet-stream"};
    }
    leaf.encoding = eight_bit ? Encoding::eight_bit : Encoding::seven_bit;
    return {};
  }

  [[nodiscard]] bool has_text() const { return !message_.text.empty() || message_.html.empty(); }

  template <class Use>
  void for_each_leaf(Use use) const {
    if (has_text()) use(text_);
    if (!message_.html.empty()) use(html_);
    for (const Leaf& leaf : inline_) use(leaf);
    for (const Leaf& leaf : attached_) use(leaf);
  }

  /// Before memory is taken for the result: what the parts need at least, and room for all of it in one piece.
  Result<void> check_size() {
    std::size_t bodies = 0;
    std::size_t rest = 8 * part_octets + 4 * message_.subject.size();
    for_each_leaf([&](const Leaf& leaf) {
      bodies += leaf.is_identity() || leaf.encoding == Encoding::quoted_printable
                    ? leaf.content().size()
                    : base64::encoded_octets(leaf.content().size());
      rest += part_octets + encoded_octets(leaf.encoding, leaf.content()) + max_content_type_octets;
      if (leaf.attachment != nullptr)
        rest += 4 * leaf.attachment->file_name.size() + leaf.attachment->content_id.size();
    });
    if (options_.max_octets != 0 && bodies > options_.max_octets) {
      return too_much("the message without its header", bodies, "max_octets", options_.max_octets);
    }
    for (const std::vector<Mailbox>* list : {&message_.from, &message_.reply_to, &message_.to, &message_.cc}) {
      for (const Mailbox& mailbox : *list) rest += 4 * mailbox.name.size() + mailbox.address.format().size() + 16;
    }
    for (const CustomField& field : message_.fields) rest += field.name.size() + 4 * field.value.size() + 16;
    out().reserve(rest);
    return {};
  }

  // ── Boundaries ──

  /// "=_" stands neither in quoted-printable nor in base64 (RFC 2045 section 6.7); what goes as it is, is searched.
  void choose_boundary() {
    const std::string random = ascii::to_hex(std::string_view(options_.random).substr(0, min_random_octets));
    token_ = random;
    const auto occurs = [this] {
      bool found = false;
      for_each_leaf([&](const Leaf& leaf) {
        found = found || (leaf.is_identity() && leaf.content().find(token_) != std::string_view::npos);
      });
      return found;
    };
    for (unsigned number = 1; occurs(); ++number) token_ = random + "." + std::to_string(number);
  }

  /// No boundary is the beginning of another: the letter differs.
  [[nodiscard]] std::string boundary(Multipart kind) const {
    return std::string("=_") + static_cast<char>(kind) + "_" + token_;
  }

  // ── Writing ──

  std::string& out() noexcept { return composed_.octets; }

  FieldWriter field(std::string_view name) { return {out(), name, composed_.smtputf8}; }

  void write_field(std::string_view name, std::string_view word) {
    FieldWriter writer = field(name);
    writer.word(word);
    writer.end();
  }

  void write_list(std::string_view name, const std::vector<Mailbox>& list) {
    if (list.empty()) return;
    FieldWriter writer = field(name);
    for (const Mailbox& mailbox : list) writer.mailbox(mailbox, &mailbox == &list.back() ? "" : ",");
    writer.end();
  }

  void write_header() {
    write_field("Date", mail::format_date(options_.now));
    write_list("From", message_.from);
    if (message_.sender) write_list("Sender", {*message_.sender});
    write_list("Reply-To", message_.reply_to);
    write_list("To", message_.to);
    write_list("Cc", message_.cc);
    if (message_.to.empty() && message_.cc.empty()) write_field("To", "undisclosed-recipients:;");
    if (!message_.subject.empty()) {
      FieldWriter writer = field("Subject");
      writer.text(message_.subject, FieldWriter::LongWords::encode);
      writer.end();
    }
    write_field("Message-ID", "<" + composed_.message_id + ">");
    for (const CustomField& custom : message_.fields) {
      FieldWriter writer = field(custom.name);
      writer.text(ascii::trim(custom.value), FieldWriter::LongWords::keep);
      writer.end();
    }
    write_field("MIME-Version", "1.0");
  }

  void write_body() {
    if (attached_.empty()) return write_shown(false);
    begin(Multipart::mixed, "multipart/mixed");
    delimit(Multipart::mixed);
    write_shown(true);
    for (const Leaf& leaf : attached_) {
      delimit(Multipart::mixed);
      write_leaf(leaf, true);
    }
    finish(Multipart::mixed);
  }

  /// What a reader shows at once.
  void write_shown(bool inside) {
    if (message_.html.empty()) return write_leaf(text_, inside);
    if (message_.text.empty()) return write_html(inside);
    begin(Multipart::alternative, "multipart/alternative");
    delimit(Multipart::alternative);
    write_leaf(text_, true);
    delimit(Multipart::alternative);
    write_html(true);
    finish(Multipart::alternative);
  }

  void write_html(bool inside) {
    if (inline_.empty()) return write_leaf(html_, inside);
    begin(Multipart::related, "multipart/related", R"(type="text/html")");
    delimit(Multipart::related);
    write_leaf(html_, true);
    for (const Leaf& leaf : inline_) {
      delimit(Multipart::related);
      write_leaf(leaf, true);
    }
    finish(Multipart::related);
  }

  void begin(Multipart kind, std::string_view type, std::string_view parameter = {}) {
    write_parameters("Content-Type", type,
                     parameter.empty() ? std::vector<std::string>() : std::vector<std::string>{std::string(parameter)},
                     "boundary=\"" + boundary(kind) + "\"");
    out() += "\r\n";
  }

  /// Stands behind a line end that belongs to it (RFC 2046 section 5.1.1).
  void delimit(Multipart kind) { out().append("--").append(boundary(kind)).append("\r\n"); }
  void finish(Multipart kind) { out().append("--").append(boundary(kind)).append("--\r\n"); }

  /// "value; parameter; …; last"
  void write_parameters(std::string_view name, std::string_view value, const std::vector<std::string>& parameters,
                        const std::string& last = {}) {
    FieldWriter writer = field(name);
    const bool has_last = !last.empty();
    writer.word(std::string(value) + (parameters.empty() && !has_last ? "" : ";"));
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      writer.word(parameters[i] + (i + 1 == parameters.size() && !has_last ? "" : ";"));
    }
    if (has_last) writer.word(last);
    writer.end();
  }

  /// `inside` a multipart the content keeps its own last line end, and the delimiter gets another.
  void write_leaf(const Leaf& leaf, bool inside) {
    const Attachment* attachment = leaf.attachment;
    const bool named = attachment != nullptr && !attachment->file_name.empty();
    write_parameters("Content-Type", leaf.type.type, leaf.type.parameters,
                     named ? fallback_name_parameter(attachment->file_name) : std::string());
    write_field("Content-Transfer-Encoding", format(leaf.encoding));
    if (attachment != nullptr) {
      const bool is_inline = !attachment->content_id.empty();
      write_parameters("Content-Disposition", is_inline ? "inline" : "attachment",
                       named ? file_name_parameters(attachment->file_name) : std::vector<std::string>());
      if (is_inline) write_field("Content-ID", "<" + attachment->content_id + ">");
    }
    out() += "\r\n";
    append_encoded(out(), leaf.encoding, leaf.content());
    if (leaf.encoding == Encoding::eight_bit) composed_.eight_bit = true;
    if (inside && leaf.encoding != Encoding::base64) out() += "\r\n";
  }

  const Message& message_;
  const ComposeOptions& options_;
  Composed composed_;
  Leaf text_;
  Leaf html_;
  std::vector<Leaf> inline_;
  std::vector<Leaf> attached_;
  std::string token_;
};

}  // namespace

Result<Composed> compose(const Message& message, const ComposeOptions& options) {
  auto composed = Composer(message, options).run();
  if (composed && composed->smtputf8) composed->eight_bit = true;
  return composed;
}

}  // namespace sendconn::mime
