#pragma once

#include "pods/openai_error.hpp"
#include <rwp/core/json_view.hpp>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::pods {

/// The first fault of a request; the reading goes on, and the later ones do not count.
class RequestFault {
 public:
  void set(OpenAiError error) {
    if (!error_) error_ = std::move(error);
  }
  /// A 400 for `param`.
  void refuse(std::string param, std::string message, std::string code);
  explicit operator bool() const noexcept { return error_.has_value(); }
  const std::optional<OpenAiError>& error() const noexcept { return error_; }

 private:
  std::optional<OpenAiError> error_{};
};

/// Reads the members of one JSON object of a request, and refuses what is of the wrong type, out of
/// its range or not known. Absent and null are the same, as for OpenAI.
/// Lifetime: the document, the fault and the names that are asked for outlive it.
class RequestFields {
 public:
  /// `path`: where the object stands ("messages[0]"); empty: the request itself.
  RequestFields(JsonView object, std::string path, RequestFault& fault);

  std::optional<JsonView> any(std::string_view name);
  std::optional<std::string_view> text(std::string_view name);
  /// Also refuses a text longer than `most_bytes`.
  std::optional<std::string_view> text(std::string_view name, std::size_t most_bytes);
  std::optional<std::string_view> choice(std::string_view name,
                                         std::initializer_list<std::string_view> choices);
  std::optional<bool> flag(std::string_view name);
  std::optional<double> number(std::string_view name, double least, double most);
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t least, std::int64_t most);
  std::optional<JsonView> object(std::string_view name);
  std::optional<JsonView> array(std::string_view name);

  /// Refuses the member if it is there: the model cannot do what it asks for.
  void unsupported(std::string_view name);
  void missing(std::string_view name);
  void invalid(std::string_view name, std::string rule);
  void wrong_type(std::string_view name, std::string_view expected, JsonView value);
  /// Refuses the members that nobody asked for.
  void close();

  std::string path_of(std::string_view name) const;

 private:
  const JsonView object_;
  const std::string path_;
  RequestFault& fault_;
  std::vector<std::string_view> known_;
};

}  // namespace rwp::pods
