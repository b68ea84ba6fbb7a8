#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/server/health.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <optional>

namespace rwp::pods {

/// "model": up when the service behind it lists its models, or says that it has no such list; asked
/// at most every ten seconds. Not required: an outage there is the same for all pods, and would
/// take all of them out of service. None for a model in this process. `executor`: the model's.
std::optional<server::Dependency> model_dependency(const std::shared_ptr<ai::Model>& model,
                                                   boost::asio::any_io_executor executor);

}  // namespace rwp::pods
