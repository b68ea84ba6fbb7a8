#include "pods/ctl/context.hpp"
#include <rwp/ai/evaluation.hpp>
#include <rwp/ai_openai/prices.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/pods/ctl.hpp>

#include <fstream>
#include <sstream>
#include <utility>

namespace rwp::pods::ctl {
namespace {

std::vector<Column> columns() {
  std::vector<Column> all;
  all.push_back(member_column("MODEL", "model"));
  for (const auto& [title, name] :
       {std::pair("CASES", "cases"), std::pair("RIGHT", "right"), std::pair("ERRORS", "errors"),
        std::pair("USD", "cost_usd"), std::pair("MEDIAN MS", "median_ms"),
        std::pair("SLOWEST MS", "slowest_ms")}) {
    Column column = member_column(title, name);
    column.right = true;
    all.push_back(std::move(column));
  }
  return all;
}

double milliseconds_of(std::chrono::microseconds time) {
  return static_cast<double>(time.count()) / 1'000;
}

JsonText as_json(const ai::EvaluationScore& score, bool faults) {
  JsonWriter out;
  out.begin_object().member("model", std::string_view(score.model));
  out.member("cases", static_cast<std::uint64_t>(score.cases));
  out.member("right", static_cast<std::uint64_t>(score.right));
  out.member("errors", static_cast<std::uint64_t>(score.errors));
  out.member("cost_usd", static_cast<double>(score.cost.micro_usd) / 1e6);
  out.member("input_tokens", score.usage.input_tokens);
  out.member("output_tokens", score.usage.output_tokens);
  out.member("median_ms", milliseconds_of(score.median));
  out.member("slowest_ms", milliseconds_of(score.slowest));
  if (faults) {
    out.key("faults").begin_array();
    for (const auto& fault : score.faults) out.value(std::string_view(fault));
    out.end_array();
  }
  out.end_object();
  return out.finish();
}

Result<std::vector<ai::EvaluationCase>> load_cases(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Error(Errc::not_found, "cannot read " + path);
  std::stringstream text;
  text << file.rdbuf();
  auto cases = ai::read_cases(text.str());
  if (!cases) return cases.error().with_context(path);
  if (cases->empty()) return Error(Errc::invalid_argument, path + " has no case");
  return cases;
}

}  // namespace

int evaluate_models(Context& context) {
  const auto& options = context.options;
  if (options.names.size() != 1) return refuse("ai eval takes one file of cases");
  auto cases = load_cases(options.names.front());
  if (!cases) return fail(context, cases.error());
  auto prices = ai::PriceTable::make(ai_openai::openai_prices());
  if (!prices) return fail(context, prices.error());
  std::vector<std::string> urls = options.eval.models;
  if (urls.empty()) urls.push_back(context.configuration().ai_url);

  std::vector<std::shared_ptr<ai::Model>> models;
  for (const auto& url : urls) {
    auto model = context.schemes.open<ai::Model>(url, context.runtime);
    if (!model) return fail(context, model.error().with_context(url));
    models.push_back(std::move(*model));
  }
  context.out.begin_list("models", columns());
  bool all_right = true;
  std::vector<std::string> faults;
  for (std::size_t i = 0; i < urls.size(); ++i) {
    auto score = block_on(context.runtime, ai::evaluate(urls[i], models[i], *cases, *prices));
    if (!score) return fail(context, score.error());
    all_right = all_right && score->right == score->cases;
    context.out.row(as_json(*score, options.eval.faults));
    for (const auto& fault : score->faults) faults.push_back(urls[i] + ": " + fault);
  }
  context.out.end_list();
  if (options.eval.faults) {
    for (const auto& fault : faults) context.out.line(fault);
  }
  return all_right ? kExitSuccess : kExitFindings;
}

}  // namespace rwp::pods::ctl
