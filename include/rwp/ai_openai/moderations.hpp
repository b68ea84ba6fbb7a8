#pragma once

#include <rwp/ai_openai/openai_options.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/net/http_transport.hpp>

#include <boost/asio/awaitable.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace rwp::ai_openai {

struct ModerationRequest {
  /// Empty: the server's own.
  std::string model{};
  /// 1 to 2,048 texts, none empty.
  std::vector<std::string> texts{};
  SteadyTime deadline = SteadyTime::max();
};

/// What is said of one text.
struct Moderation {
  bool flagged = false;
  /// By category ("hate/threatening"): whether it applies, and how surely, from 0 to 1.
  std::map<std::string, bool> categories{};
  std::map<std::string, double> scores{};
};

struct ModerationReply {
  std::string model{};
  /// One for each text, in their order.
  std::vector<Moderation> results{};
  JsonText document{};
};

/// OpenAI's moderations, which cost nothing. Errors, retries, threads and lifetime as OpenAiModel.
class Moderations {
 public:
  static Result<std::shared_ptr<Moderations>> make(std::shared_ptr<net::HttpTransport> transport,
                                                   OpenAiOptions options = OpenAiOptions());
  ~Moderations();
  Moderations(const Moderations&) = delete;
  Moderations& operator=(const Moderations&) = delete;

  boost::asio::awaitable<Result<ModerationReply>> moderate(ModerationRequest request);

 private:
  struct Impl;
  explicit Moderations(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rwp::ai_openai
