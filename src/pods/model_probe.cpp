#include "pods/model_probe.hpp"

#include <rwp/ai_openai/openai_model.hpp>
#include <rwp/core/async.hpp>

#include <chrono>
#include <utility>

namespace rwp::pods {
namespace {

using ai_openai::OpenAiModel;

/// The limit of a probe ends it before.
constexpr std::chrono::seconds kProbeTimeout{5};

boost::asio::awaitable<Result<void>> probe(std::shared_ptr<OpenAiModel> service,
                                           boost::asio::any_io_executor executor) {
  auto operation = service->models(std::chrono::steady_clock::now() + kProbeTimeout);
  auto listed = co_await on(std::move(executor), std::move(operation));
  if (listed) co_return Result<void>();
  switch (listed.error().code()) {
    case Errc::unavailable:
    case Errc::deadline_exceeded:
    case Errc::unauthenticated:
    case Errc::cancelled:
      co_return listed.error();
    default:
      // It has answered: some services keep no list, or let nobody see it.
      co_return Result<void>();
  }
}

}  // namespace

std::optional<server::Dependency> model_dependency(const std::shared_ptr<ai::Model>& model,
                                                   boost::asio::any_io_executor executor) {
  auto service = std::dynamic_pointer_cast<OpenAiModel>(model);
  if (!service) return std::nullopt;
  server::Dependency dependency;
  dependency.name = "model";
  dependency.probe = [service = std::move(service), executor = std::move(executor)] {
    return probe(service, executor);
  };
  return dependency;
}

}  // namespace rwp::pods
