#include "ai_batch/look_up.hpp"

#include <algorithm>
#include <utility>

namespace rwp::ai_batch {
namespace {

using boost::asio::awaitable;

constexpr int kMostPages = 20;

}  // namespace

awaitable<Result<std::vector<ai::Batch>>> find_batches(std::shared_ptr<ai::BatchApi> api,
                                                       std::string id, SteadyTime deadline) {
  std::vector<ai::Batch> found;
  ai::PageQuery query;
  query.deadline = deadline;
  for (int pages = 0; pages < kMostPages; ++pages) {
    auto page = co_await api->list(query);
    if (!page) co_return page.error();
    for (auto& batch : page->items) {
      query.after = batch.id;
      const auto ours = batch.metadata.find(kIdName);
      if (ours != batch.metadata.end() && ours->second == id) found.push_back(std::move(batch));
    }
    if (!page->has_more || page->items.empty()) break;
  }
  std::reverse(found.begin(), found.end());
  co_return found;
}

awaitable<Result<std::vector<ai::ProviderFile>>> find_files(std::shared_ptr<ai::BatchApi> api,
                                                            std::string filename,
                                                            SteadyTime deadline) {
  std::vector<ai::ProviderFile> found;
  ai::PageQuery query;
  query.deadline = deadline;
  for (int pages = 0; pages < kMostPages; ++pages) {
    auto page = co_await api->files("batch", query);
    if (!page) co_return page.error();
    for (auto& file : page->items) {
      query.after = file.id;
      if (file.filename == filename) found.push_back(std::move(file));
    }
    if (!page->has_more || page->items.empty()) break;
  }
  std::reverse(found.begin(), found.end());
  co_return found;
}

}  // namespace rwp::ai_batch
