// Evaluator: the steps of check_host() (RFC 7208 sections 4 to 6).
#include "lib/spf/evaluator.hpp"

#include <algorithm>
#include <utility>

#include <sendconn/address.hpp>

#include "lib/base/ascii.hpp"
#include "lib/dns/name.hpp"
#include "lib/spf/append.hpp"

namespace sendconn::spf {
namespace {

constexpr unsigned max_names = 100;  // Limits::mx_names and ptr_names; our own bound on one burst of questions
constexpr std::string_view postmaster = "postmaster";  // RFC 7208 section 4.3

std::uint32_t word(std::string_view octets, std::size_t at) noexcept {
  const auto octet = [&](std::size_t i) { return std::uint32_t{static_cast<unsigned char>(octets[at + i])}; };
  return octet(0) << 24U | octet(1) << 16U | octet(2) << 8U | octet(3);
}

/// A name of the DNS that check_host() can start with (RFC 7208 section 4.3).
bool is_multi_label(std::string_view name) noexcept {
  return name.find('.') != std::string_view::npos && name.front() != '[' && ascii::is_printable(name);
}

bool is_within(std::string_view name, std::string_view domain) noexcept {
  if (name.size() == domain.size()) return ascii::equal(name, domain);
  return name.size() > domain.size() && name[name.size() - domain.size() - 1] == '.' &&
         ascii::equal(name.substr(name.size() - domain.size()), domain);
}

Verdict verdict_of(Qualifier qualifier) noexcept {
  switch (qualifier) {
    case Qualifier::pass:
      return Verdict::pass;
    case Qualifier::fail:
      return Verdict::fail;
    case Qualifier::softfail:
      return Verdict::softfail;
    case Qualifier::neutral:
      break;
  }
  return Verdict::neutral;
}

}  // namespace

Evaluator::Evaluator(Options options) : options_(std::move(options)) {
  options_.limits.mx_names = std::min(options_.limits.mx_names, max_names);
  options_.limits.ptr_names = std::min(options_.limits.ptr_names, max_names);
}

// ------------------------------------------------------------------------------------------------ beginning

void Evaluator::start(const Request& request) {
  client_ = request.client.unmapped();
  const std::string_view octets = client_.octets();
  for (std::size_t i = 0; i < octets.size() / 4; ++i) client_words_[i] = word(octets, 4 * i);
  identity_ = request.identity;
  now_ = request.now;
  questions_.clear();
  depth_ = path_depth_ = ptr_count_ = explaining_ = found_ = 0;
  ptr_state_ = PtrState::unknown;
  term_counted_ = term_was_void_ = explained_ = has_ttl_ = false;
  lookups_ = voids_ = 0;
  failure_ = dns::Status::no_error;
  explain_string_.clear();
  explanation_.clear();
  ttl_ = std::chrono::seconds(0);
  trace_.clear();
  if (!read_identity(request)) {
    verdict_ = Verdict::none;
    reason_ = Reason::unusable_identity;
    stage_ = Stage::done;
    return;
  }
  enter(std::string_view(sender_).substr(local_octets_ + 1), Entry::root);
}

/// Fills helo_ and sender_; false if no domain can be checked.
bool Evaluator::read_identity(const Request& request) {
  helo_.clear();
  append(helo_, request.helo.substr(0, max_identity_octets));
  const bool by_helo = request.identity == Identity::helo || request.mail_from.empty();
  const std::string_view given = by_helo ? request.helo : request.mail_from;
  const std::size_t at = by_helo ? std::string_view::npos : given.rfind('@');
  const std::string_view local =
      at == 0 || at == std::string_view::npos ? postmaster : given.substr(0, std::min(at, max_identity_octets));
  std::string_view domain = at == std::string_view::npos ? given : given.substr(at + 1);
  const bool fits = given.size() <= max_identity_octets && request.helo.size() <= max_identity_octets;
  sender_.clear();
  append(sender_, local);
  sender_.push_back('@');
  local_octets_ = local.size();
  domain = dns::without_root_dot(domain);
  if (fits && ascii::has_8bit(domain)) {
    if (const auto a_labels = Domain::parse(domain)) {
      sender_.append(a_labels->text());
      return is_multi_label(a_labels->text()) && dns::is_name(a_labels->text());
    }
  }
  append(sender_, domain.substr(0, max_identity_octets));
  return fits && is_multi_label(domain) && dns::is_name(domain);
}

void Evaluator::enter(std::string_view domain, Entry entry) {
  if (depth_ == frames_.size()) frames_.emplace_back();
  Frame& frame = frames_[depth_];
  frame.entry = entry;
  frame.included = entry == Entry::include || (depth_ > 0 && frames_[depth_ - 1].included);
  frame.domain.assign(domain);
  frame.next = 0;
  frame.at_term = frame.at_redirect = false;
  ++depth_;
  term_counted_ = false;
  questions_.clear();
  questions_.ask(frame.domain, dns::RecordType::txt);
  stage_ = Stage::record;
}

void Evaluator::answer(const dns::Question& question, const dns::Answer& answer) {
  if (stage_ == Stage::done) return;
  const auto number = questions_.find(question);
  if (!number) return;
  note_ttl(answer);
  judge(*number, answer);
  while (stage_ == Stage::term) begin_term();
}

void Evaluator::judge(std::size_t number, const dns::Answer& answer) {
  switch (stage_) {
    case Stage::record:
      take_record(answer);
      return;
    case Stage::address:
    case Stage::exists:
      take_address(answer);
      return;
    case Stage::mx:
      take_mx(answer);
      return;
    case Stage::mx_addresses:
      questions_.settle(number, judge_addresses(answer, top().term().prefix4, top().term().prefix6));
      judge_mx();
      return;
    case Stage::ptr:
      take_ptr(answer);
      return;
    case Stage::ptr_addresses:
      questions_.settle(number, judge_addresses(answer, 32, 128));
      if (questions_.all_arrived()) judge_ptr();
      return;
    case Stage::explanation:
      take_explanation(answer);
      return;
    case Stage::term:
    case Stage::done:
      return;
  }
}

// ------------------------------------------------------------------------------------------------ records

void Evaluator::take_record(const dns::Answer& answer) {
  if (dns::is_temporary(answer.status)) return fail_dns(answer.status, questions_.question(0));
  const dns::Record* chosen = nullptr;
  found_ = 0;
  if (answer.ok()) {
    for (const dns::Record& record : answer.records) {
      if (!Record::is_spf(record.text)) continue;
      chosen = &record;
      ++found_;
    }
  }
  if (chosen == nullptr) return leave_without_record();
  Frame& frame = top();
  if (found_ > 1) return fail_check(Verdict::permerror, Reason::several_records);
  if (options_.records) {
    frame.shared = options_.records->parse(chosen->text);
  } else {
    frame.shared.reset();
    frame.own.assign(chosen->text);
  }
  if (options_.trace) note({frame.domain, ": ", frame.record().text()});
  if (!frame.record().valid()) return fail_check(Verdict::permerror, Reason::syntax);
  stage_ = Stage::term;
}

void Evaluator::leave_without_record() {
  const Entry entry = top().entry;
  if (entry == Entry::root) return leave(Verdict::none, Reason::no_record);
  --depth_;
  fail_check(Verdict::permerror,
             entry == Entry::include ? Reason::include_without_record : Reason::redirect_without_record);
}

void Evaluator::begin_term() {
  Frame& frame = top();
  const std::vector<Term>& terms = frame.record().terms();
  const bool v4 = client_.is_v4();
  while (frame.next < terms.size()) {
    const Term& term = terms[frame.next++];
    if (is_modifier(term.kind)) continue;
    const bool differs = term.kind == TermKind::ip4
                             ? !v4 || (client_words_[0] & term.mask4) != term.network4
                             : term.kind == TermKind::ip6 && !matches(term.address, term.prefix4, term.prefix6);
    if (!differs) return begin_mechanism();
    if (options_.trace) note({"  ", frame.record().text(term), "  no match"});
  }
  // A record with "all" never comes here, so what section 6.1 says of redirect beside it is kept.
  frame.at_term = false;
  if (const Term* redirect = frame.record().find(TermKind::redirect)) return begin_redirect(*redirect);
  path_depth_ = depth_;
  if (options_.trace) note({"  end of the record"});
  leave(Verdict::neutral, Reason::no_match);
}

void Evaluator::begin_redirect(const Term& term) {
  top().at_redirect = true;
  if (!term_counted_) {
    term_counted_ = true;
    term_was_void_ = false;
    if (!count_lookup()) return;
  }
  if (term.asks_ptr && ptr_state_ == PtrState::unknown) {
    if (count_lookup()) ask_ptr();
    return;
  }
  if (options_.trace) note({"  ", top().record().text(term)});
  if (!expand_target(term) || !is_checkable(term))
    return fail_check(Verdict::permerror, Reason::redirect_without_record);
  enter(target_, Entry::redirect);
}

void Evaluator::begin_mechanism() {
  Frame& frame = top();
  const Term& term = frame.term();
  frame.at_term = true;
  if (!needs_lookup(term.kind)) return match(true);  // all, or an address that was compared already
  if (!term_counted_) {
    term_counted_ = true;
    term_was_void_ = false;
    if (!count_lookup()) return;
  }
  if ((term.asks_ptr || term.kind == TermKind::ptr) && ptr_state_ == PtrState::unknown) {
    if (term.kind == TermKind::ptr || count_lookup()) ask_ptr();
    return;
  }
  // Without one of its own, its target is the domain of the record (section 4.8).
  const bool usable = term.domain_size == 0 || expand_target(term);
  if (term.kind == TermKind::include) {
    if (options_.trace) note({"  ", frame.record().text(term)});
    if (!usable || !is_checkable(term)) return fail_check(Verdict::permerror, Reason::include_without_record);
    return enter(target_, Entry::include);
  }
  // Section 4.8 leaves open what a name means that the DNS cannot have: nothing can be there.
  if (!usable) return match(false);
  const std::string_view target = term.domain_size == 0 ? frame.domain : target_;
  if (term.kind == TermKind::ptr) return match_ptr(target);
  questions_.clear();
  switch (term.kind) {
    case TermKind::mx:
      questions_.ask(target, dns::RecordType::mx);
      stage_ = Stage::mx;
      return;
    case TermKind::exists:
      questions_.ask(target, dns::RecordType::a);
      stage_ = Stage::exists;
      return;
    default:
      questions_.ask(target, address_type());
      stage_ = Stage::address;
  }
}

// ------------------------------------------------------------------------------------------------ mechanisms

bool Evaluator::matches(const IpAddress& address, unsigned prefix4, unsigned prefix6) const noexcept {
  if (address.family() != client_.family()) return false;
  const std::string_view octets = address.octets();
  unsigned left = address.is_v4() ? prefix4 : prefix6;
  for (std::size_t i = 0; left > 0; ++i) {
    const std::uint32_t difference = word(octets, 4 * i) ^ client_words_[i];
    if (left < 32) return difference >> (32 - left) == 0;
    if (difference != 0) return false;
    left -= 32;
  }
  return true;
}

Reply Evaluator::judge_addresses(const dns::Answer& answer, unsigned prefix4, unsigned prefix6) const noexcept {
  Reply reply;
  reply.status = answer.status;
  if (!answer.ok()) return reply;
  for (const dns::Record& record : answer.records) {
    if (record.address.family() != client_.family()) continue;
    reply.found = true;
    reply.matches = reply.matches || matches(record.address, prefix4, prefix6);
  }
  return reply;
}

void Evaluator::take_address(const dns::Answer& answer) {
  if (dns::is_temporary(answer.status)) return fail_dns(answer.status, questions_.question(0));
  bool found = false;
  bool matched = false;
  if (stage_ == Stage::exists) {  // A records alone, whatever the client's family (section 5.7)
    found = matched = answer.ok() && std::any_of(answer.records.begin(), answer.records.end(),
                                                 [](const dns::Record& record) { return record.address.is_v4(); });
  } else {
    const Reply reply = judge_addresses(answer, top().term().prefix4, top().term().prefix6);
    found = reply.found;
    matched = reply.matches;
  }
  if (found || count_void()) match(matched);
}

void Evaluator::take_mx(const dns::Answer& answer) {
  if (dns::is_temporary(answer.status)) return fail_dns(answer.status, questions_.question(0));
  found_ = answer.ok() ? answer.records.size() : 0;
  if (found_ == 0) {
    if (count_void()) match(false);
    return;
  }
  // Section 5.4 looks all of them up, so the limit counts what is there, not what was tried until a match: the order of
  // the answer decides nothing.
  if (found_ > options_.limits.mx_names) return fail_check(Verdict::permerror, Reason::mx_limit);
  for (const dns::Record& record : answer.records) exchanges_.emplace_back(record);
  if (!std::is_sorted(exchanges_.begin(), exchanges_.end())) std::sort(exchanges_.begin(), exchanges_.end());
  questions_.clear();
  hosts_.clear();
  next_host_ = 0;
  for (const Exchange& exchange : exchanges_)
    if (const auto host = questions_.ask_if_name(dns::without_root_dot(exchange.name()), address_type()))
      hosts_.push_back(*host);
  exchanges_.clear();  // the answer is the caller's
  stage_ = Stage::mx_addresses;
  judge_mx();
}

void Evaluator::judge_mx() {
  for (; next_host_ < hosts_.size(); ++next_host_) {
    const Reply& reply = questions_.reply(hosts_[next_host_]);
    if (!reply.arrived) return;
    if (reply.failed()) return fail_dns(reply.status, questions_.question(hosts_[next_host_]));
    if (!reply.found && !count_void()) return;
    if (reply.matches) return match(true);
  }
  match(false);
}

void Evaluator::ask_ptr() {
  ptr_state_ = PtrState::asking;
  const DottedAddress dotted(client_);
  std::string_view rest = dotted.text();
  target_.clear();
  while (!rest.empty()) {
    const std::size_t dot = rest.rfind('.');
    target_.append(dot == std::string_view::npos ? rest : rest.substr(dot + 1)).push_back('.');
    rest = dot == std::string_view::npos ? std::string_view() : rest.substr(0, dot);
  }
  target_.append(reverse_zone(client_)).append(".arpa");
  questions_.clear();
  questions_.ask(target_, dns::RecordType::ptr);
  stage_ = Stage::ptr;
}

void Evaluator::take_ptr(const dns::Answer& answer) {
  ptr_count_ = 0;
  const std::size_t count = answer.ok() ? std::min<std::size_t>(answer.records.size(), options_.limits.ptr_names) : 0;
  // An error is no void lookup, and no error of the check either (section 5.5).
  if ((!answer.ok() || answer.records.empty()) && !dns::is_temporary(answer.status) && !count_void()) return;
  questions_.clear();
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view name = dns::without_root_dot(answer.records[i].text);
    const auto question = questions_.ask_if_name(name, address_type());
    if (!question) continue;
    if (ptr_count_ == ptr_names_.size()) ptr_names_.emplace_back();
    ptr_names_[ptr_count_].text.assign(name);
    ptr_names_[ptr_count_].question = *question;
    ++ptr_count_;
  }
  stage_ = Stage::ptr_addresses;
  if (questions_.all_arrived()) judge_ptr();
}

void Evaluator::judge_ptr() {
  ptr_state_ = PtrState::known;
  for (std::size_t i = 0; i < ptr_count_; ++i) {
    const Reply& reply = questions_.reply(ptr_names_[i].question);
    ptr_names_[i].valid = reply.matches;
    if (!reply.found && !reply.failed() && !count_void()) return;
  }
  resume();
}

void Evaluator::match_ptr(std::string_view target) {
  const auto end = ptr_names_.begin() + static_cast<std::ptrdiff_t>(ptr_count_);
  match(std::any_of(ptr_names_.begin(), end,
                    [target](const PtrName& name) { return name.valid && is_within(name.text, target); }));
}

/// The client's names are known: goes on with what wanted to know them.
void Evaluator::resume() {
  if (explaining_ != 0) return explain_string_.empty() ? begin_explanation() : explain();
  if (top().at_redirect) return begin_redirect(*top().record().find(TermKind::redirect));
  begin_mechanism();
}

std::string_view Evaluator::ptr_name() const {
  const std::string_view domain = frames_[depth_ - 1].domain;
  std::string_view below;
  std::string_view any;
  for (std::size_t i = 0; i < ptr_count_; ++i) {
    const PtrName& name = ptr_names_[i];
    if (!name.valid) continue;
    if (ascii::equal(name.text, domain)) return name.text;
    if (below.empty() && is_within(name.text, domain)) below = name.text;
    if (any.empty()) any = name.text;
  }
  if (!below.empty()) return below;
  return any.empty() ? std::string_view("unknown") : any;  // RFC 7208 section 7.3
}

// ------------------------------------------------------------------------------------------------ macros, limits

MacroValues Evaluator::values() const {
  const std::string_view sender = sender_;
  MacroValues values;
  values.sender = sender;
  values.local = sender.substr(0, local_octets_);
  values.sender_domain = sender.substr(local_octets_ + 1);
  values.domain = frames_[depth_ - 1].domain;
  values.ptr_name = ptr_name();
  values.helo = helo_;
  values.receiver = options_.receiver;
  values.client = client_;
  values.now = now_;
  return values;
}

bool Evaluator::expand_target(const Term& term) {
  const std::string_view domain = top().record().domain(term);
  if (term.has_name) {
    target_.assign(dns::without_root_dot(domain));
    return true;
  }
  target_.clear();
  if (term.has_macros) {
    expand_name(domain, values(), target_);
  } else {
    target_.assign(domain);
  }
  if (!target_.empty() && target_.back() == '.') target_.pop_back();
  while (target_.size() > dns::max_name_octets) {  // section 7.3: labels go from the left
    const std::size_t dot = target_.find('.');
    if (dot == std::string::npos) return false;
    target_.erase(0, dot + 1);
  }
  return !target_.empty() && dns::is_name(target_);
}

bool Evaluator::is_checkable(const Term& term) const noexcept {
  // The grammar wants two labels of a name that is written out.
  return term.has_name ? target_.front() != '[' : is_multi_label(target_);
}

bool Evaluator::count_lookup() {
  if (++lookups_ <= options_.limits.lookups) return true;
  fail_check(Verdict::permerror, Reason::lookup_limit);
  return false;
}

bool Evaluator::count_void() {
  // What exp= asks comes when the verdict is known, and counts for nothing (section 4.6.4).
  if (explaining_ != 0) return true;
  if (options_.limits.void_counting == VoidCounting::by_term && term_was_void_) return true;
  term_was_void_ = true;
  if (++voids_ <= options_.limits.void_lookups) return true;
  fail_check(Verdict::permerror, Reason::void_lookup_limit);
  return false;
}

void Evaluator::note_ttl(const dns::Answer& answer) {
  ttl_ = has_ttl_ ? std::min(ttl_, answer.ttl) : answer.ttl;
  has_ttl_ = true;
}

// ------------------------------------------------------------------------------------------------ results

void Evaluator::match(bool matched) {
  const Frame& frame = top();
  if (options_.trace) note({"  ", frame.record().text(frame.term()), matched ? "  matches" : "  no match"});
  if (!matched) {
    term_counted_ = false;
    stage_ = Stage::term;
    return;
  }
  path_depth_ = depth_;
  explaining_ = frame.included ? 0 : depth_;
  leave(verdict_of(frame.term().qualifier), Reason::matched);
}

void Evaluator::leave(Verdict verdict, Reason reason) {
  for (;;) {
    const Frame& frame = top();
    if (options_.trace) note({"  = ", format(verdict)});
    if (frame.entry == Entry::root) break;
    --depth_;
    if (frame.entry == Entry::redirect) continue;
    // An include: errors and none never come here, they end the check where they are found.
    const Frame& parent = top();
    if (verdict != Verdict::pass) {
      term_counted_ = false;
      explaining_ = 0;
      stage_ = Stage::term;
      return;
    }
    verdict = verdict_of(parent.term().qualifier);
    explaining_ = parent.included ? 0 : depth_;
  }
  if (reason == Reason::no_record) path_depth_ = depth_;
  verdict_ = verdict;
  reason_ = reason;
  finish();
}

void Evaluator::fail_check(Verdict verdict, Reason reason) {
  path_depth_ = depth_;
  explaining_ = 0;
  verdict_ = verdict;
  reason_ = reason;
  if (options_.trace) note({"  = ", format(verdict)});
  questions_.clear();
  stage_ = Stage::done;
}

void Evaluator::fail_dns(dns::Status status, const dns::Question& question) {
  failure_ = status;
  failed_ = question;
  fail_check(Verdict::temperror, Reason::dns_failure);
}

void Evaluator::finish() {
  questions_.clear();
  stage_ = Stage::done;
  if (verdict_ != Verdict::fail || !options_.explanation || explaining_ == 0) {
    explaining_ = 0;
    return;
  }
  depth_ = explaining_;  // %{d} is the domain whose exp= it is
  begin_explanation();
}

void Evaluator::begin_explanation() {
  stage_ = Stage::done;
  const Term* exp = top().record().find(TermKind::exp);
  if (exp == nullptr) return;
  if (exp->asks_ptr && ptr_state_ == PtrState::unknown) return ask_ptr();
  if (!expand_target(*exp)) return;
  questions_.clear();
  questions_.ask(target_, dns::RecordType::txt);
  stage_ = Stage::explanation;
}

/// Whatever is wrong with it, the check goes on as if there were no exp= (section 6.2).
void Evaluator::take_explanation(const dns::Answer& answer) {
  questions_.clear();
  stage_ = Stage::done;
  if (!answer.ok() || answer.records.size() != 1 || answer.records.front().text.empty()) return;
  MacroUse use;
  if (check_macros(answer.records.front().text, MacroPlace::explanation, use)) return;
  explain_string_.assign(answer.records.front().text);
  if (use.asks_ptr && ptr_state_ == PtrState::unknown) return ask_ptr();
  explain();
}

void Evaluator::explain() {
  stage_ = Stage::done;
  expand_text(explain_string_, values(), options_.limits.explanation_octets, explanation_);
  // Macros can bring in what a reply of SMTP must not hold (sections 6.2 and 11.5.2).
  explained_ = !explanation_.empty() && ascii::is_printable(explanation_);
}

}  // namespace sendconn::spf
