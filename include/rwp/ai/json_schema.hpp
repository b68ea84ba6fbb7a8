#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/core/json_view.hpp>

#include <cstddef>
#include <memory>

namespace rwp::ai {

/// A JSON Schema (draft 7, and of 2020-12 what OpenAI's strict mode takes, such as `$defs`) that
/// was read once and judges many documents.
///
/// `$ref` reaches within the schema only. Of `format`, only dates and times are judged. The
/// patterns are ECMAScript regular expressions without Unicode classes; a schema is the program's
/// own or its operator's, for a pattern can be written that takes exponential time. Threads: a
/// value, safe to share; copies share what was compiled. The default accepts everything.
class JsonSchema {
 public:
  /// Largest schema taken.
  static constexpr std::size_t kMaxBytes = std::size_t{256} << 10U;
  /// Longest string that is judged by a schema with patterns.
  static constexpr std::size_t kMaxPatternInputBytes = std::size_t{2} << 10U;

  JsonSchema() = default;

  /// `Errc::invalid_argument`: no valid schema, too large, nested deeper than
  /// `JsonText::kMaxDepth`, or one that refers to itself without end. `Errc::unsupported`: a `$ref`
  /// to another document, or a pattern that this library cannot judge. The message names the place.
  static Result<JsonSchema> compile(JsonText schema);

  /// `Errc::invalid_argument` names the JSON pointer and the rule that the document breaks there,
  /// never the document's own values. `Errc::unsupported`: a string too long for a pattern.
  Result<void> validate(const JsonText& document) const;
  Result<void> validate(JsonView document) const;

 private:
  struct Compiled;
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace rwp::ai
