#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>

#include <string>

namespace rwp::ai {

/// How a provider has the lines of a batch's files.
///
/// Threads: one at a time. Lifetime: outlives those who use it.
class BatchFormat {
 public:
  virtual ~BatchFormat() = default;
  BatchFormat(const BatchFormat&) = delete;
  BatchFormat& operator=(const BatchFormat&) = delete;

  /// Where the requests go: "/v1/chat/completions".
  virtual std::string endpoint() const = 0;
  /// The model that is asked when the request names none.
  virtual std::string default_model() const = 0;
  /// What a line asks; `request` names its model and has been checked.
  virtual JsonText request_body(const ChatRequest& request) const = 0;
  /// What a line answered: as Model::chat() would.
  virtual Result<ChatReply> read_answer(int status, const JsonText& body) const = 0;

 protected:
  BatchFormat() = default;
};

}  // namespace rwp::ai
