#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/core/uuid.hpp>
#include <rwp/jobs/job.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::pods {

/// The jobs of batches, and of their lines.
constexpr const char* kPodBatchKind = "rwp.ai.files.batch";
constexpr const char* kPodLineKind = "rwp.ai.files.line";
constexpr const char* kPodBatchQueue = "rwp.ai.files.batches";
constexpr const char* kPodLineQueue = "rwp.ai.files.lines";

/// What POST /v1/batches asked for: the payload of the batch's job.
struct BatchOrder {
  std::string input_file{};
  /// "/v1/chat/completions", "/v1/embeddings" or "/v1/responses".
  std::string endpoint{};
  std::map<std::string, std::string> metadata{};
  /// Of the output's files; 0: they are kept.
  std::int64_t output_expires_seconds = 0;
};

JsonText order_json(const BatchOrder& order);
/// Empty members for what is none.
BatchOrder read_order(const JsonText& payload);

/// How far a batch has come: the cursor of its job, and in the end its result.
struct BatchRecord {
  /// "validating", "in_progress", "finalizing"; in the end "completed", "failed", "expired",
  /// "cancelled".
  std::string status = "validating";
  std::int64_t total = 0;
  std::int64_t completed = 0;
  std::int64_t failed = 0;
  /// Groups of lines that have been collected.
  std::int64_t groups = 0;
  /// "cancelled" or "expired", once that is decided.
  std::string cut_by{};
  std::string output_file{};
  std::string error_file{};
  std::string model{};
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
  /// Seconds since 1970; 0: not yet.
  std::int64_t in_progress_at = 0;
  std::int64_t finalizing_at = 0;
  std::int64_t ended_at = 0;

  /// Why the input was refused.
  struct Fault {
    std::string code{};
    std::string message{};
    std::int64_t line = 0;
  };
  std::vector<Fault> faults{};
};

JsonText record_json(const BatchRecord& record);
BatchRecord read_record(const JsonText& text);

/// "batch_" and 32 hexadecimal digits.
std::string batch_id(const Uuid& job);
std::optional<Uuid> job_of_batch(std::string_view id);

/// Within how long a batch is done, or expires.
constexpr std::int64_t kBatchWindowSeconds = 86'400;

/// The batch as GET /v1/batches/{id} tells it. `is_cancelling`: its end has been asked for.
JsonText batch_document(const jobs::Job& job, bool is_cancelling);

/// Where a batch's own objects lie: "ai-batches/TENANT/ID/".
std::string batch_folder(const std::string& tenant, const Uuid& job);

}  // namespace rwp::pods
