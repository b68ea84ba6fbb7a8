// rwp-document-reader: reads one document from its standard input, writes its text to its standard
// output (src/documents/answer.hpp), and ends. Started by rwp::documents::read_document(), with
// limits; of no use by itself.
#include "documents/answer.hpp"
#include "documents/reader/sandbox.hpp"
#include "documents/reader/task.hpp"

#include <array>
#include <charconv>
#include <exception>
#include <iconv.h>
#include <new>
#include <string>
#include <string_view>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
// Its own check at the end needs what the sandbox has taken; and it dies as without a sanitizer.
extern "C" const char* __asan_default_options() {
  return "detect_leaks=0:allocator_may_return_null=1:quarantine_size_mb=16";
}
#endif

namespace {

using namespace rwp;             // NOLINT(google-build-using-namespace): a program's main source
using namespace rwp::documents;  // NOLINT(google-build-using-namespace): as above

constexpr int kUsage = 64;
constexpr int kNoOutput = 74;
constexpr int kNoSandbox = 71;

[[noreturn]] void end_without_memory() { _exit(kOutOfMemoryExit); }

std::optional<std::size_t> number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool read_input(std::string& content, std::size_t size) {
  content.reserve(size);
  std::array<char, 65'536> block{};
  for (;;) {
    const ssize_t got = read(STDIN_FILENO, block.data(), block.size());
    if (got < 0) return false;
    if (got == 0) return content.size() == size;
    content.append(block.data(), static_cast<std::size_t>(got));
    if (content.size() > size) return false;
  }
}

bool write_output(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (put < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

/// What the C library loads when it is first asked, and cannot load from within the sandbox.
void load_converters() {
  for (const auto& [to, from] : {std::pair{"UTF-8", "UTF-16"}, std::pair{"UTF-16", "UTF-8"},
                                 std::pair{"UTF-8", "UTF-16LE"}, std::pair{"UTF-16LE", "UTF-8"}}) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): how iconv says that there is none
    if (iconv_t made = iconv_open(to, from); made != reinterpret_cast<iconv_t>(-1)) {
      iconv_close(made);
    }
  }
}

Result<DocumentText> read_guarded(const reader::Task& task) {
  try {
    return reader::read_any(task);
  } catch (const std::bad_alloc&) {
    end_without_memory();
  } catch (const std::exception&) {
    return trouble_error(Trouble::damaged, "its reader gave it up");
  }
}

}  // namespace

// rwp-document-reader CONTENT_BYTES MAX_TEXT_BYTES MAX_PAGES html|other
int main(int argc, char** argv) {
  std::set_new_handler(&end_without_memory);
  if (argc != 5) return kUsage;
  const auto content_bytes = number(argv[1]);
  const auto max_text_bytes = number(argv[2]);
  const auto max_pages = number(argv[3]);
  if (!content_bytes || !max_text_bytes || !max_pages) return kUsage;
  std::string content;
  if (!read_input(content, *content_bytes)) return kNoInputExit;
  load_converters();
  if (!reader::enter_sandbox()) return kNoSandbox;
  const reader::Task task{.content = content,
                          .declared_html = std::string_view(argv[4]) == "html",
                          .max_text_bytes = *max_text_bytes,
                          .max_pages = *max_pages};
  const bool written = write_output(write_answer(read_guarded(task)));
  // Without the libraries' own ends, which have nothing left to do.
  _exit(written ? 0 : kNoOutput);
}
