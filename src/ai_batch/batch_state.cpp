#include "ai_batch/batch_state.hpp"

#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

namespace rwp::ai_batch {
namespace {

using Milliseconds = std::chrono::milliseconds;

std::string text_of(JsonView object, std::string_view name) {
  const auto member = object.find(name);
  return std::string(member ? member->as_string().value_or(std::string_view())
                            : std::string_view());
}

}  // namespace

std::string Member::custom_id() const { return row.to_string() + "/" + std::to_string(token); }

JsonText plan_json(const BatchPlan& plan) {
  JsonWriter out;
  out.begin_object().member("model", std::string_view(plan.model)).key("rows").begin_array();
  for (const auto& member : plan.members) {
    out.begin_array().value(std::string_view(member.row.to_string()));
    out.value(member.token).value(member.tries).end_array();
  }
  out.end_array().end_object();
  return out.finish();
}

Result<BatchPlan> read_plan(const JsonText& payload) {
  const JsonDocument document(payload);
  const Error bad(Errc::invalid_argument, "payload: rows must be a list of id, token and tries");
  BatchPlan plan;
  plan.model = text_of(document.root(), "model");
  const auto rows = document.root().find("rows");
  if (!rows || rows->kind() != JsonKind::array) return bad;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    const JsonView row = rows->at(i);
    if (row.size() != 3) return bad;
    const auto id = Uuid::parse(std::string(row.at(0).as_string().value_or("")));
    const auto token = row.at(1).as_uint64();
    const auto tries = row.at(2).as_int64();
    if (!id || !token || !tries) return bad;
    plan.members.push_back({.row = *id, .token = *token, .tries = static_cast<int>(*tries)});
  }
  return plan;
}

JsonText state_json(const BatchState& state) {
  JsonWriter out;
  out.begin_object().member("stage", static_cast<int>(state.stage));
  out.member("file", std::string_view(state.file)).member("batch", std::string_view(state.batch));
  out.key("doubles").begin_array();
  for (const auto& id : state.doubles) out.value(std::string_view(id));
  out.end_array();
  if (state.hand_outs > 0) out.member("hand_outs", state.hand_outs);
  if (state.intended_at) {
    const auto since = state.intended_at->time_since_epoch();
    out.member("intended_at",
               static_cast<std::int64_t>(std::chrono::duration_cast<Milliseconds>(since).count()));
  }
  out.end_object();
  return out.finish();
}

BatchState read_state(const std::optional<JsonText>& cursor) {
  BatchState state;
  if (!cursor) return state;
  const JsonDocument document(*cursor);
  const JsonView root = document.root();
  const auto stage = root.find("stage");
  const auto number = stage ? stage->as_int64() : std::nullopt;
  if (!number || *number < 0 || *number > static_cast<int>(Stage::watch)) return state;
  state.stage = static_cast<Stage>(*number);
  state.file = text_of(root, "file");
  state.batch = text_of(root, "batch");
  if (const auto doubles = root.find("doubles"); doubles && doubles->kind() == JsonKind::array) {
    for (std::size_t i = 0; i < doubles->size(); ++i) {
      state.doubles.emplace_back(doubles->at(i).as_string().value_or(""));
    }
  }
  const auto hand_outs = root.find("hand_outs");
  const auto begun = hand_outs ? hand_outs->as_int64() : std::nullopt;
  state.hand_outs = static_cast<int>(std::clamp<std::int64_t>(begun.value_or(0), 0, 1'000'000));
  const auto intended = root.find("intended_at");
  if (const auto at = intended ? intended->as_int64() : std::nullopt) {
    state.intended_at = std::chrono::system_clock::time_point(Milliseconds(*at));
  }
  return state;
}

}  // namespace rwp::ai_batch
