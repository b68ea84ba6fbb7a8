#include "documents/reader/task.hpp"
#include "documents/reader/text_builder.hpp"

#include <memory>
#include <poppler-document.h>
#include <poppler-global.h>
#include <poppler-page.h>
#include <string>

namespace rwp::documents::reader {
namespace {

/// Where a whole PDF says that it ends; the rest may be rubbish of a mailer.
constexpr std::size_t kTailBytes = 4'096;

void count_fault(const std::string& message, void* closure) {
  (void)message;  // It may quote the document.
  ++*static_cast<std::size_t*>(closure);
}

bool has_its_end(std::string_view content) {
  const std::string_view tail =
      content.substr(content.size() - std::min(content.size(), kTailBytes));
  return tail.find("%%EOF") != std::string_view::npos ||
         tail.find("startxref") != std::string_view::npos;
}

std::string to_text(const poppler::page& page) {
  const auto bytes =
      page.text(poppler::rectf(), poppler::page::non_raw_non_physical_layout).to_utf8();
  return std::string(bytes.begin(), bytes.end());
}

}  // namespace

Result<DocumentText> read_pdf(const Task& task) {
  std::size_t faults = 0;
  poppler::set_debug_error_function(&count_fault, &faults);
  const std::unique_ptr<poppler::document> document(poppler::document::load_from_raw_data(
      task.content.data(), static_cast<int>(task.content.size())));
  if (document && document->is_locked()) {
    return trouble_error(Trouble::encrypted, "the PDF can only be opened with a password");
  }
  if (!has_its_end(task.content)) {
    return trouble_error(Trouble::damaged, "the PDF is cut off: its end is missing");
  }
  if (!document) return trouble_error(Trouble::damaged, "the PDF cannot be opened: it is damaged");
  const int pages = document->pages();
  if (pages <= 0) return trouble_error(Trouble::damaged, "the PDF has no page that can be read");
  if (static_cast<std::size_t>(pages) > task.max_pages) {
    return trouble_error(Trouble::too_complex, "the PDF says it has " + std::to_string(pages) +
                                                   " pages; at most " +
                                                   std::to_string(task.max_pages) + " are read");
  }
  DocumentText read;
  read.media_type = MediaType::pdf;
  read.pages = 0;
  TextBuilder text(task.max_text_bytes);
  for (int i = 0; i < pages; ++i) {
    const std::unique_ptr<poppler::page> page(document->create_page(i));
    if (!page) continue;
    ++read.pages;
    text.gap();
    text.exact_text(to_text(*page));
    if (text.is_full()) return too_much_text(task);
  }
  if (read.pages == 0) {
    return trouble_error(Trouble::damaged, "the PDF has no page that can be read");
  }
  if (read.pages < static_cast<std::size_t>(pages)) {
    read.warnings.emplace_back("some pages cannot be read");
  }
  if (faults > 0) {
    read.warnings.push_back("the PDF has " + std::to_string(faults) +
                            " faults; text may be missing");
  }
  read.text = text.text();
  return read;
}

}  // namespace rwp::documents::reader
