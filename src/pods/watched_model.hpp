#pragma once

#include "pods/trouble.hpp"
#include <rwp/ai/model.hpp>

#include <memory>
#include <string>

namespace rwp::pods {

/// Passes calls on to `inner`, and tells `trouble` how they end. Before decorators that have
/// failures of their own, such as a budget. `what`: "model http://…", masked.
std::shared_ptr<ai::Model> watch_model(std::shared_ptr<ai::Model> inner,
                                       std::shared_ptr<Trouble> trouble, std::string what);

}  // namespace rwp::pods
