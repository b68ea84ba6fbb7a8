#pragma once

#include <rwp/ai/message.hpp>
#include <rwp/core/describe.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace rwp::ai {

/// A prompt with places for values, under a name and a version: the text never changes under one
/// version. Record label() and digest() with what came of it.
///
///     struct Advert {                                  // A described struct: the parameters'
///     types.
///       std::string language;
///       std::string text;                              // Written by strangers.
///       …
///     };
///     const auto prompt = PromptTemplate::make("ad.summary", 3,
///         "Summarise the advert in {{language}}.", "{{data text}}").value();
///     request.messages = prompt.render(advert).value();
///
/// - `{{name}}` stands for a value of our own: text as it is, anything else as JSON. In such a
///   value of several lines, or with a brace pair, somebody else has had a hand:
///   `invalid_argument`.
/// - `{{data name}}` stands for what strangers wrote: a JSON string between marks that carry the
///   text's digest, which no text can hold itself, so nothing in it can end it or pass for an
///   instruction of ours. What the marks mean is said once, at the end of the system message.
/// Threads: a value, safe to share.
class PromptTemplate {
 public:
  /// `system` and `user` become a message each; one may be empty. `Errc::invalid_argument` names
  /// what is wrong with the text: a place without an end, or with a name that is none.
  static Result<PromptTemplate> make(std::string name, int version, std::string system,
                                     std::string user);

  /// "name/version".
  std::string label() const;
  /// SHA-256 of label and texts, in hexadecimal.
  const std::string& digest() const noexcept { return digest_; }

  /// `Errc::invalid_argument`: a place names no member of the parameters, or a value breaks its
  /// rule.
  template <class T>
  Result<std::vector<Message>> render(const T& parameters) const {
    return render_json(encode(parameters));
  }
  /// The same with an object.
  Result<std::vector<Message>> render_json(const JsonText& parameters) const;

 private:
  std::string name_;
  int version_ = 1;
  std::string system_;
  std::string user_;
  std::string digest_;
  bool has_data_ = false;
};

/// What strangers wrote, delimited as data as `{{data name}}` does.
std::string delimit_data(std::string_view name, std::string_view text);

}  // namespace rwp::ai
