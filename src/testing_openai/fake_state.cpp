#include "testing_openai/fake_state.hpp"

#include "testing_openai/fake_request.hpp"
#include <rwp/ai_local/local_model.hpp>
#include <rwp/core/json_writer.hpp>

#include <utility>

namespace rwp::testing {
namespace {

constexpr std::size_t kMostSteps = 10'000;
constexpr std::size_t kMostRequestsKept = 1'000;
constexpr std::size_t kMostAskedKept = 1'000'000;
constexpr std::string_view kMagic = "fake:";

}  // namespace

FakeState::FakeState(FakeOpenAiOptions options)
    : options_(std::move(options)), shelf_(options_.batches), rate_(options_.rate) {
  if (!options_.model) options_.model = ai_local::make_local_model();
}

bool FakeState::play(const std::vector<FakeStep>& steps) {
  const std::lock_guard lock(mutex_);
  if (script_.size() + steps.size() > kMostSteps) return false;
  script_.insert(script_.end(), steps.begin(), steps.end());
  return true;
}

FakeStep FakeState::next(const server::Request& request, const std::string& model, bool stream) {
  const std::lock_guard lock(mutex_);
  ++count_;
  const FakeStep step = choose(model);
  ++faults_[step.fault];
  if (requests_.size() >= kMostRequestsKept) requests_.pop_front();
  requests_.push_back({.path = request.path,
                       .model = model,
                       .stream = stream,
                       .fault = step.fault,
                       .headers = request.headers,
                       .body = request.body});
  return step;
}

FakeStep FakeState::choose(const std::string& model) {
  if (!script_.empty()) {
    const FakeStep step = script_.front();
    script_.pop_front();
    return step;
  }
  if (model.starts_with(kMagic)) {
    return parse_fake_step(std::string_view(model).substr(kMagic.size())).value();
  }
  for (const auto& share : options_.shares) {
    if (share.period > 0 && count_ % share.period == 0) return share.step;
  }
  return {};
}

void FakeState::abandoned() {
  const std::lock_guard lock(mutex_);
  ++abandoned_;
}

std::optional<server::Response> FakeState::limit(std::int64_t tokens) {
  const std::lock_guard lock(mutex_);
  const auto wait = rate_.take(tokens, std::chrono::steady_clock::now());
  if (!wait) return std::nullopt;
  ++limited_;
  Refused said;
  said.status = 429;
  said.message = "Rate limit reached. Please try again in " + std::to_string(wait->count()) + "ms.";
  said.type = "requests";
  said.code = "rate_limit_exceeded";
  auto response = error_response(said);
  response.headers.set("Retry-After", std::to_string((wait->count() + 999) / 1'000));
  response.headers.set("Retry-After-Ms", std::to_string(wait->count()));
  return response;
}

void FakeState::tell_limit(server::Response& response) const {
  const std::lock_guard lock(mutex_);
  rate_.tell(response.headers);
}

void FakeState::charge(const std::string& key, const ai::TokenUsage& usage, bool batch) {
  const std::lock_guard lock(mutex_);
  ++(batch ? bill_.batch_answers : bill_.answers);
  if (asked_.size() < kMostAskedKept) asked_.insert(key);
  bill_.distinct = asked_.size();
  bill_.input_tokens += usage.input_tokens;
  bill_.output_tokens += usage.output_tokens;
  // A dollar for a million tokens read, four for a million written; half of it in a batch.
  const std::int64_t doubled = 2 * (usage.input_tokens + 4 * usage.output_tokens);
  bill_.microdollars += batch ? doubled / 4 : doubled / 2;
}

FakeBill FakeState::bill() const {
  const std::lock_guard lock(mutex_);
  return bill_;
}

std::vector<FakeRequest> FakeState::requests() const {
  const std::lock_guard lock(mutex_);
  return {requests_.begin(), requests_.end()};
}
std::uint64_t FakeState::count() const {
  const std::lock_guard lock(mutex_);
  return count_;
}
std::uint64_t FakeState::abandoned_count() const {
  const std::lock_guard lock(mutex_);
  return abandoned_;
}
std::uint64_t FakeState::limited_count() const {
  const std::lock_guard lock(mutex_);
  return limited_;
}

void FakeState::forget() {
  const std::lock_guard lock(mutex_);
  requests_.clear();
  faults_.clear();
  asked_.clear();
  bill_ = FakeBill();
  count_ = abandoned_ = limited_ = 0;
}

std::string FakeState::counts_json() const {
  const std::lock_guard lock(mutex_);
  JsonWriter out;
  out.begin_object().member("requests", count_).member("abandoned", abandoned_);
  out.member("limited", limited_);
  out.member("script_left", static_cast<std::uint64_t>(script_.size()));
  out.key("by_fault").begin_object();
  for (const auto& [fault, count] : faults_) out.member(fault_name(fault), count);
  out.end_object().end_object();
  return out.finish().release();
}

std::string FakeState::bill_json() const {
  const FakeBill bill = this->bill();
  JsonWriter out;
  out.begin_object().member("answers", bill.answers).member("batch_answers", bill.batch_answers);
  out.member("distinct", bill.distinct).member("input_tokens", bill.input_tokens);
  out.member("output_tokens", bill.output_tokens).member("microdollars", bill.microdollars);
  out.end_object();
  return out.finish().release();
}

}  // namespace rwp::testing
