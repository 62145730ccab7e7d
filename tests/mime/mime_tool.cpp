// Composes the message that standard input describes, for tests/programs/test_mime.py.
//
// Input: records "KEY SIZE\n", then SIZE octets and a line feed. A mailbox is "name NUL address", a field "name NUL
// value", an attachment "file name NUL type NUL content id NUL content". Output: the message. Exit code 1: what
// compose() said is on standard error.
#include <array>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <map>
#include <string>

#include <sendconn/mime.hpp>

namespace {

using namespace sendconn;

/// The part in front of the next NUL.
std::string take_part(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\0'), rest.size());
  std::string part(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

mime::Mailbox read_mailbox(std::string_view value) {
  std::string name = take_part(value);
  auto address = Address::parse(value);
  if (!address) {
    std::cerr << address.error().text << "\n";
    std::exit(2);
  }
  return {std::move(name), std::move(*address)};
}

void apply(const std::string& key, std::string_view value, mime::Message& message, mime::ComposeOptions& options) {
  const std::map<std::string, std::vector<mime::Mailbox>*> lists{{"from", &message.from},
                                                                 {"reply-to", &message.reply_to},
                                                                 {"to", &message.to},
                                                                 {"cc", &message.cc},
                                                                 {"bcc", &message.bcc}};
  const std::map<std::string, std::string*> texts{{"subject", &message.subject},
                                                  {"text", &message.text},
                                                  {"html", &message.html},
                                                  {"message-id", &message.message_id},
                                                  {"random", &options.random}};
  if (const auto list = lists.find(key); list != lists.end()) {
    list->second->push_back(read_mailbox(value));
  } else if (const auto text = texts.find(key); text != texts.end()) {
    *text->second = value;
  } else if (key == "sender") {
    message.sender = read_mailbox(value);
  } else if (key == "field") {
    std::string name = take_part(value);
    message.fields.push_back({std::move(name), std::string(value)});
  } else if (key == "attach") {
    mime::Attachment attachment;
    attachment.file_name = take_part(value);
    attachment.content_type = take_part(value);
    attachment.content_id = take_part(value);
    attachment.content = value;
    message.attachments.push_back(std::move(attachment));
  } else if (key == "eight-bit") {
    options.eight_bit = true;
  } else {
    std::cerr << "unknown key " << key << "\n";
    std::exit(2);
  }
}

}  // namespace

int main() {
  const std::string input(std::istreambuf_iterator<char>(std::cin), {});
  mime::Message message;
  mime::ComposeOptions options;
  options.now = UnixTime(std::chrono::seconds(1'764'000'000));
  options.random = "0123456789abcdef";
  options.max_octets = 0;
  for (std::size_t at = 0; at < input.size();) {
    const std::size_t space = input.find(' ', at);
    const std::size_t line = input.find('\n', at);
    const std::size_t size = std::stoul(input.substr(space + 1, line - space - 1));
    apply(input.substr(at, space - at), std::string_view(input).substr(line + 1, size), message, options);
    at = line + 1 + size + 1;
  }
  const auto composed = mime::compose(message, options);
  if (!composed) {
    std::cerr << composed.error().text << "\n";
    return 1;
  }
  std::fwrite(composed->octets.data(), 1, composed->octets.size(), stdout);
  return 0;
}
