#pragma once

#include <rwp/core/describe.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/observability/trace.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

namespace rwp::recruitment {

/// Where an enrichment came from, so that it can be judged and repeated.
struct Provenance {
  /// The model that answered, as it names itself.
  std::string model{};
  /// Name and version of the prompt, such as "job_ad.enrich/1".
  std::string prompt{};
  /// SHA-256 of the prompt's text and answer schema, in hexadecimal.
  std::string prompt_digest{};

  static constexpr auto describe() {
    return std::tuple{field("model", &Provenance::model), field("prompt", &Provenance::prompt),
                      field("prompt_digest", &Provenance::prompt_digest)};
  }
  friend bool operator==(const Provenance&, const Provenance&) = default;
};

/// What a model is told to do. The text never changes under one version.
struct Prompt {
  std::string_view name{};
  int version = 1;
  /// The system message. The data follow as a message of their own: one JSON document, in whose
  /// strings nothing can end the data or pass for an instruction of ours.
  std::string_view text{};

  /// "name/version".
  std::string label() const;
  /// SHA-256 of label, text and the answer's schema, in hexadecimal.
  std::string digest(const JsonText& schema) const;
};

/// A typed piece of work for a language model: an `Input` goes in, a model answers with an
/// `Output::Answer` (a described struct, whose JSON Schema goes along), and `settle` makes the
/// Output of both. perform() runs it (rwp/recruitment/perform.hpp).
template <class Input, class Output>
struct Task {
  using Answer = typename Output::Answer;

  /// Of the jobs and the accounting, such as "job_ad.enrich".
  std::string_view kind{};
  Prompt prompt{};
  /// What the model is shown of the input.
  JsonText (*data)(const Input& input) = nullptr;
  /// Checks the answer against the input and puts it in order; never fails, but leaves out what
  /// cannot be.
  Output (*settle)(const Input& input, Answer answer, Provenance provenance) = nullptr;
  std::int64_t max_output_tokens = 0;

  std::string prompt_digest() const { return prompt.digest(json_schema<Answer>()); }
};

/// What one call may say beyond its input.
struct CallOptions {
  /// Empty: the model's default.
  std::string model{};
  /// For accounting; empty: none.
  std::string tenant{};
  /// As ai::ChatRequest::subject; empty: nobody in particular.
  std::string subject{};
  /// The time by which an answer is wanted; default: none.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  /// Of the model's call; default: none.
  observability::TraceContext trace{};
};

}  // namespace rwp::recruitment
