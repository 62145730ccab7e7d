// DNS answers as a handle, and what every check does with questions and answers.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include <sendconn/dns.hpp>

#include "capi/guard.hpp"
#include "capi/structs.hpp"

/// The records' text holds the octets of addresses too, so that every record can be handed out.
struct sendconn_dns_answer {
  sendconn::dns::Answer answer;
};

namespace sendconn::capi {

/// A type that the library knows; the number alone, since a check compares it only.
inline dns::RecordType record_type(std::uint16_t type) noexcept { return static_cast<dns::RecordType>(type); }

/// What the caller found out, as a check may see it: an address of the wrong family is no answer to the question.
dns::Answer answer_for(const dns::Question& question, const sendconn_dns_answer& answer);

inline void fill(OutStruct<sendconn_dns_question>& slot, const dns::Question* question) {
  auto out = sendconn_initialized<sendconn_dns_question>();
  if (question != nullptr) {
    set(&out.name, &out.name_len, question->name);
    out.type = static_cast<std::uint16_t>(question->type);
  }
  slot.set(out);
}

/// The questions of a machine that hands them out in groups, one by one.
class Questions {
 public:
  /// Null: there is none now. Valid until the next call.
  template <class Machine>
  const dns::Question* next(Machine& machine) {
    if (waiting_.empty())
      for (dns::Question& question : machine.questions()) waiting_.push_back(std::move(question));
    if (waiting_.empty()) return nullptr;
    current_ = std::move(waiting_.front());
    waiting_.pop_front();
    return &current_;
  }

 private:
  std::deque<dns::Question> waiting_;
  dns::Question current_;
};

/// The body of every sendconn_*_answer().
template <class Machine>
void give_answer(Machine& machine, const char* name, std::size_t name_len, std::uint16_t type,
                 const sendconn_dns_answer* answer) {
  const dns::Question question{std::string(text(name, name_len, "name")), record_type(type)};
  machine.answer(question, answer_for(question, need(answer, "answer")));
}

}  // namespace sendconn::capi
