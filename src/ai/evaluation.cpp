#include <rwp/ai/evaluation.hpp>
#include <rwp/ai/prompt_template.hpp>
#include <rwp/core/json_view.hpp>

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

namespace rwp::ai {
namespace {

using boost::asio::awaitable;

constexpr std::size_t kMostFaults = 100;
constexpr std::size_t kMostCases = 10'000;

std::string text_of(JsonView object, std::string_view name) {
  const auto member = object.find(name);
  return std::string(member ? member->as_string().value_or(std::string_view())
                            : std::string_view());
}

std::vector<std::string> texts_of(JsonView object, std::string_view name) {
  std::vector<std::string> texts;
  const auto list = object.find(name);
  for (std::size_t i = 0; list && list->kind() == JsonKind::array && i < list->size(); ++i) {
    if (const auto text = list->at(i).as_string()) texts.emplace_back(*text);
  }
  return texts;
}

bool stands_in(std::string_view text, std::string_view wanted) {
  const auto same = [](char left, char right) {
    return std::tolower(static_cast<unsigned char>(left)) ==
           std::tolower(static_cast<unsigned char>(right));
  };
  return std::search(text.begin(), text.end(), wanted.begin(), wanted.end(), same) != text.end();
}

/// Where `has` lacks what `wants` has; empty: nowhere.
std::string missing_in(JsonView has, JsonView wants, const std::string& where) {
  if (wants.kind() == JsonKind::object) {
    std::string missing;
    wants.each_member([&](std::string_view name, JsonView value) {
      const std::string inside =
          where.empty() ? std::string(name) : where + "." + std::string(name);
      const auto member = has.find(name);
      missing = member ? missing_in(*member, value, inside) : inside;
      return missing.empty();
    });
    return missing;
  }
  const auto left = has.as_double();
  const auto right = wants.as_double();
  const bool same = left && right ? *left == *right : has.text() == wants.text();
  return same ? std::string() : where;
}

Result<EvaluationCase> read_case(JsonView root) {
  if (root.kind() != JsonKind::object) {
    return Error(Errc::invalid_argument, "a case must be an object");
  }
  EvaluationCase read;
  read.name = text_of(root, "name");
  std::string system = text_of(root, "system");
  std::string user = text_of(root, "user");
  const std::string data = text_of(root, "data");
  if (read.name.empty() || (user.empty() && data.empty())) {
    return Error(Errc::invalid_argument, "a case must have a name, and user or data");
  }
  if (!data.empty()) user += (user.empty() ? "" : "\n\n") + delimit_data("data", data);
  if (!system.empty()) read.request.messages.push_back({Role::system, std::move(system)});
  read.request.messages.push_back({Role::user, std::move(user)});
  read.request.temperature = 0.0;
  if (const auto schema = root.find("schema")) {
    read.request.output_schema = OutputSchema{"answer", schema->text()};
  }
  if (const auto most = root.find("max_output_tokens")) {
    read.request.max_output_tokens = most->as_int64().value_or(0);
  }
  if (const auto expected = root.find("expected")) read.expected = expected->text();
  read.contains = texts_of(root, "contains");
  read.excludes = texts_of(root, "excludes");
  return read;
}

}  // namespace

Result<std::vector<EvaluationCase>> read_cases(std::string_view lines) {
  std::vector<EvaluationCase> cases;
  for (int number = 1; !lines.empty(); ++number) {
    const auto end = std::min(lines.find('\n'), lines.size());
    std::string line(lines.substr(0, end));
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::string where = "line " + std::to_string(number);
    if (cases.size() >= kMostCases) {
      return Error(Errc::invalid_argument, where + ": more than 10000 cases");
    }
    const auto text = JsonText::parse(std::move(line));
    if (!text) return text.error().with_context(where);
    auto read = read_case(JsonDocument(*text).root());
    if (!read) return read.error().with_context(where);
    cases.push_back(std::move(*read));
  }
  return cases;
}

std::string judge_answer(const EvaluationCase& asked, const ChatReply& reply) {
  for (const auto& text : asked.contains) {
    if (!stands_in(reply.content, text)) return "\"" + text + "\" does not stand in the answer";
  }
  for (const auto& text : asked.excludes) {
    if (stands_in(reply.content, text)) return "\"" + text + "\" stands in the answer";
  }
  if (asked.expected.is_null()) return {};
  const auto content = JsonText::parse(reply.content);
  if (!content) return "the answer is not JSON";
  const std::string missing =
      missing_in(JsonDocument(*content).root(), JsonDocument(asked.expected).root(), std::string());
  return missing.empty() ? missing : missing + " is not as expected";
}

awaitable<Result<EvaluationScore>> evaluate(std::string name, std::shared_ptr<Model> model,
                                            std::vector<EvaluationCase> cases, PriceTable prices) {
  EvaluationScore score;
  score.model = std::move(name);
  std::vector<std::chrono::microseconds> times;
  for (const auto& asked : cases) {
    ++score.cases;
    ChatRequest request = asked.request;
    const auto begun = std::chrono::steady_clock::now();
    auto reply = co_await model->chat(std::move(request));
    times.push_back(std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - begun));
    std::string why;
    if (reply) {
      const auto cost = prices.price(reply->model, reply->usage, reply->service_tier);
      score.cost.micro_usd += cost.cost.micro_usd;
      score.usage.input_tokens += reply->usage.input_tokens;
      score.usage.output_tokens += reply->usage.output_tokens;
      why = judge_answer(asked, *reply);
    } else {
      if (reply.error().code() == Errc::cancelled) co_return reply.error();
      ++score.errors;
      why = reply.error().message();
    }
    score.right += why.empty() ? 1U : 0U;
    if (!why.empty() && score.faults.size() < kMostFaults) {
      score.faults.push_back(asked.name + ": " + why);
    }
  }
  std::sort(times.begin(), times.end());
  if (!times.empty()) score.median = times[times.size() / 2];
  if (!times.empty()) score.slowest = times.back();
  co_return std::move(score);
}

}  // namespace rwp::ai
