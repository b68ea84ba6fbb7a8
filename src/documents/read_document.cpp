#include "documents/check_request.hpp"
#include "documents/plain_text.hpp"
#include "documents/sniff.hpp"
#include <rwp/documents/read_document.hpp>
#include <rwp/documents/trouble.hpp>

#include <fstream>
#include <iterator>
#include <utility>

namespace rwp::documents {
namespace {

Result<std::string> load(const DocumentRequest& request) {
  if (!request.content.empty() || request.path.empty()) return request.content;
  std::ifstream file(request.path, std::ios::binary);
  if (!file) return Error(Errc::not_found, "no readable file: " + request.path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace

boost::asio::awaitable<Result<DocumentText>> read_document(DocumentRequest request,
                                                           ReaderOptions options) {
  (void)options;
  if (auto checked = check_request(request); !checked) co_return checked.error();
  auto content = load(request);
  if (!content) co_return content.error();
  if (content->size() > request.limits.max_document_bytes) {
    co_return trouble_error(Trouble::too_large, "the document has more bytes than are read");
  }
  const auto declared = declared_media_type(request.media_type, request.file_name);
  const Sniffed sniffed = sniff(*content, declared == MediaType::html);
  switch (sniffed.kind) {
    case Kind::empty:
      co_return trouble_error(Trouble::empty, "the document has no bytes");
    case Kind::text:
      co_return read_plain_text(*content, request.limits);
    default:
      break;
  }
  co_return trouble_error(Trouble::unsupported_type,
                          "this is " + std::string(sniffed.name) + ", which is not read here");
}

}  // namespace rwp::documents
