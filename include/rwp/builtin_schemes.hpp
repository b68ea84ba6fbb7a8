#pragma once

#include <rwp/core/clock.hpp>
#include <rwp/core/scheme_registry.hpp>
#include <rwp/core/secret.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>
#include <rwp/storage_s3/register.hpp>

#include <memory>
#include <string>

namespace rwp {

/// What parts that are opened by URL are given besides.
struct BuiltinOptions {
  observability::Logger log{};
  /// May be null.
  std::shared_ptr<observability::Metrics> metrics{};
  /// Of the due times and leases of stores without a clock of their own; `postgres:` has the
  /// server's.
  std::shared_ptr<const Clock> clock = system_clock();
  /// Sent to models that are opened by openai:, http: and https:; openai: needs it.
  Secret ai_key{};
  /// The model that these ask for where neither request nor URL names one.
  std::string ai_model{};
  /// Of `ga4:`: Google's secret of the measurement stream.
  Secret ga4_api_secret{};
  /// Of `s3:`: credentials, and what the URL does not name.
  storage::S3SchemeOptions s3{};
  /// Of an analytics pod on `http:` or `https:`.
  Secret analytics_key{};
};

/// The schemes that this library brings, to extend and to pass on:
///
///     jobs::JobStore          sqlite:PATH  memory:  postgres://HOST/DATABASE
///     storage::ObjectStore    file:PATH    memory:  s3://BUCKET/PREFIX?endpoint=…
///     ai::Model               local:       openai:[MODEL]  http://HOST:PORT/v1  https://…
///     analytics::Sink         jsonl:PATH   ga4:?measurement_id=G-…   http://analytics-pod:3000
SchemeRegistry builtin_schemes(BuiltinOptions options = BuiltinOptions());

}  // namespace rwp
