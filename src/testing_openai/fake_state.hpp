#pragma once

#include "testing_openai/fake_rate.hpp"
#include "testing_openai/fake_shelf.hpp"
#include <rwp/ai/model.hpp>
#include <rwp/server/message.hpp>
#include <rwp/testing/fake_openai.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace rwp::testing {

/// What the fake's handlers and its owner share. Threads: safe to share.
class FakeState {
 public:
  explicit FakeState(FakeOpenAiOptions options);

  const FakeOpenAiOptions& options() const noexcept { return options_; }
  ai::Model& model() const noexcept { return *options_.model; }
  FakeShelf& shelf() noexcept { return shelf_; }

  bool play(const std::vector<FakeStep>& steps);
  /// What this request meets, and keeps it.
  FakeStep next(const server::Request& request, const std::string& model, bool stream);
  void abandoned();

  /// Takes a request of so many tokens from the limit; an answer when it is beyond it.
  std::optional<server::Response> limit(std::int64_t tokens);
  /// The limit's headers, on any answer.
  void tell_limit(server::Response& response) const;

  /// Charges an answer that the model has given; `key` tells the same requests apart from others.
  void charge(const std::string& key, const ai::TokenUsage& usage, bool batch);
  FakeBill bill() const;

  std::vector<FakeRequest> requests() const;
  std::uint64_t count() const;
  std::uint64_t abandoned_count() const;
  std::uint64_t limited_count() const;
  void forget();
  std::string counts_json() const;
  std::string bill_json() const;

 private:
  FakeStep choose(const std::string& model);

  FakeOpenAiOptions options_;
  FakeShelf shelf_;
  mutable std::mutex mutex_;
  FakeRate rate_;
  std::deque<FakeStep> script_;
  std::deque<FakeRequest> requests_;
  std::map<Fault, std::uint64_t> faults_;
  std::set<std::string> asked_;
  FakeBill bill_;
  std::uint64_t count_ = 0;
  std::uint64_t abandoned_ = 0;
  std::uint64_t limited_ = 0;
};

using SharedState = std::shared_ptr<FakeState>;

}  // namespace rwp::testing
