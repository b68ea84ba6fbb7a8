#include "pods/forgotten.hpp"

#include "pods/event_text.hpp"
#include "pods/time_text.hpp"
#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/recruitment/candidate_source.hpp>
#include <rwp/recruitment/match_request.hpp>
#include <rwp/storage/listing.hpp>
#include <rwp/storage/object_versions.hpp>

#include <cassert>
#include <set>
#include <utility>

namespace rwp::pods {
namespace {

using jobs::Awaitable;

constexpr std::string_view kFolder = "forgotten/";
/// So many are asked for one by one.
constexpr std::size_t kFew = 8;

std::string key_of(std::string_view tenant, std::string_view candidate_id) {
  return std::string(kFolder) + subject_of(tenant, candidate_id) + ".json";
}

std::string text_of(const std::optional<JsonView>& value) {
  return value ? std::string(value->as_string().value_or("")) : std::string();
}

}  // namespace

std::string subject_of(std::string_view tenant, std::string_view candidate_id) {
  return candidate_id.empty() ? std::string() : pseudonym(tenant, candidate_id);
}

std::string candidate_in(std::string_view kind, const JsonText& payload) {
  const bool parses = kind == recruitment::CandidateSource::job_kind;
  if (!parses && kind != recruitment::MatchRequest::job_kind) return {};
  const JsonDocument document(payload);
  const JsonView root = document.root();
  if (root.kind() != JsonKind::object) return {};
  if (parses) return text_of(root.find("id"));
  auto id = text_of(root.find("candidate_id"));
  if (!id.empty()) return id;
  const auto candidate = root.find("candidate");
  if (!candidate || candidate->kind() != JsonKind::object) return {};
  return text_of(candidate->find("candidate_id"));
}

Forgotten::Forgotten(std::shared_ptr<storage::ObjectStore> objects) : objects_(std::move(objects)) {
  assert(objects_);
}

Awaitable<Result<bool>> Forgotten::holds(std::string tenant, std::string candidate_id) {
  if (candidate_id.empty()) co_return false;
  const auto found = co_await objects_->head(key_of(tenant, candidate_id));
  if (found) co_return true;
  if (found.error().code() == Errc::not_found) co_return false;
  co_return found.error().with_context("list of the forgotten").with_retryable(true);
}

Awaitable<Result<std::vector<bool>>> Forgotten::which(std::string tenant,
                                                      std::vector<std::string> candidate_ids) {
  std::vector<bool> answers(candidate_ids.size());
  if (candidate_ids.size() <= kFew) {
    for (std::size_t i = 0; i < candidate_ids.size(); ++i) {
      const auto held = co_await holds(tenant, candidate_ids[i]);
      if (!held) co_return held.error();
      answers[i] = *held;
    }
    co_return answers;
  }
  std::set<std::string, std::less<>> keys;
  storage::Listing listing(objects_, std::string(kFolder));
  while (true) {
    auto entry = co_await listing.next();
    if (!entry) {
      co_return entry.error().with_context("list of the forgotten").with_retryable(true);
    }
    if (!*entry) break;
    keys.insert(std::move((*entry)->key));
  }
  for (std::size_t i = 0; i < candidate_ids.size() && !keys.empty(); ++i) {
    answers[i] = !candidate_ids[i].empty() && keys.contains(key_of(tenant, candidate_ids[i]));
  }
  co_return answers;
}

Awaitable<Result<void>> Forgotten::add(std::string tenant, std::string candidate_id) {
  JsonWriter out;
  out.begin_object()
      .member("forgotten_at", to_rfc3339(std::chrono::system_clock::now()))
      .end_object();
  storage::PutOptions options;
  options.content_type = "application/json";
  options.only_if_absent = true;
  const auto put = co_await objects_->put(key_of(tenant, candidate_id), out.finish().release(),
                                          std::move(options));
  if (put || put.error().code() == Errc::already_exists) co_return Result<void>();
  co_return put.error().with_context("list of the forgotten");
}

Awaitable<Result<void>> Forgotten::remove(std::string tenant, std::string candidate_id) {
  co_return co_await objects_->remove(key_of(tenant, candidate_id));
}

Awaitable<Result<void>> remove_for_good(std::shared_ptr<storage::ObjectStore> objects,
                                        std::string key) {
  const auto purged = co_await storage::purge(objects, key);
  if (purged) co_return Result<void>();
  if (purged.error().code() != Errc::permission_denied) co_return purged.error();
  co_return co_await objects->remove(std::move(key));
}

Error forgotten_error() {
  return Error(Errc::permission_denied,
               "the candidate has been forgotten, by rwpctl forget, and nothing of theirs is kept");
}

}  // namespace rwp::pods
