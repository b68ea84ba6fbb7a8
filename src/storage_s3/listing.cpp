#include "storage_s3/operations.hpp"
#include "storage_s3/xml.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace rwp::storage::s3 {
namespace {

/// Pages on which nothing is ours that one call reads.
constexpr int kMostPages = 10'000;

/// Where the next page begins: behind this key, or this version of it, or where the token says.
struct Place {
  std::string key{};
  std::string version{};
  std::string token{};

  bool operator==(const Place&) const = default;
};

Call page_call(const std::string& folder, const ListOptions& options, bool with_removed,
               const Place& after) {
  Call call;
  if (with_removed) {
    call.query.emplace_back("versions", "");
    if (!after.key.empty()) call.query.emplace_back("key-marker", after.key);
    if (!after.version.empty()) call.query.emplace_back("version-id-marker", after.version);
  } else {
    call.query.emplace_back("list-type", "2");
    if (!after.token.empty()) {
      call.query.emplace_back("continuation-token", after.token);
    } else if (!after.key.empty()) {
      call.query.emplace_back("start-after", after.key);
    }
  }
  call.query.emplace_back("encoding-type", "url");
  call.query.emplace_back("max-keys", std::to_string(options.limit));
  call.query.emplace_back("prefix", folder + options.prefix);
  return call;
}

bool is_entry(const XmlElement& one) {
  return one.name == "Contents" || one.name == "Version" || one.name == "DeleteMarker";
}

/// Adds what is one of ours and behind `behind`; answers how far the elements go.
Place take_entries(const XmlElement& document, const std::string& folder, ListPage& page,
                   const std::string& behind) {
  Place last;
  for (const XmlElement& one : document.children) {
    if (!is_entry(one)) continue;
    last.key = url_decoded(one.value("Key"));
    last.version = one.value("VersionId");
    // Further versions, which are older; what others have put may have keys that are none here.
    if (last.key == behind || !last.key.starts_with(folder)) continue;
    ListEntry entry{.key = last.key.substr(folder.size())};
    const bool is_known = !page.entries.empty() && page.entries.back().key == entry.key;
    if (is_known || !check_key(entry.key)) continue;
    const std::string_view size = one.value("Size");
    std::from_chars(size.data(), size.data() + size.size(), entry.size_bytes);
    const auto time = read_iso_time(one.value("LastModified"));
    entry.modified_at = time.value_or(entry.modified_at);
    page.entries.push_back(std::move(entry));
  }
  // Some servers tell of the versions first, and of what was removed behind them.
  const auto by_key = [](const ListEntry& a, const ListEntry& b) { return a.key < b.key; };
  if (!std::is_sorted(page.entries.begin(), page.entries.end(), by_key)) {
    std::stable_sort(page.entries.begin(), page.entries.end(), by_key);
    const auto same = [](const ListEntry& a, const ListEntry& b) { return a.key == b.key; };
    page.entries.erase(std::unique(page.entries.begin(), page.entries.end(), same),
                       page.entries.end());
  }
  return last;
}

/// Where the server says that it goes on; of one that does not say, behind the last element.
Place next_place(const XmlElement& document, bool with_removed, Place last) {
  Place next;
  if (!with_removed) {
    next.key = std::move(last.key);
    next.token = document.value("NextContinuationToken");
    return next;
  }
  const std::string_view marker = document.value("NextKeyMarker");
  // Ceph does not encode it, other than it says.
  next.key = marker == last.key ? last.key : url_decoded(marker);
  next.version = document.value("NextVersionIdMarker");
  return next.key.empty() ? last : next;
}

}  // namespace

std::string url_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] == '%' && i + 2 < text.size() &&
               std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16).ptr ==
                   text.data() + i + 3) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

boost::asio::awaitable<Result<ListPage>> list_objects(std::shared_ptr<Client> client,
                                                      std::string folder, ListOptions options,
                                                      bool with_removed) {
  const std::string shown = "listing of bucket " + client->address().bucket();
  ListPage page;
  Place after;
  if (!options.cursor.empty()) after.key = folder + options.cursor;
  const std::string behind = after.key;
  for (int pages = 0; page.entries.empty(); ++pages) {
    if (pages == kMostPages) co_return Error(Errc::corrupt, shown + " goes on and on");
    auto sending = client->send(page_call(folder, options, with_removed, after));
    const auto answer = co_await std::move(sending);
    if (!answer) co_return answer.error().with_context(shown);
    if (answer->fault && answer->fault->status == 501 && with_removed) {
      // A server that keeps no versions.
      with_removed = false;
      continue;
    }
    if (answer->fault) co_return to_error(*answer->fault, shown);
    const auto document = parse_xml(answer->response.body);
    if (!document) co_return document.error().with_context(shown);
    Place last = take_entries(*document, folder, page, behind);
    if (document->value("IsTruncated") != "true") co_return page;
    Place next = next_place(*document, with_removed, std::move(last));
    if ((next.key.empty() && next.token.empty()) || next == after) {
      co_return Error(Errc::corrupt, shown + ": a page that is not the last leads nowhere");
    }
    after = std::move(next);
  }
  page.next_cursor = page.entries.back().key;
  co_return page;
}

}  // namespace rwp::storage::s3
