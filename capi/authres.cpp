// Authentication-Results: built, read, written, and removed where forged.
#include <sendconn/authres.hpp>

#include <optional>

#include "capi/bytes.hpp"
#include "capi/structs.hpp"

using namespace sendconn;
using namespace sendconn::capi;

struct sendconn_authres {
  authres::Results results;
};

/// The library's filter is made from all ids at once: at the first piece.
struct sendconn_authres_filter {
  std::vector<std::string> ids;
  std::optional<authres::ForgeryFilter> filter;
  std::string kept;
};

namespace {

void add_id(sendconn_authres_filter& filter, std::string_view id) {
  if (id.empty()) refuse(SENDCONN_ERR_INVALID_ARGUMENT, "an authserv-id must not be empty (RFC 8601 section 2.5)");
  filter.ids.emplace_back(id);
}

authres::ForgeryFilter& started(sendconn_authres_filter& filter) {
  if (!filter.filter) filter.filter = take(authres::ForgeryFilter::create(filter.ids));
  return *filter.filter;
}

const authres::Statement& statement_of(const sendconn_authres* authres, std::size_t index) {
  const auto& statements = need(authres, "authres").results.statements;
  if (index >= statements.size()) refuse(SENDCONN_ERR_NOT_FOUND, "there is no statement of this index");
  return statements[index];
}

}  // namespace

sendconn_status sendconn_authres_new(sendconn_authres** out, const char* id, std::size_t id_len,
                                     sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    auto handle = std::make_unique<sendconn_authres>();
    handle->results.id = text(id, id_len, "id");
    slot.set(std::move(handle));
  });
}

sendconn_status sendconn_authres_parse(sendconn_authres** out, const char* value, std::size_t value_len,
                                       sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    auto handle = std::make_unique<sendconn_authres>();
    handle->results = take(authres::parse(text(value, value_len, "value")));
    slot.set(std::move(handle));
  });
}

sendconn_status sendconn_authres_add(sendconn_authres* authres, const sendconn_authres_statement* statement,
                                     sendconn_error** error) noexcept {
  return guard(error, [&] {
    auto& statements = need(authres, "authres").results.statements;
    const auto given = read(statement, "statement");
    authres::Statement added;
    added.method = text(given.method, given.method_len, "method");
    added.result = text(given.result, given.result_len, "result");
    added.comment = text(given.comment, given.comment_len, "comment");
    added.reason = text(given.reason, given.reason_len, "reason");
    if (statements.size() >= authres::max_statements)
      refuse(SENDCONN_ERR_LIMIT_EXCEEDED,
             "a field has " + std::to_string(authres::max_statements) + " statements at most");
    statements.push_back(std::move(added));
  });
}

sendconn_status sendconn_authres_add_property(sendconn_authres* authres, const sendconn_authres_property* property,
                                              sendconn_error** error) noexcept {
  return guard(error, [&] {
    auto& statements = need(authres, "authres").results.statements;
    const auto given = read(property, "property");
    authres::Property added;
    added.type = text(given.type, given.type_len, "type");
    added.name = text(given.name, given.name_len, "name");
    added.value = text(given.value, given.value_len, "value");
    if (statements.empty()) refuse(SENDCONN_ERR_WRONG_STATE, "there is no statement that a property could belong to");
    auto& properties = statements.back().properties;
    if (properties.size() >= authres::max_properties)
      refuse(SENDCONN_ERR_LIMIT_EXCEEDED,
             "a statement has " + std::to_string(authres::max_properties) + " properties at most");
    properties.push_back(std::move(added));
  });
}

const char* sendconn_authres_id(std::size_t* len, const sendconn_authres* authres) noexcept {
  return authres != nullptr ? give(len, authres->results.id) : give_nothing(len);
}

std::size_t sendconn_authres_count(const sendconn_authres* authres) noexcept {
  return authres != nullptr ? authres->results.statements.size() : 0;
}

sendconn_status sendconn_authres_get(sendconn_authres_statement* out, const sendconn_authres* authres,
                                     std::size_t index, sendconn_error** error) noexcept {
  return guard(error, [&] {
    OutStruct slot(out, "out");
    const authres::Statement& statement = statement_of(authres, index);
    auto filled = sendconn_initialized<sendconn_authres_statement>();
    capi::set(&filled.method, &filled.method_len, statement.method);
    capi::set(&filled.result, &filled.result_len, statement.result);
    capi::set(&filled.comment, &filled.comment_len, statement.comment);
    capi::set(&filled.reason, &filled.reason_len, statement.reason);
    filled.properties = statement.properties.size();
    slot.set(filled);
  });
}

sendconn_status sendconn_authres_get_property(sendconn_authres_property* out, const sendconn_authres* authres,
                                              std::size_t statement, std::size_t index,
                                              sendconn_error** error) noexcept {
  return guard(error, [&] {
    OutStruct slot(out, "out");
    const auto& properties = statement_of(authres, statement).properties;
    if (index >= properties.size()) refuse(SENDCONN_ERR_NOT_FOUND, "there is no property of this index");
    const authres::Property& property = properties[index];
    auto filled = sendconn_initialized<sendconn_authres_property>();
    capi::set(&filled.type, &filled.type_len, property.type);
    capi::set(&filled.name, &filled.name_len, property.name);
    capi::set(&filled.value, &filled.value_len, property.value);
    slot.set(filled);
  });
}

sendconn_status sendconn_authres_format(sendconn_bytes** out, const sendconn_authres* authres,
                                        sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    slot.set(make_bytes(take(authres::format(need(authres, "authres").results))));
  });
}

void sendconn_authres_free(sendconn_authres* authres) noexcept { delete authres; }

sendconn_status sendconn_authres_filter_new(sendconn_authres_filter** out, const char* id, std::size_t id_len,
                                            sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    auto handle = std::make_unique<sendconn_authres_filter>();
    add_id(*handle, text(id, id_len, "id"));
    slot.set(std::move(handle));
  });
}

sendconn_status sendconn_authres_filter_add_id(sendconn_authres_filter* filter, const char* id, std::size_t id_len,
                                               sendconn_error** error) noexcept {
  return guard(error, [&] {
    sendconn_authres_filter& to = need(filter, "filter");
    if (to.filter) refuse(SENDCONN_ERR_WRONG_STATE, "ids are added before the first piece");
    add_id(to, text(id, id_len, "id"));
  });
}

sendconn_status sendconn_authres_filter_feed(const char** kept, std::size_t* kept_len, sendconn_authres_filter* filter,
                                             const char* piece, std::size_t piece_len,
                                             sendconn_error** error) noexcept {
  return guard(error, [&] {
    need(kept, "kept");
    need(kept_len, "kept_len");
    sendconn_authres_filter& to = need(filter, "filter");
    const std::string_view octets = text(piece, piece_len, "piece");
    to.kept.clear();
    started(to).feed(octets, to.kept);
    capi::set(kept, kept_len, to.kept);
  });
}

sendconn_status sendconn_authres_filter_finish(const char** kept, std::size_t* kept_len,
                                               sendconn_authres_filter* filter, sendconn_error** error) noexcept {
  return guard(error, [&] {
    need(kept, "kept");
    need(kept_len, "kept_len");
    sendconn_authres_filter& to = need(filter, "filter");
    to.kept.clear();
    started(to).finish(to.kept);
    capi::set(kept, kept_len, to.kept);
  });
}

std::size_t sendconn_authres_filter_removed(const sendconn_authres_filter* filter) noexcept {
  return filter != nullptr && filter->filter ? filter->filter->removed() : 0;
}

void sendconn_authres_filter_free(sendconn_authres_filter* filter) noexcept { delete filter; }
