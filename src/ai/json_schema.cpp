// The one source that instantiates valijson (some 15 s).
#include "ai/schema_check.hpp"
#include <rwp/ai/json_schema.hpp>
#include <rwp/core/json.hpp>

#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include <exception>
#include <mutex>
#include <string>
#include <utility>

namespace rwp::ai {
namespace {

using Adapter = valijson::adapters::NlohmannJsonAdapter;

/// valijson names a place `<root>`, `["name"]`, `[0]`; a JSON pointer says the same.
std::string to_pointer(const std::vector<std::string>& context) {
  std::string pointer;
  for (std::size_t i = 1; i < context.size(); ++i) {
    std::string_view step = context[i];
    if (step.size() >= 2 && step.front() == '[') step = step.substr(1, step.size() - 2);
    if (step.size() >= 2 && step.front() == '"') step = step.substr(1, step.size() - 2);
    pointer += '/';
    for (const char c : step) {
      if (c == '~') {
        pointer += "~0";
      } else if (c == '/') {
        pointer += "~1";
      } else {
        pointer += c;
      }
    }
  }
  return pointer.empty() ? "the root" : pointer;
}

/// The deepest error says most: what stands above it only repeats that a part has failed.
Error to_error(const valijson::ValidationResults& results) {
  const valijson::ValidationResults::Error* deepest = nullptr;
  for (const auto& error : results) {
    if (deepest == nullptr || error.context.size() > deepest->context.size()) deepest = &error;
  }
  if (deepest == nullptr) {
    return {Errc::invalid_argument, "the document does not match the schema"};
  }
  return {Errc::invalid_argument, "the document does not match the schema at " +
                                      to_pointer(deepest->context) + ": " + deepest->description};
}

bool has_longer_string(const nlohmann::json& document, std::size_t limit) {
  if (document.is_string()) return document.get_ref<const std::string&>().size() > limit;
  if (!document.is_structured()) return false;
  for (const auto& [name, child] : document.items()) {
    if ((document.is_object() && name.size() > limit) || has_longer_string(child, limit))
      return true;
  }
  return false;
}

std::size_t depth_of(const nlohmann::json& document, std::size_t limit) {
  if (!document.is_structured()) return 0;
  if (limit == 0) return 1;
  std::size_t deepest = 0;
  for (const auto& child : document) deepest = std::max(deepest, depth_of(child, limit - 1));
  return deepest + 1;
}

}  // namespace

struct JsonSchema::Compiled {
  valijson::Schema schema{};
  bool has_patterns = false;
  /// Keeps the compiled regular expressions; guarded, since filling that cache is a write.
  mutable std::mutex pattern_lock{};
  mutable valijson::Validator pattern_validator{};
};

Result<JsonSchema> JsonSchema::compile(JsonText schema) {
  if (schema.size() > kMaxBytes) {
    return Error(Errc::invalid_argument,
                 "schema is larger than " + std::to_string(kMaxBytes) + " bytes");
  }
  const auto document = to_json(schema);
  if (depth_of(document, JsonText::kMaxDepth) > JsonText::kMaxDepth) {
    return Error(Errc::invalid_argument,
                 "schema is nested deeper than " + std::to_string(JsonText::kMaxDepth) + " levels");
  }
  const auto facts = check_schema(document);
  if (!facts) return facts.error();
  auto compiled = std::make_shared<Compiled>();
  compiled->has_patterns = facts->has_patterns;
  try {
    valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
    parser.populateSchema(Adapter(document), compiled->schema);
  } catch (const std::exception& thrown) {
    return Error(Errc::invalid_argument, std::string("not a JSON Schema: ") + thrown.what());
  }
  JsonSchema result;
  result.compiled_ = std::move(compiled);
  return result;
}

Result<void> JsonSchema::validate(const JsonText& document) const {
  if (!compiled_) return {};
  const auto tree = to_json(document);
  const Adapter target(tree);
  valijson::ValidationResults results;
  try {
    if (!compiled_->has_patterns) {
      valijson::Validator validator;
      if (validator.validate(compiled_->schema, target, &results)) return {};
      return to_error(results);
    }
    // std::regex recurses once a character, so a long string would end the stack.
    if (has_longer_string(tree, kMaxPatternInputBytes)) {
      return Error(Errc::unsupported, "the document has a string longer than " +
                                          std::to_string(kMaxPatternInputBytes) +
                                          " bytes, which a schema with patterns cannot judge");
    }
    const std::lock_guard guard(compiled_->pattern_lock);
    if (compiled_->pattern_validator.validate(compiled_->schema, target, &results)) return {};
  } catch (const std::exception& thrown) {
    return Error(Errc::unsupported, std::string("the schema cannot be judged: ") + thrown.what());
  }
  return to_error(results);
}

Result<void> JsonSchema::validate(JsonView document) const {
  if (!compiled_) return {};
  return validate(document.text());
}

}  // namespace rwp::ai
