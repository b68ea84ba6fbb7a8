#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/ai/price_table.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/usage_ledger.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// A set of cases run over models: how often right, how dear, how fast.
namespace rwp::ai {

/// One question and what its answer must have.
struct EvaluationCase {
  std::string name{};
  ChatRequest request{};
  /// Members that the answer, a JSON object, must have with these values; others may stand beside
  /// them. Null: the answer need not be JSON.
  JsonText expected{};
  /// Texts that must, and must not, stand in the answer; without regard to ASCII case.
  std::vector<std::string> contains{};
  std::vector<std::string> excludes{};
};

/// Reads cases, a JSON object a line:
///
///     {"name":"…","system":"…","user":"…","data":"…","schema":{…},"expected":{…},
///      "contains":["…"],"excludes":["…"],"max_output_tokens":200}
///
/// `user` or `data` is needed. `data` is what strangers wrote: it is delimited as data
/// (prompt_template.hpp), and injection attempts stand there, with what a model that fell for them
/// would say in `excludes`. `Errc::invalid_argument` names the line and the rule.
Result<std::vector<EvaluationCase>> read_cases(std::string_view lines);

/// Why an answer is not right; empty: it is.
std::string judge_answer(const EvaluationCase& asked, const ChatReply& reply);

/// How a model did.
struct EvaluationScore {
  /// As it was named by the caller.
  std::string model{};
  std::size_t cases = 0;
  std::size_t right = 0;
  /// Without an answer; what was wrong with the others stands in `faults`, too.
  std::size_t errors = 0;
  Money cost{};
  TokenUsage usage{};
  std::chrono::microseconds median{0};
  std::chrono::microseconds slowest{0};
  /// "case: why", at most 100.
  std::vector<std::string> faults{};
};

/// Asks a model all cases, one after the other.
boost::asio::awaitable<Result<EvaluationScore>> evaluate(std::string name,
                                                         std::shared_ptr<Model> model,
                                                         std::vector<EvaluationCase> cases,
                                                         PriceTable prices);

}  // namespace rwp::ai
