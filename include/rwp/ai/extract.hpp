#pragma once

// Opt-in: a template over rwp/core/describe.hpp.

#include <rwp/ai/json_schema.hpp>
#include <rwp/ai/model.hpp>
#include <rwp/core/describe.hpp>
#include <rwp/core/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace rwp::ai {

/// A typed answer and where it came from.
template <class T>
struct Extracted {
  T value{};
  /// The model that gave the answer that was taken, as it names itself.
  std::string model{};
  /// Of all rounds together.
  TokenUsage usage{};
  /// Whether the first answer broke the schema and a second was asked for.
  bool repaired = false;
};

namespace detail {

/// An answer that the schema and the decoder accept.
struct ExtractedJson {
  JsonText json{};
  std::string model{};
  TokenUsage usage{};
  bool repaired = false;
};

/// Judges a document that the schema has accepted; a failure is told to the model as well.
using DecodeCheck = std::function<Result<void>(const JsonText& document)>;

boost::asio::awaitable<Result<ExtractedJson>> extract_json(std::shared_ptr<Model> model,
                                                           ChatRequest request, JsonText schema,
                                                           Result<JsonSchema> compiled,
                                                           DecodeCheck decode_check);

/// A description does not change while the program runs, so its schema is compiled once.
template <class T>
const Result<JsonSchema>& compiled_schema() {
  static const Result<JsonSchema> compiled = JsonSchema::compile(json_schema<T>());
  return compiled;
}

}  // namespace detail

/// Asks for a `T` (a described struct) and tells what the answer took: the schema follows from the
/// description, the reply is validated and decoded. An answer that breaks the schema is sent back
/// once with the validator's message; a second one is `Errc::corrupt`.
///
/// `request.output_schema` is replaced; its name is kept when it has one, "answer" otherwise.
/// Errors: as Model::chat; also `Errc::permission_denied`: the model refused, or a content filter
/// did; `Errc::invalid_argument`: the answer was cut off, so `max_output_tokens` is too small.
/// fault_of() (ai/answer_fault.hpp) tells these, and an answer that fits no schema, from the
/// others.
template <class T>
boost::asio::awaitable<Result<Extracted<T>>> extract_with_usage(std::shared_ptr<Model> model,
                                                                ChatRequest request) {
  auto value = std::make_shared<std::optional<T>>();
  detail::DecodeCheck check = [value](const JsonText& document) -> Result<void> {
    auto decoded = decode<T>(document);
    if (!decoded) return decoded.error();
    *value = std::move(*decoded);
    return {};
  };
  Result<JsonSchema> compiled = detail::compiled_schema<T>();
  auto answer =
      co_await detail::extract_json(std::move(model), std::move(request), json_schema<T>(),
                                    std::move(compiled), std::move(check));
  if (!answer) co_return answer.error();
  Extracted<T> extracted{.value = std::move(**value),
                         .model = std::move(answer->model),
                         .usage = answer->usage,
                         .repaired = answer->repaired};
  co_return std::move(extracted);
}

/// As extract_with_usage(); the value alone.
template <class T>
boost::asio::awaitable<Result<T>> extract(std::shared_ptr<Model> model, ChatRequest request) {
  auto extracted = co_await extract_with_usage<T>(std::move(model), std::move(request));
  if (!extracted) co_return extracted.error();
  co_return std::move(extracted->value);
}

}  // namespace rwp::ai
