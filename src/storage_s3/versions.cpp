#include "storage_s3/operations.hpp"
#include "storage_s3/xml.hpp"

#include <utility>

namespace rwp::storage::s3 {
namespace {

/// Of a thousand versions each.
constexpr int kMostRounds = 1'000;

/// Where a server keeps no versions.
boost::asio::awaitable<Result<std::size_t>> purge_plain(std::shared_ptr<Client> client,
                                                        std::string key, std::string shown) {
  auto looking = head_object(client, key, shown);
  const auto found = co_await std::move(looking);
  if (!found && found.error().code() == Errc::not_found) co_return std::size_t{0};
  if (!found) co_return found.error();
  auto deleting = delete_object(client, std::move(key), std::move(shown));
  const auto deleted = co_await std::move(deleting);
  if (!deleted) co_return deleted.error();
  co_return std::size_t{1};
}

}  // namespace

boost::asio::awaitable<Result<std::size_t>> purge_object(std::shared_ptr<Client> client,
                                                         std::string key, std::string shown) {
  std::size_t versions = 0;
  for (int round = 0; round < kMostRounds; ++round) {
    Call call;
    call.query.emplace_back("versions", "");
    call.query.emplace_back("encoding-type", "url");
    // Longer keys that begin with this one come behind it.
    call.query.emplace_back("prefix", key);
    auto sending = client->send(std::move(call));
    const auto answer = co_await std::move(sending);
    if (!answer) co_return answer.error().with_context(shown);
    if (answer->fault && answer->fault->status == 501) {
      auto purging = purge_plain(client, std::move(key), std::move(shown));
      co_return co_await std::move(purging);
    }
    if (answer->fault) co_return to_error(*answer->fault, "versions of " + shown);
    const auto document = parse_xml(answer->response.body);
    if (!document) co_return document.error().with_context(shown);
    std::vector<Doomed> doomed;
    for (const XmlElement& one : document->children) {
      if (one.name != "Version" && one.name != "DeleteMarker") continue;
      if (url_decoded(one.value("Key")) != key) continue;
      if (one.name == "Version") ++versions;
      doomed.push_back({.key = key, .version = std::string(one.value("VersionId"))});
    }
    if (doomed.empty()) co_return versions;
    auto deleting = delete_objects(client, std::move(doomed));
    const auto deleted = co_await std::move(deleting);
    for (const auto& one : deleted) {
      if (!one) co_return one.error();
    }
  }
  co_return Error(Errc::unavailable, "versions of " + shown + " go on to come");
}

}  // namespace rwp::storage::s3
