#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/core/uuid.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::ai_batch {

/// A request that goes into a batch: the payload of a job of kRowKind.
struct Row {
  /// The job that waits, and the key under which it is parked.
  Uuid job{};
  std::string key{};
  std::string model{};
  /// What its usage is booked under: ai::ChatRequest::kind.
  std::string kind{};
  JsonText body{};
  /// Where money is held for it: accounts of the budget.
  std::vector<std::string> accounts{};
};

JsonText row_json(const Row& row);
Result<Row> read_row(const JsonText& payload);

/// The key of a job that waits for an answer: it has the run's token, so that no answer of an
/// earlier wait fits, and the attempts that had failed before.
std::string wait_key(std::uint64_t run_token, int attempt);
/// Whether a job was resumed under such a key within this attempt: an attempt that failed with its
/// answer asks for another, a run whose process died has it again.
bool is_answer_of(std::string_view key, int attempt);
/// How many runs have begun since the one that asked to wait under that key; the first has the
/// answer for the first time.
std::uint64_t runs_since(std::string_view key, std::uint64_t run_token);

/// What a job is resumed with.
struct Delivery {
  /// 0: `error` says why there is no answer.
  int status = 0;
  JsonText body{};
  std::string error{};
  /// As Row::accounts.
  std::vector<std::string> accounts{};
};

JsonText delivery_json(const Delivery& delivery);
std::optional<Delivery> read_delivery(const JsonText& value);

}  // namespace rwp::ai_batch
