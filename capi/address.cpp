// Domain names and mailbox addresses.
#include <sendconn/address.hpp>
#include <sendconn/message.hpp>

#include <vector>

#include "capi/bytes.hpp"

using namespace sendconn;
using namespace sendconn::capi;

struct sendconn_address {
  Address address;
  std::string whole;
};

struct sendconn_address_list {
  std::vector<sendconn_address> addresses;
};

namespace {

/// What parse_address_list() takes if the caller does not say: enough for a person's mail.
constexpr std::size_t default_addresses = 100;

}  // namespace

sendconn_status sendconn_domain_normalize(sendconn_bytes** out, const char* name, std::size_t name_len,
                                          sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    slot.set(make_bytes(take(Domain::parse(text(name, name_len, "name"))).text()));
  });
}

sendconn_status sendconn_domain_display(sendconn_bytes** out, const char* name, std::size_t name_len,
                                        sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    slot.set(make_bytes(take(Domain::parse(text(name, name_len, "name"))).display()));
  });
}

sendconn_status sendconn_domain_is_within(std::int32_t* out, const char* name, std::size_t name_len, const char* parent,
                                          std::size_t parent_len, sendconn_error** error) noexcept {
  return guard(error, [&] {
    std::int32_t& is_within = need(out, "out");
    const Domain below = take(Domain::parse(text(name, name_len, "name")));
    const Domain above = take(Domain::parse(text(parent, parent_len, "parent")));
    is_within = below.is_within(above) ? 1 : 0;
  });
}

sendconn_status sendconn_address_parse(sendconn_address** out, const char* data, std::size_t size,
                                       sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    Address address = take(Address::parse(text(data, size, "text")));
    std::string whole = address.format();
    slot.set(std::unique_ptr<sendconn_address>(new sendconn_address{std::move(address), std::move(whole)}));
  });
}

const char* sendconn_address_text(std::size_t* len, const sendconn_address* address) noexcept {
  return address != nullptr ? give(len, address->whole) : give_nothing(len);
}
const char* sendconn_address_local(std::size_t* len, const sendconn_address* address) noexcept {
  return address != nullptr ? give(len, address->address.local()) : give_nothing(len);
}
const char* sendconn_address_domain(std::size_t* len, const sendconn_address* address) noexcept {
  return address != nullptr ? give(len, address->address.domain().text()) : give_nothing(len);
}
std::int32_t sendconn_address_needs_smtputf8(const sendconn_address* address) noexcept {
  return address != nullptr && address->address.needs_smtputf8() ? 1 : 0;
}
void sendconn_address_free(sendconn_address* address) noexcept { delete address; }

sendconn_status sendconn_address_list_parse(sendconn_address_list** out, const char* value, std::size_t value_len,
                                            std::size_t max_addresses, sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    const std::size_t most = max_addresses != 0 ? max_addresses : default_addresses;
    auto list = std::make_unique<sendconn_address_list>();
    for (Address& address : take(mail::parse_address_list(text(value, value_len, "value"), most))) {
      std::string whole = address.format();
      list->addresses.push_back({std::move(address), std::move(whole)});
    }
    slot.set(std::move(list));
  });
}

std::size_t sendconn_address_list_count(const sendconn_address_list* list) noexcept {
  return list != nullptr ? list->addresses.size() : 0;
}
const sendconn_address* sendconn_address_list_get(const sendconn_address_list* list, std::size_t index) noexcept {
  return list != nullptr && index < list->addresses.size() ? &list->addresses[index] : nullptr;
}
void sendconn_address_list_free(sendconn_address_list* list) noexcept { delete list; }
