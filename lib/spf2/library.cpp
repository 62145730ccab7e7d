// Spf2Library: libspf2 1.2.10 with a DNS layer that asks nobody.
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>

extern "C" {
#include <spf2/spf.h>
}

#include "lib/spf2/library.hpp"

namespace sendconn::spf {
namespace {

std::optional<dns::RecordType> type_of(ns_type type) {
  switch (type) {
    case ns_t_a:
      return dns::RecordType::a;
    case ns_t_aaaa:
      return dns::RecordType::aaaa;
    case ns_t_mx:
      return dns::RecordType::mx;
    case ns_t_ptr:
      return dns::RecordType::ptr;
    case ns_t_txt:
      return dns::RecordType::txt;
    default:
      return std::nullopt;  // type SPF, which RFC 7208 section 3.1 discontinued
  }
}

int status_of(dns::Status status) {
  switch (status) {
    case dns::Status::no_error:
      return NETDB_SUCCESS;
    case dns::Status::no_such_name:
      return HOST_NOT_FOUND;
    case dns::Status::no_data:
      return NO_DATA;
    case dns::Status::timeout:
    case dns::Status::server_failure:
    case dns::Status::malformed:
      break;
  }
  return TRY_AGAIN;
}

std::string_view data_of(const dns::Record& record, dns::RecordType type) {
  const bool is_address = type == dns::RecordType::a || type == dns::RecordType::aaaa;
  return is_address ? record.address.octets() : std::string_view(record.text);
}

/// Texts end at a NUL for libspf2, so one that has any is no text it could read as we do.
bool fits(const dns::Record& record, dns::RecordType type) {
  switch (type) {
    case dns::RecordType::a:
      return record.address.is_v4();
    case dns::RecordType::aaaa:
      return !record.address.is_v4();
    default:
      return record.text.find('\0') == std::string::npos;
  }
}

/// A record that cannot be read leaves it without a result, but with an error.
Verdict verdict_of(SPF_result_t result, SPF_errcode_t error) {
  switch (result) {
    case SPF_RESULT_NEUTRAL:
      return Verdict::neutral;
    case SPF_RESULT_PASS:
      return Verdict::pass;
    case SPF_RESULT_FAIL:
      return Verdict::fail;
    case SPF_RESULT_SOFTFAIL:
      return Verdict::softfail;
    case SPF_RESULT_NONE:
      return Verdict::none;
    case SPF_RESULT_TEMPERROR:
      return Verdict::temperror;
    case SPF_RESULT_PERMERROR:
      return Verdict::permerror;
    case SPF_RESULT_INVALID:
      break;
  }
  switch (error) {
    case SPF_E_NOT_SPF:
      return Verdict::none;
    case SPF_E_NO_MEMORY:
    case SPF_E_DNS_ERROR:
    case SPF_E_INTERNAL_ERROR:
      return Verdict::temperror;
    default:
      return Verdict::permerror;
  }
}

const char* text_or_empty(const char* text) { return text == nullptr ? "" : text; }

/// It reports on stderr what it thinks of a record; the result says it too.
void ignore_message(const char* /*file*/, int /*line*/, const char* /*message*/) {}

}  // namespace

struct Spf2Library::Impl {
  SPF_dns_server_t dns{};
  SPF_server_t* server = nullptr;
  const KnownAnswer* known = nullptr;

  static SPF_dns_rr_t* lookup(SPF_dns_server_t* layer, const char* domain, ns_type type, int /*should_cache*/);
};

SPF_dns_rr_t* Spf2Library::Impl::lookup(SPF_dns_server_t* layer, const char* domain, ns_type type,
                                        int /*should_cache*/) {
  const auto* self = static_cast<const Impl*>(layer->hook);
  const auto wanted = type_of(type);
  if (!wanted) return SPF_dns_rr_new_init(layer, domain, type, 0, NO_DATA);
  const dns::Answer* answer = (*self->known)({domain, *wanted});
  if (answer == nullptr) return SPF_dns_rr_new_init(layer, domain, type, 0, TRY_AGAIN);
  SPF_dns_rr_t* set = SPF_dns_rr_new_init(layer, domain, type, 0, status_of(answer->status));
  if (set == nullptr || !answer->ok()) return set;
  int count = 0;
  for (const dns::Record& record : answer->records) {
    if (!fits(record, *wanted)) continue;
    const std::string_view data = data_of(record, *wanted);
    const std::size_t size = std::max(data.size() + 1, sizeof(SPF_dns_rr_data_t));
    if (SPF_dns_rr_buf_realloc(set, count, size) != SPF_E_SUCCESS) break;
    std::memset(set->rr[count], 0, size);
    std::memcpy(set->rr[count], data.data(), data.size());
    ++count;
  }
  set->num_rr = count;
  if (count == 0) set->herrno = NO_DATA;
  return set;
}

Spf2Library::Spf2Library(const Options& options) : impl_(std::make_unique<Impl>()) {
  SPF_warning_handler = ignore_message;
  SPF_info_handler = ignore_message;
  SPF_debug_handler = ignore_message;
  impl_->dns.lookup = Impl::lookup;
  impl_->dns.name = "sendconn";
  impl_->dns.hook = impl_.get();  // without a destructor the layer stays ours
  impl_->server = SPF_server_new_dns(&impl_->dns, 0);
  if (impl_->server == nullptr) return;
  const auto limit = [](unsigned value) {
    return static_cast<int>(std::min<unsigned>(value, std::numeric_limits<int>::max()));
  };
  SPF_server_set_rec_dom(impl_->server, options.receiver.c_str());
  SPF_server_set_max_dns_mech(impl_->server, limit(options.limits.lookups));
  SPF_server_set_max_dns_mx(impl_->server, limit(options.limits.mx_names));
  SPF_server_set_max_dns_ptr(impl_->server, limit(options.limits.ptr_names));
}

Spf2Library::~Spf2Library() {
  if (impl_->server != nullptr) SPF_server_free(impl_->server);
}

Spf2Result Spf2Library::run(const Spf2Request& request, const KnownAnswer& known) {
  Spf2Result result;
  if (impl_->server == nullptr) return result;
  impl_->known = &known;
  SPF_request_t* query = SPF_request_new(impl_->server);
  if (query == nullptr) return result;
  const std::string_view octets = request.client.octets();
  if (request.client.is_v4()) {
    in_addr address{};
    std::memcpy(&address, octets.data(), sizeof address);
    SPF_request_set_ipv4(query, address);
  } else {
    in6_addr address{};
    std::memcpy(&address, octets.data(), sizeof address);
    SPF_request_set_ipv6(query, address);
  }
  SPF_request_set_helo_dom(query, request.helo.c_str());
  SPF_request_set_env_from(query, request.sender.c_str());
  SPF_response_t* response = nullptr;
  SPF_request_query_mailfrom(query, &response);
  if (response != nullptr) {
    result.verdict = verdict_of(SPF_response_result(response), SPF_response_errcode(response));
    result.valid = true;
    result.matched = SPF_response_reason(response) == SPF_REASON_MECH;
    result.explanation = text_or_empty(SPF_response_get_explanation(response));
    result.comment = text_or_empty(SPF_response_get_header_comment(response));
    SPF_response_free(response);
  }
  SPF_request_free(query);
  impl_->known = nullptr;
  return result;
}

}  // namespace sendconn::spf
