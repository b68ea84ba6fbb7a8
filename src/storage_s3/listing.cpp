#include "storage_s3/operations.hpp"
#include "storage_s3/xml.hpp"

#include <charconv>
#include <utility>

namespace rwp::storage::s3 {
namespace {

/// Where the next page begins: behind this key, or this version of it.
struct Place {
  std::string key{};
  std::string version{};

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
    if (!after.key.empty()) call.query.emplace_back("start-after", after.key);
  }
  call.query.emplace_back("encoding-type", "url");
  call.query.emplace_back("max-keys", std::to_string(options.limit));
  call.query.emplace_back("prefix", folder + options.prefix);
  return call;
}

bool is_entry(const XmlElement& one) {
  return one.name == "Contents" || one.name == "Version" || one.name == "DeleteMarker";
}

/// Adds what is one of ours and not known yet; answers how far the page goes.
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
  return last;
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
  while (page.entries.empty()) {
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
    if (!with_removed) last.version.clear();
    if (last.key.empty() || last == after) {
      co_return Error(Errc::corrupt, shown + ": a page that is not the last is empty");
    }
    after = std::move(last);
  }
  page.next_cursor = page.entries.back().key;
  co_return page;
}

}  // namespace rwp::storage::s3
