#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/net/circuit_breaker.hpp>

#include <memory>

namespace rwp::ai {

/// Spares an upstream that fails, and its callers the wait: after some failures in a row calls are
/// `Errc::unavailable` at once, with the wait, then one attempt decides.
///
/// Failures are unavailable, internal, corrupt, and deadline_exceeded before the call's own
/// deadline. rate_limited tells nothing, as a limiter's matter. budget_exceeded (the key's money is
/// spent) opens it at once, and calls get that error until an attempt succeeds. A call that was
/// cancelled tells nothing either. Stands inside of retries and limits, so that it judges each
/// attempt and no waiting.
std::shared_ptr<Model> make_breaking(
    std::shared_ptr<Model> model,
    net::CircuitBreakerOptions options = net::CircuitBreakerOptions());

}  // namespace rwp::ai
