// cached: a cache in front of a resolver, and one question on the way for all who ask the same.
#include <map>
#include <utility>
#include <vector>

#include <sendconn/resolver.hpp>

namespace sendconn::io {
namespace {

class CachedResolver final : public Resolver {
 public:
  CachedResolver(Resolver& inner, std::shared_ptr<dns::Cache> cache) : inner_(inner), cache_(std::move(cache)) {}

  CachedResolver(const CachedResolver&) = delete;
  CachedResolver& operator=(const CachedResolver&) = delete;
  ~CachedResolver() override { *self_ = nullptr; }

  void resolve(const dns::Question& question, Done done) override;

 private:
  void take(const dns::Question& question, const dns::Answer& answer);

  Resolver& inner_;
  std::shared_ptr<dns::Cache> cache_;
  std::map<dns::Question, std::vector<Done>> waiting_;
  /// Held by the answers on the way; null once this is destroyed, which a `done` function may do.
  std::shared_ptr<CachedResolver*> self_ = std::make_shared<CachedResolver*>(this);
};

void CachedResolver::resolve(const dns::Question& question, Done done) {
  if (const auto known = cache_->find(question, std::chrono::steady_clock::now())) return done(*known);
  const auto [asked, is_first] = waiting_.try_emplace(question);
  asked->second.push_back(std::move(done));
  if (!is_first) return;
  inner_.resolve(question, [question, self = self_](const dns::Answer& answer) {
    if (*self != nullptr) (*self)->take(question, answer);
  });
}

void CachedResolver::take(const dns::Question& question, const dns::Answer& answer) {
  cache_->put(question, answer, std::chrono::steady_clock::now());
  auto asked = waiting_.extract(question);
  const auto self = self_;
  for (const Done& done : asked.mapped()) {
    done(answer);
    if (*self == nullptr) return;
  }
}

}  // namespace

std::unique_ptr<Resolver> cached(Resolver& inner, std::shared_ptr<dns::Cache> cache) {
  return std::make_unique<CachedResolver>(inner, std::move(cache));
}

}  // namespace sendconn::io
