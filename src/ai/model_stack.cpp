#include <rwp/ai/breaking.hpp>
#include <rwp/ai/model_stack.hpp>

#include <cstddef>
#include <string>
#include <utility>

namespace rwp::ai {
namespace {

Error lacks(const char* what) {
  return {Errc::invalid_argument, std::string("model stack: ") + what};
}

Result<void> check(const std::vector<StackMember>& members, const StackOptions& options) {
  if (members.empty()) return lacks("there is no model");
  for (const auto& member : members) {
    if (!member.model) return lacks("a model is null");
  }
  if (options.cached && !options.cached->cache) return lacks("cached needs a cache");
  if (options.budgeted && !options.budgeted->ledger) return lacks("budgeted needs a ledger");
  return {};
}

std::shared_ptr<Model> surround(StackMember member) {
  std::shared_ptr<Model> model = member.model;
  MemberOptions& options = member.options;
  if (options.attempts) model = make_attempt_limited(std::move(model), *options.attempts);
  if (options.breaking) model = make_breaking(std::move(model), std::move(*options.breaking));
  if (options.limited) {
    UpstreamLimitOptions& limited = *options.limited;
    if (!limited.allowance) limited.allowance = make_rate_allowance(options.rates);
    if (auto source = std::dynamic_pointer_cast<ReportsRates>(member.model)) {
      source->on_rate_report(
          [allowance = limited.allowance](const RateReport& report) { allowance->report(report); });
    }
    model = make_upstream_limited(std::move(model), std::move(limited));
  }
  if (options.retried) model = make_retried(std::move(model), std::move(*options.retried));
  if (options.gathered) model = make_gathered(std::move(model), std::move(*options.gathered));
  return model;
}

/// The models that may answer in place of the one that was asked for.
std::vector<std::string> other_models(const std::vector<StackMember>& members) {
  std::vector<std::string> names;
  for (std::size_t i = 1; i < members.size(); ++i) {
    auto name = members[i].model->default_model();
    if (!name.empty()) names.push_back(std::move(name));
  }
  return names;
}

}  // namespace

Result<std::shared_ptr<Model>> build_model(std::vector<StackMember> members, StackOptions options) {
  if (auto checked = check(members, options); !checked) return checked.error();
  if (options.budgeted && options.budgeted->other_models.empty()) {
    options.budgeted->other_models = other_models(members);
  }
  // One of the two books; the budget knows also what was cut.
  if (options.metered && options.budgeted && options.budgeted->record) {
    options.metered->ledger = nullptr;
  }
  std::vector<std::shared_ptr<Model>> chain;
  chain.reserve(members.size());
  for (auto& member : members) chain.push_back(surround(std::move(member)));
  std::shared_ptr<Model> model = chain.size() == 1
                                     ? chain.front()
                                     : make_fallback(std::move(chain), std::move(options.fallback));
  if (options.budgeted) model = make_budgeted(std::move(model), std::move(*options.budgeted));
  if (options.tenant_limited) {
    model = make_tenant_limited(std::move(model), std::move(*options.tenant_limited));
  }
  if (options.coalesced) model = make_coalesced(std::move(model), std::move(*options.coalesced));
  if (options.cached) model = make_cached(std::move(model), std::move(*options.cached));
  if (options.validated) model = make_validated(std::move(model), std::move(*options.validated));
  if (options.redacted) model = make_redacted(std::move(model), *options.redacted);
  if (options.metered) model = make_metered(std::move(model), std::move(*options.metered));
  if (options.deadline) model = make_deadline(std::move(model), *options.deadline);
  return model;
}

}  // namespace rwp::ai
