#include "pods/model_probe.hpp"

#include <rwp/ai_openai/openai_model.hpp>
#include <rwp/core/async.hpp>

#include <chrono>
#include <utility>

namespace rwp::pods {
namespace {

using boost::asio::awaitable;
using Clock = std::chrono::steady_clock;

/// Somebody's API is no place for a request a second of each pod.
constexpr std::chrono::seconds kAskEvery{10};
/// Below the health routes' own limit, so that what was learnt is kept.
constexpr std::chrono::milliseconds kAskFor{900};

/// Used on the model's executor alone.
struct ModelProbe {
  explicit ModelProbe(std::shared_ptr<ai_openai::OpenAiModel> asked) : model(std::move(asked)) {}

  std::shared_ptr<ai_openai::OpenAiModel> model;
  Result<void> answer{};
  Clock::time_point ask_again_at{};
};

/// It has answered: some services keep no list, or let nobody see it.
bool is_an_answer(Errc code) {
  return code != Errc::unavailable && code != Errc::deadline_exceeded &&
         code != Errc::unauthenticated;
}

awaitable<Result<void>> ask(std::shared_ptr<ModelProbe> probe) {
  if (Clock::now() < probe->ask_again_at) co_return probe->answer;
  const auto listed = co_await probe->model->models(Clock::now() + kAskFor);
  if (!listed && listed.error().code() == Errc::cancelled) co_return listed.error();
  Result<void> answer;
  if (!listed && !is_an_answer(listed.error().code())) answer = listed.error();
  probe->answer = answer;
  probe->ask_again_at = Clock::now() + kAskEvery;
  co_return answer;
}

awaitable<Result<void>> ask_there(std::shared_ptr<ModelProbe> probe,
                                  boost::asio::any_io_executor executor) {
  auto asking = ask(std::move(probe));
  co_return co_await on(std::move(executor), std::move(asking));
}

}  // namespace

std::optional<server::Dependency> model_dependency(const std::shared_ptr<ai::Model>& model,
                                                   boost::asio::any_io_executor executor) {
  auto service = std::dynamic_pointer_cast<ai_openai::OpenAiModel>(model);
  if (!service) return std::nullopt;
  server::Dependency dependency;
  dependency.name = "model";
  dependency.required = false;
  dependency.probe = [probe = std::make_shared<ModelProbe>(std::move(service)),
                      executor = std::move(executor)] { return ask_there(probe, executor); };
  return dependency;
}

}  // namespace rwp::pods
