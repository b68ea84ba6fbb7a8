#include "pods/jobadder/removal.hpp"

#include "pods/forgotten.hpp"
#include <rwp/recruitment/parse.hpp>
#include <rwp/storage/listing.hpp>

#include <utility>
#include <vector>

namespace rwp::pods {

using jobs::Awaitable;

std::string jobadder_upload_folder(const std::string& tenant, std::int64_t candidate_id) {
  return "uploads/" + (tenant.empty() ? std::string() : tenant + "/") +
         jobadder_candidate_id(candidate_id) + "/";
}

Awaitable<Result<void>> remove_candidate(SharedJobAdderParts parts, std::string tenant,
                                         std::int64_t candidate_id) {
  const std::string id = jobadder_candidate_id(candidate_id);
  const auto held = co_await parts->forgotten->holds(tenant, id);
  if (!held) co_return held.error();
  // First, so that what is written meanwhile is refused.
  if (!*held) {
    auto added = co_await parts->forgotten->add(tenant, id);
    if (!added) co_return added.error();
    parts->log.info("a candidate whom JobAdder has deleted is removed here, too");
  }
  auto removed = co_await remove_for_good(parts->objects, recruitment::candidate_key(tenant, id));
  if (!removed) co_return removed.error();
  std::vector<std::string> keys;
  storage::Listing listing(parts->objects, jobadder_upload_folder(tenant, candidate_id));
  while (true) {
    const auto entry = co_await listing.next();
    if (!entry) co_return entry.error();
    if (!*entry) break;
    keys.push_back((*entry)->key);
  }
  for (auto& key : keys) {
    removed = co_await remove_for_good(parts->objects, std::move(key));
    if (!removed) co_return removed.error();
  }
  co_return Result<void>();
}

}  // namespace rwp::pods
