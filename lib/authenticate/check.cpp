// Check: the parts of an authentication side by side. Each part has a machine of its own; this one joins their
// questions, tells each what was answered, and starts DMARC when SPF and DKIM have ended.
#include <sendconn/authenticate.hpp>

#include <algorithm>
#include <utility>

#include "lib/base/hidden.hpp"

namespace sendconn::authenticate {
namespace {

/// A question that is handed out, or waits to be, and whose answer is awaited.
struct Open {
  dns::Question question;
  bool handed_out = false;
};

dmarc::Evidence evidence_of(spf::Verdict verdict) noexcept {
  if (verdict == spf::Verdict::pass) return dmarc::Evidence::pass;
  return verdict == spf::Verdict::temperror ? dmarc::Evidence::temporary_failure : dmarc::Evidence::fail;
}

dmarc::Evidence evidence_of(dkim::Verdict verdict) noexcept {
  if (verdict == dkim::Verdict::pass) return dmarc::Evidence::pass;
  return verdict == dkim::Verdict::temperror ? dmarc::Evidence::temporary_failure : dmarc::Evidence::fail;
}

dkim::VerifyOptions verify_options(const Envelope& envelope, const Options& options) {
  dkim::VerifyOptions verify;
  verify.now = envelope.now;
  verify.policy = options.dkim;
  verify.keys = options.keys;
  verify.header = options.header;
  return verify;
}

std::unique_ptr<spf::Check> make_spf(const Options& options) {
  return options.engine ? options.engine(options.spf) : spf::make_check(options.spf);
}

}  // namespace

struct SENDCONN_HIDDEN Check::Impl {
  Impl(const Envelope& envelope, const Options& given)
      : header_limits(given.header),
        dmarc_options(given.dmarc),
        splitter(given.header.max_octets),
        verifier(verify_options(envelope, given)) {
    results.null_sender = envelope.mail_from.empty();
    spf::Request request{envelope.client, envelope.helo, envelope.mail_from, spf::Identity::mail_from, envelope.now};
    spf = make_spf(given);
    spf->start(request);
    if (!results.null_sender) {
      request.identity = spf::Identity::helo;
      helo = make_spf(given);
      helo->start(request);
    }
    collect();
  }

  void update(std::string_view piece) {
    if (ended || unreadable) return;
    const bool in_header = !header_done;
    if (in_header) {
      if (const auto body = splitter.feed(piece); !body) {
        refuse(body.error().text);
      } else if (splitter.header_complete()) {
        read_authors();
      }
    }
    if (!unreadable) {
      if (const auto fed = verifier.update(piece); !fed) refuse(fed.error().text);
    }
    if (in_header && (header_done || unreadable)) settle();
  }

  void finish() {
    if (ended) return;
    ended = true;
    if (!unreadable && !header_done) {
      splitter.finish();
      read_authors();
    }
    if (!unreadable) {
      if (const auto finished_verifier = verifier.finish(); !finished_verifier) refuse(finished_verifier.error().text);
    }
    settle();
  }

  void answer(const dns::Question& question, const dns::Answer& answer) {
    const auto place =
        std::find_if(open.begin(), open.end(), [&question](const Open& known) { return known.question == question; });
    if (place == open.end() || !place->handed_out) return;
    deliver(place, answer);
    settle();
  }

  /// Moves on as far as it goes; once given up, to the end of what can be known.
  void settle() {
    advance();
    dns::Answer timeout;
    timeout.status = dns::Status::timeout;
    while (given_up && !open.empty()) {
      deliver(open.begin(), timeout);
      advance();
    }
  }

  void deliver(std::vector<Open>::iterator place, const dns::Answer& answer) {
    const dns::Question asked = std::move(place->question);
    open.erase(place);
    if (dmarc) return dmarc->answer(asked, answer);
    spf->answer(asked, answer);
    if (helo) helo->answer(asked, answer);
    if (!unreadable) verifier.answer(asked, answer);
  }

  void advance() {
    if (!dmarc && ended && spf->done() && (!helo || helo->done()) && (unreadable || verifier.done())) start_dmarc();
    if (dmarc && dmarc->done()) return complete();
    collect();
  }

  /// Takes over what the parts want to know now.
  void collect() {
    if (dmarc) return take(dmarc->questions());
    take(spf->questions());
    if (helo) take(helo->questions());
    if (!unreadable) take(verifier.questions());
  }

  void take(std::vector<dns::Question> questions) {
    for (dns::Question& question : questions) {
      const auto same = [&question](const Open& known) { return known.question == question; };
      if (std::none_of(open.begin(), open.end(), same)) open.push_back({std::move(question), false});
    }
  }

  /// The message is none: it has no authors, and no signature of it means anything.
  void refuse(const std::string& text) {
    unreadable = true;
    results.authors.clear();
    results.problem = "the message cannot be read: " + text;
  }

  void read_authors() {
    header_done = true;
    const std::string text = splitter.take_header();
    const auto header = mail::Header::parse(text, header_limits);
    if (!header) return refuse(header.error().text);
    auto found = dmarc::author_domains(*header);
    if (found) {
      results.authors = std::move(*found);
    } else {
      results.problem = found.error().text;
    }
  }

  void start_dmarc() {
    open.clear();
    results.spf = spf->outcome();
    if (helo) results.helo = helo->outcome();
    if (!unreadable) results.dkim = verifier.take_results();
    dmarc::Facts facts;
    facts.authors = results.authors;
    if (auto domain = Domain::parse(results.spf.domain))
      facts.spf = dmarc::SpfFact{evidence_of(results.spf.verdict), std::move(*domain)};
    for (const dkim::SignatureResult& signature : results.dkim) {
      if (auto domain = Domain::parse(signature.domain))
        facts.dkim.push_back({evidence_of(signature.verdict), std::move(*domain)});
    }
    dmarc.emplace(std::move(facts), dmarc_options);
  }

  void complete() {
    open.clear();
    results.dmarc = dmarc->outcome();
    results.dmarc_checks = dmarc->outcomes();
    finished = true;
  }

  mail::HeaderLimits header_limits;
  dmarc::Options dmarc_options;
  mail::Splitter splitter;
  dkim::Verifier verifier;
  std::unique_ptr<spf::Check> spf;
  std::unique_ptr<spf::Check> helo;
  std::optional<dmarc::Check> dmarc;  // once the others have ended
  std::vector<Open> open;
  bool header_done = false;
  bool unreadable = false;
  bool ended = false;  // the message
  bool given_up = false;
  bool finished = false;  // the results stand
  Results results;
};

Check::Check(const Envelope& envelope, const Options& options) : impl_(std::make_unique<Impl>(envelope, options)) {}
Check::Check(Check&&) noexcept = default;
Check& Check::operator=(Check&&) noexcept = default;
Check::~Check() = default;

void Check::update(std::string_view piece) { impl_->update(piece); }
void Check::finish() { impl_->finish(); }

std::vector<dns::Question> Check::questions() {
  std::vector<dns::Question> fresh;
  for (Open& known : impl_->open) {
    if (!std::exchange(known.handed_out, true)) fresh.push_back(known.question);
  }
  return fresh;
}

void Check::answer(const dns::Question& question, const dns::Answer& answer) { impl_->answer(question, answer); }

void Check::give_up() {
  impl_->given_up = true;
  impl_->settle();
}

bool Check::done() const noexcept { return impl_->finished; }
const Results& Check::results() const noexcept { return impl_->results; }
Results Check::take_results() noexcept { return std::move(impl_->results); }

const dkim::SignatureResult* Results::passed_signature() const noexcept {
  const auto passed = std::find_if(dkim.begin(), dkim.end(), [](const dkim::SignatureResult& signature) {
    return signature.verdict == dkim::Verdict::pass;
  });
  return passed == dkim.end() ? nullptr : &*passed;
}

}  // namespace sendconn::authenticate
