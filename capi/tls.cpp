// TLS contexts and endpoints.
#include "capi/tls.hpp"

#include <algorithm>
#include <memory>

#include "capi/bytes.hpp"
#include "capi/structs.hpp"
#include "capi/time.hpp"

using namespace sendconn;
using namespace sendconn::capi;

struct sendconn_tls_endpoint {
  tls::Endpoint endpoint;
  std::string plain;
  std::string protocol;
  std::string cipher;
};

namespace {

/// The endpoint's own word for it is another: whatever it was, the connection is lost.
void succeed(const Result<void>& result) {
  if (result) return;
  Failure lost = failure(result.error());
  if (lost.status != SENDCONN_ERR_WRONG_STATE) lost.status = SENDCONN_ERR_TLS;
  throw Failure(std::move(lost));
}

/// Both texts are literals of the TLS library, but views; here they get their NUL.
void note_names(sendconn_tls_endpoint& endpoint) {
  if (endpoint.protocol.empty()) endpoint.protocol = endpoint.endpoint.protocol();
  if (endpoint.cipher.empty()) endpoint.cipher = endpoint.endpoint.cipher();
}

static_assert(static_cast<int>(tls::State::failed) == SENDCONN_TLS_FAILED);
static_assert(static_cast<int>(tls::Role::server) == SENDCONN_TLS_SERVER);

}  // namespace

sendconn_status sendconn_tls_context_new(sendconn_tls_context** out, const sendconn_tls_options* options,
                                         sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    const auto given = read(options, "options");
    tls::ContextOptions context;
    context.role = choice<tls::Role>(given.role, SENDCONN_TLS_SERVER, "role");
    context.certificate_file = text(given.certificate_file, given.certificate_file_len, "certificate_file");
    context.key_file = text(given.key_file, given.key_file_len, "key_file");
    context.authorities_file = text(given.authorities_file, given.authorities_file_len, "authorities_file");
    const bool verifies = choice(given.verify, SENDCONN_TLS_VERIFY_NONE, "verify") == SENDCONN_TLS_VERIFY_REQUIRED &&
                          context.role == tls::Role::client;
    context.verify = verifies ? tls::Verify::required : tls::Verify::none;
    context.allow_tls_1_2 = given.only_tls_1_3 == 0;
    context.now = unix_time_of(0);
    slot.set(std::unique_ptr<sendconn_tls_context>(
        new sendconn_tls_context{take(tls::Context::create(context)), context.role, verifies}));
  });
}

void sendconn_tls_context_free(sendconn_tls_context* context) noexcept { delete context; }

sendconn_status sendconn_tls_self_signed(sendconn_bytes** certificate, sendconn_bytes** key, const char* hostname,
                                         std::size_t hostname_len, std::uint32_t days, std::int64_t unix_time,
                                         sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot certificate_slot(certificate, "certificate");
    Slot key_slot(key, "key");
    tls::SelfSigned made =
        take(tls::make_self_signed(text(hostname, hostname_len, "hostname"), days, unix_time_of(unix_time)));
    auto first = make_bytes(std::move(made.certificate_pem));
    auto second = make_bytes(std::move(made.key_pem));
    certificate_slot.set(std::move(first));
    key_slot.set(std::move(second));
  });
}

sendconn_status sendconn_tls_endpoint_new(sendconn_tls_endpoint** out, const sendconn_tls_context* context,
                                          const char* server_name, std::size_t server_name_len,
                                          sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    const sendconn_tls_context& of = need(context, "context");
    const std::string_view name = text(server_name, server_name_len, "server_name");
    std::unique_ptr<sendconn_tls_endpoint> handle(
        new sendconn_tls_endpoint{tls::Endpoint(of.context, name), {}, {}, {}});
    if (handle->endpoint.state() == tls::State::failed) {
      Failure refused = failure(handle->endpoint.error());
      refused.status = SENDCONN_ERR_INVALID_ARGUMENT;
      throw Failure(std::move(refused));
    }
    slot.set(std::move(handle));
  });
}

sendconn_status sendconn_tls_endpoint_feed(const char** plain, std::size_t* plain_len, sendconn_tls_endpoint* endpoint,
                                           const char* records, std::size_t records_len,
                                           sendconn_error** error) noexcept {
  return guard(error, [&] {
    need(plain, "plain");
    need(plain_len, "plain_len");
    sendconn_tls_endpoint& to = need(endpoint, "endpoint");
    const std::string_view octets = text(records, records_len, "records");
    to.plain.clear();
    succeed(to.endpoint.feed(octets, to.plain));
    note_names(to);
    capi::set(plain, plain_len, to.plain);
  });
}

sendconn_status sendconn_tls_endpoint_feed_end(sendconn_tls_endpoint* endpoint, sendconn_error** error) noexcept {
  return guard(error, [&] { succeed(need(endpoint, "endpoint").endpoint.feed_end()); });
}

sendconn_status sendconn_tls_endpoint_write(sendconn_tls_endpoint* endpoint, const char* plain, std::size_t plain_len,
                                            sendconn_error** error) noexcept {
  return guard(error, [&] {
    sendconn_tls_endpoint& to = need(endpoint, "endpoint");
    succeed(to.endpoint.write(text(plain, plain_len, "plain")));
  });
}

sendconn_status sendconn_tls_endpoint_close(sendconn_tls_endpoint* endpoint, sendconn_error** error) noexcept {
  return guard(error, [&] { need(endpoint, "endpoint").endpoint.close(); });
}

const char* sendconn_tls_endpoint_output(std::size_t* len, const sendconn_tls_endpoint* endpoint) noexcept {
  if (endpoint == nullptr) return give_nothing(len);
  const char* output = nullptr;
  capi::set(&output, len, endpoint->endpoint.output());
  return output;
}

void sendconn_tls_endpoint_consumed_output(sendconn_tls_endpoint* endpoint, std::size_t count) noexcept {
  if (endpoint == nullptr) return;
  endpoint->endpoint.consumed_output(std::min(count, endpoint->endpoint.output().size()));
}

std::int32_t sendconn_tls_endpoint_state(const sendconn_tls_endpoint* endpoint) noexcept {
  return endpoint != nullptr ? static_cast<std::int32_t>(endpoint->endpoint.state()) : 0;
}
const char* sendconn_tls_endpoint_protocol(const sendconn_tls_endpoint* endpoint) noexcept {
  return endpoint != nullptr ? endpoint->protocol.c_str() : nullptr;
}
const char* sendconn_tls_endpoint_cipher(const sendconn_tls_endpoint* endpoint) noexcept {
  return endpoint != nullptr ? endpoint->cipher.c_str() : nullptr;
}
std::int32_t sendconn_tls_endpoint_peer_verified(const sendconn_tls_endpoint* endpoint) noexcept {
  return guard_value<std::int32_t>(0, [&] { return need(endpoint, "endpoint").endpoint.peer_verified() ? 1 : 0; });
}
void sendconn_tls_endpoint_free(sendconn_tls_endpoint* endpoint) noexcept { delete endpoint; }
