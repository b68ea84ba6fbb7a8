#include "conformance/model_conformance.hpp"
#include <rwp/ai/fallback.hpp>
#include <rwp/ai/metered.hpp>
#include <rwp/ai_local/local_model.hpp>

namespace rwp::tests {
namespace {

std::shared_ptr<ai::Model> decorated() {
  return ai::make_metered(ai::make_fallback({ai_local::make_local_model()}), ai::MeterOptions());
}

INSTANTIATE_TEST_SUITE_P(
    Models, ModelConformance,
    ::testing::Values(ModelBackend{"local", [] { return ai_local::make_local_model(); }},
                      ModelBackend{"decorated", &decorated}),
    [](const auto& backend) { return backend.param.name; });

}  // namespace
}  // namespace rwp::tests
