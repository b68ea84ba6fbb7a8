#pragma once

#include <rwp/ai/model.hpp>

#include <memory>

namespace rwp::pods {

/// A model that does not speak OpenAI's protocol, for callers that do: it answers a stream of an
/// ai::WireCall in events. What its other members do not say is `Errc::unsupported`.
std::shared_ptr<ai::Model> write_as_openai(std::shared_ptr<ai::Model> inner);

}  // namespace rwp::pods
