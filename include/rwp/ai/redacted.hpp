#pragma once

#include <rwp/ai/model.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::ai {

struct RedactOptions {
  bool emails = true;
  bool phones = true;
  /// Street and number, postcodes (UK; US with the state; German with the town).
  bool addresses = true;
};

/// What was taken out of one request, and how it is put back.
///
/// Each thing found becomes a placeholder, such as `[EMAIL_1]`, the same one wherever it stands;
/// numbers are in the order of finding. Names are not guessed: those given are found as whole words
/// without regard to case, and the parts of a name of several words as they are written. Patterns
/// find what is usual, not everything: a person's text may identify her all the same.
/// Threads: a value.
class Redaction {
 public:
  /// `texts` are all that will be hidden: placeholders are chosen that do not stand there.
  Redaction(RedactOptions options, std::vector<std::string> words,
            const std::vector<std::string_view>& texts);

  std::string hide(std::string_view text);
  /// Puts back what was taken out; within a JSON string's quotes when `json`.
  std::string restore(std::string_view text, bool json) const;
  bool is_empty() const noexcept { return originals_.empty(); }

  /// Of a stream: what can be handed on once `piece` has come; a beginning that may be a
  /// placeholder is kept back.
  std::string restore_piece(std::string_view piece, bool json);
  /// What was kept back, at the end.
  std::string restore_rest(bool json);

 private:
  std::string placeholder_of(const char* kind, std::string_view original);

  RedactOptions options_;
  std::vector<std::string> words_;
  std::string salt_;
  /// Originals by their placeholders, and placeholders by kind and original.
  std::map<std::string, std::string, std::less<>> originals_;
  std::map<std::string, std::string> placeholders_;
  std::map<std::string, std::size_t> counts_;
  std::string kept_back_;
};

/// Keeps personal data from leaving: e-mail addresses, phone numbers, postal addresses and the
/// request's `personal_words` go out as placeholders, and are put back into the answer, also where
/// one is cut over two pieces of a stream. Texts to embed are hidden, too.
/// Two requests that differ in these alone are the same for a cache beneath. Stands outside of
/// everything that keeps, logs or sends.
std::shared_ptr<Model> make_redacted(std::shared_ptr<Model> model,
                                     RedactOptions options = RedactOptions());

}  // namespace rwp::ai
