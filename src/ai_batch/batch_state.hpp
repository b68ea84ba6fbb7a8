#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/core/uuid.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rwp::ai_batch {

/// A request as a batch names it.
struct Member {
  Uuid row{};
  /// Of the run that gathered it: a later one belongs to another batch.
  std::uint64_t token = 0;
  /// Batches that it was in before.
  int tries = 0;

  /// `custom_id` of its line.
  std::string custom_id() const;
};

/// The payload of a job of kBatchKind.
struct BatchPlan {
  std::string model{};
  std::vector<Member> members{};
};

JsonText plan_json(const BatchPlan& plan);
Result<BatchPlan> read_plan(const JsonText& payload);

enum class Stage : std::uint8_t { seal, upload, create, watch };

/// How far a batch has come: the cursor of its job.
struct BatchState {
  Stage stage = Stage::seal;
  /// The provider's ids; empty: not known (yet).
  std::string file{};
  std::string batch{};
  /// Later batches that carry the same id of ours.
  std::vector<std::string> doubles{};
  /// When the request that makes something was about to be sent, by the store's clock.
  std::optional<std::chrono::system_clock::time_point> intended_at{};
  /// How often it was begun to hand its answers out.
  int hand_outs = 0;
};

JsonText state_json(const BatchState& state);
/// The beginning, for what is none.
BatchState read_state(const std::optional<JsonText>& cursor);

}  // namespace rwp::ai_batch
