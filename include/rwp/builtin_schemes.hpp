#pragma once

#include <rwp/core/clock.hpp>
#include <rwp/core/scheme_registry.hpp>
#include <rwp/core/secret.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>

#include <memory>

namespace rwp {

/// What parts that are opened by URL are given besides.
struct BuiltinOptions {
  observability::Logger log{};
  /// May be null.
  std::shared_ptr<observability::Metrics> metrics{};
  /// Of the stores' due times and leases.
  std::shared_ptr<const Clock> clock = system_clock();
  /// Of `ga4:`: Google's secret of the measurement stream.
  Secret ga4_api_secret{};
  /// Of an analytics pod on `http:` or `https:`.
  Secret analytics_key{};
};

/// The schemes that this library brings, to extend and to pass on:
///
///     jobs::JobStore          sqlite:PATH  memory:
///     storage::ObjectStore    file:PATH    memory:
///     ai::Model               local:
///     analytics::Sink         jsonl:PATH   ga4:?measurement_id=G-…   http://analytics-pod:3000
SchemeRegistry builtin_schemes(BuiltinOptions options = BuiltinOptions());

}  // namespace rwp
