// Check: what is the same for every engine.
#include <sendconn/spf.hpp>

#include "lib/spf/evaluator.hpp"

namespace sendconn::spf {

std::vector<dns::Question> Check::questions() {
  std::vector<dns::Question> all;
  while (const dns::Question* question = next_question()) all.push_back(*question);
  return all;
}

std::unique_ptr<Check> make_check(Options options) { return std::make_unique<Evaluator>(std::move(options)); }

}  // namespace sendconn::spf
