// Whom a message is for.
#include <set>
#include <string>

#include <sendconn/mime.hpp>

namespace sendconn::mime {

std::vector<Address> recipients(const Message& message) {
  std::vector<Address> out;
  std::set<std::string> seen;
  for (const std::vector<Mailbox>* list : {&message.to, &message.cc, &message.bcc}) {
    for (const Mailbox& mailbox : *list) {
      if (seen.insert(mailbox.address.format()).second) out.push_back(mailbox.address);
    }
  }
  return out;
}

}  // namespace sendconn::mime
