#pragma once

#include "pods/ai_waiting.hpp"
#include "pods/trouble.hpp"
#include <rwp/ai/model.hpp>
#include <rwp/analytics/sink.hpp>
#include <rwp/core/describe.hpp>
#include <rwp/jobs/worker.hpp>
#include <rwp/storage/object_store.hpp>

#include <memory>
#include <string>
#include <tuple>

namespace rwp::pods {

/// What the handlers work with; all of it belongs to the handlers' runtime.
struct HandlerParts {
  std::shared_ptr<ai::Model> model{};
  std::shared_ptr<storage::ObjectStore> objects{};
  std::shared_ptr<analytics::Sink> sink{};
  std::shared_ptr<Trouble> trouble{};
  /// Null: no job waits for a batch.
  std::shared_ptr<const AiWaiting> waiting{};
};

/// The result of a job "job_ad.enrich"; the whole record is the object.
struct EnrichResult {
  std::string ad_id{};
  /// Key of the record in the object store.
  std::string object{};
  std::string model{};
  /// Name, version and digest of the prompt.
  std::string prompt{};
  std::string prompt_digest{};
  int quality_score = 0;
  int skills = 0;

  static constexpr auto describe() {
    return std::tuple{field("ad_id", &EnrichResult::ad_id),
                      field("object", &EnrichResult::object),
                      field("model", &EnrichResult::model),
                      field("prompt", &EnrichResult::prompt),
                      field("prompt_digest", &EnrichResult::prompt_digest),
                      field("quality_score", &EnrichResult::quality_score),
                      field("skills", &EnrichResult::skills)};
  }
};

/// "job_ad.enrich": enrich, store the record under the advert's key, emit the event
/// `job_ad_enriched` with the completion. A run that is repeated after a crash writes the same
/// object again; event and result take effect once.
void handle_enrichment(jobs::Worker& worker, HandlerParts parts);

/// Outbox jobs of the topic "analytics": delivered to the sink.
void handle_analytics_outbox(jobs::Worker& worker, HandlerParts parts);

}  // namespace rwp::pods
