#pragma once

#include "pods/ai_tenants.hpp"
#include <rwp/ai/model.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>
#include <rwp/storage/object_store.hpp>

#include <memory>

namespace rwp::pods {

/// Keeps what goes to a model and what it answers, of tenants that ask for it, as objects
/// "ai-results/TENANT/SUBJECT/SHA256.json" ("-" for no tenant; of a call about nobody in particular
/// the day, "2026-11-26"), whose names tell the digest of their content. Stands around each model
/// itself, so that what redaction took out is not in it, and what a cache answers makes none.
///
/// Written beside the call, which does not wait; an object that cannot be written, or comes while
/// 256 others are under way, is lost, counted (`rwp_ai_artefacts_lost_total`) and logged.
std::shared_ptr<ai::Model> keep_artefacts(std::shared_ptr<ai::Model> inner,
                                          std::shared_ptr<storage::ObjectStore> objects,
                                          std::shared_ptr<AiTenants> tenants,
                                          observability::Logger log,
                                          std::shared_ptr<observability::Metrics> metrics);

}  // namespace rwp::pods
