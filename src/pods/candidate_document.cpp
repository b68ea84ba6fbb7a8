#include "pods/candidate_document.hpp"

#include "pods/base64.hpp"
#include <rwp/documents/read_document.hpp>

#include <cstddef>
#include <utility>

namespace rwp::pods {

jobs::Awaitable<Result<CvText>> read_cv_text(HandlerParts parts,
                                             recruitment::CandidateSource source) {
  CvText cv;
  if (!source.document) {
    cv.text = std::move(source.text);
    cv.document.media_type = "text/plain";
    co_return cv;
  }
  documents::DocumentRequest request;
  // More is no CV; the reader stops there.
  request.limits.max_text_bytes = std::size_t{1} << 20U;
  request.media_type = std::move(source.document->media_type);
  request.file_name = std::move(source.document->file_name);
  if (source.document->object.empty()) {
    auto bytes = decode_base64(source.document->content_base64);
    if (!bytes) co_return bytes.error().with_context("document.content_base64");
    request.content = std::move(*bytes);
  } else {
    auto bytes = co_await parts.objects->get(source.document->object);
    if (!bytes) {
      if (bytes.error().retryable()) parts.trouble->note("object store", bytes.error());
      co_return bytes.error().with_context("document.object");
    }
    request.content = std::move(*bytes);
  }
  if (request.content.empty()) {
    co_return Error(Errc::invalid_argument, "document: the file is empty");
  }
  documents::ReaderOptions options;
  auto read = co_await documents::read_document(std::move(request), std::move(options));
  if (!read) co_return read.error().with_context("document");
  cv.text = std::move(read->text);
  cv.document.media_type = std::string(documents::to_string(read->media_type));
  cv.document.pages = static_cast<int>(read->pages);
  cv.document.warnings = std::move(read->warnings);
  co_return cv;
}

}  // namespace rwp::pods
