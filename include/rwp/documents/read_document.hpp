#pragma once

#include <rwp/core/error.hpp>
#include <rwp/observability/log.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Text out of documents that come from strangers: PDF, DOCX, HTML and plain text.
namespace rwp::documents {

enum class MediaType : std::uint8_t { unknown, plain_text, html, pdf, docx };

/// "text/plain", "text/html", "application/pdf", …; "application/octet-stream" when unknown.
std::string_view to_string(MediaType type) noexcept;

/// The type a media type's name (parameters are ignored) or a file's name declares.
MediaType declared_media_type(std::string_view media_type, std::string_view file_name) noexcept;

/// What one document may cost. Zero is no valid value of any.
struct Limits {
  /// Of the document. Default 32 MiB, at most 256 MiB.
  std::size_t max_document_bytes = std::size_t{32} << 20;
  /// Of the text, as UTF-8. Default 4 MiB, at most 64 MiB.
  std::size_t max_text_bytes = std::size_t{4} << 20;
  /// Of the reader's memory (address space). Default 1 GiB, at least 64 MiB.
  std::size_t max_memory_bytes = std::size_t{1} << 30;
  /// Of processor time. Default 20 s; whole seconds, rounded up.
  std::chrono::seconds max_cpu_time{20};
  /// From start to end. Default 60 s.
  std::chrono::milliseconds max_wall_time{60'000};
  /// Pages that are read of a PDF; a longer one is `Trouble::too_complex`. Default 2,000.
  std::size_t max_pages = 2'000;
};

/// One document; either its bytes or its file.
struct DocumentRequest {
  /// The document itself.
  std::string content{};
  /// A readable file; used when `content` is empty. This process opens it, the reader reads it.
  std::string path{};
  /// What its sender calls it; both may be empty. They decide between plain text and HTML where the
  /// bytes do not, and nothing else: a document is read as what it is.
  std::string media_type{};
  std::string file_name{};
  Limits limits{};
};

struct DocumentText {
  /// UTF-8 without control characters but line feeds and tabs. Lines are kept as lines, paragraphs
  /// are apart by an empty line, the cells of a table's row by tabs.
  std::string text{};
  /// What the document was found to be.
  MediaType media_type = MediaType::unknown;
  /// Of a PDF; 1 for the others.
  std::size_t pages = 1;
  /// For people, such as "declared application/pdf, read as text/html". At most 16.
  std::vector<std::string> warnings{};
};

struct ReaderOptions {
  /// The reader program. Empty: `rwp-document-reader` in the folder of this process's executable,
  /// in
  /// `../libexec` beside it, or where this library was told to install it, in this order.
  std::string program{};
  observability::Logger log{};
};

/// Reads the document in a child process of its own, which has no network, no files and no
/// environment, and ends at the limits (docs/isolation.md).
///
/// Errors: those of `Trouble`; `Errc::invalid_argument` (limits out of range, neither content nor
/// path), `Errc::not_found` (no such file), `Errc::cancelled`, which ends the child at once.
/// Threads: runs on the awaiting coroutine's executor, an I/O thread, which it does not block.
boost::asio::awaitable<Result<DocumentText>> read_document(DocumentRequest request,
                                                           ReaderOptions options = ReaderOptions());

}  // namespace rwp::documents
