// Messages to send, before they are octets.
#include "capi/outgoing.hpp"

#include <cstdio>

#include <sendconn/crypto.hpp>

#include "capi/bytes.hpp"
#include "capi/files.hpp"
#include "capi/structs.hpp"
#include "capi/time.hpp"

using namespace sendconn;
using namespace sendconn::capi;

namespace {

/// Of an attached file: what servers take at most, as a rule; a larger one is refused before it fills the memory.
constexpr std::size_t max_file_octets = 52'428'800;

mime::Message& message_of(sendconn_message* message) { return need(message, "message").message; }

std::string base_name(std::string_view path) { return std::string(path.substr(path.find_last_of('/') + 1)); }

}  // namespace

sendconn_status sendconn_message_new(sendconn_message** out, sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    slot.set(std::make_unique<sendconn_message>());
  });
}

sendconn_status sendconn_message_add_address(sendconn_message* message, std::int32_t field, const char* name,
                                             std::size_t name_len, const char* address, std::size_t address_len,
                                             sendconn_error** error) noexcept {
  return guard(error, [&] {
    mime::Message& to = message_of(message);
    const int which = choice(field, SENDCONN_MESSAGE_BCC, "field");
    mime::Mailbox mailbox{std::string(text(name, name_len, "name")),
                          take(Address::parse(text(address, address_len, "address")))};
    switch (which) {
      case SENDCONN_MESSAGE_FROM:
        to.from.push_back(std::move(mailbox));
        break;
      case SENDCONN_MESSAGE_SENDER:
        to.sender = std::move(mailbox);
        break;
      case SENDCONN_MESSAGE_REPLY_TO:
        to.reply_to.push_back(std::move(mailbox));
        break;
      case SENDCONN_MESSAGE_TO:
        to.to.push_back(std::move(mailbox));
        break;
      case SENDCONN_MESSAGE_CC:
        to.cc.push_back(std::move(mailbox));
        break;
      default:
        to.bcc.push_back(std::move(mailbox));
        break;
    }
  });
}

sendconn_status sendconn_message_set_subject(sendconn_message* message, const char* subject, std::size_t subject_len,
                                             sendconn_error** error) noexcept {
  return guard(error, [&] { message_of(message).subject = std::string(text(subject, subject_len, "subject")); });
}

sendconn_status sendconn_message_set_text(sendconn_message* message, const char* data, std::size_t size,
                                          sendconn_error** error) noexcept {
  return guard(error, [&] { message_of(message).text = std::string(text(data, size, "text")); });
}

sendconn_status sendconn_message_set_html(sendconn_message* message, const char* html, std::size_t html_len,
                                          sendconn_error** error) noexcept {
  return guard(error, [&] { message_of(message).html = std::string(text(html, html_len, "html")); });
}

sendconn_status sendconn_message_set_id(sendconn_message* message, const char* id, std::size_t id_len,
                                        sendconn_error** error) noexcept {
  return guard(error, [&] { message_of(message).message_id = std::string(text(id, id_len, "id")); });
}

sendconn_status sendconn_message_add_field(sendconn_message* message, const char* name, std::size_t name_len,
                                           const char* value, std::size_t value_len, sendconn_error** error) noexcept {
  return guard(error, [&] {
    mime::Message& to = message_of(message);
    to.fields.push_back({std::string(text(name, name_len, "name")), std::string(text(value, value_len, "value"))});
  });
}

sendconn_status sendconn_message_attach(sendconn_message* message, const sendconn_attachment* attachment,
                                        sendconn_error** error) noexcept {
  return guard(error, [&] {
    mime::Message& to = message_of(message);
    const auto given = read(attachment, "attachment");
    mime::Attachment added;
    added.content = text(given.content, given.content_len, "content");
    added.file_name = text(given.file_name, given.file_name_len, "file_name");
    added.content_type = text(given.content_type, given.content_type_len, "content_type");
    added.content_id = text(given.content_id, given.content_id_len, "content_id");
    to.attachments.push_back(std::move(added));
  });
}

sendconn_status sendconn_message_attach_file(sendconn_message* message, const char* path, const char* content_type,
                                             std::size_t content_type_len, sendconn_error** error) noexcept {
  return guard(error, [&] {
    mime::Message& to = message_of(message);
    mime::Attachment added;
    added.content_type = text(content_type, content_type_len, "content_type");
    read_file(&need(path, "path"), max_file_octets, added.content);
    added.file_name = base_name(path);
    to.attachments.push_back(std::move(added));
  });
}

sendconn_status sendconn_message_compose(sendconn_bytes** out, const sendconn_message* message, std::int64_t unix_time,
                                         sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    const mime::Message& from = need(message, "message").message;
    mime::ComposeOptions options;
    options.now = unix_time_of(unix_time);
    options.random = crypto::random_octets(mime::min_random_octets);
    slot.set(make_bytes(take(mime::compose(from, options)).octets));
  });
}

void sendconn_message_free(sendconn_message* message) noexcept { delete message; }
