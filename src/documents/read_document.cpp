#include "documents/answer.hpp"
#include "documents/check_request.hpp"
#include "documents/load_document.hpp"
#include <rwp/core/child_process.hpp>
#include <rwp/documents/read_document.hpp>
#include <rwp/documents/trouble.hpp>

#include <array>
#include <utility>

namespace rwp::documents {
namespace {

using namespace std::string_view_literals;

ChildCommand reader_command(std::string program, std::size_t content_bytes, bool declared_html,
                            const Limits& limits) {
  ChildCommand command;
  command.program = std::move(program);
  command.arguments = {std::to_string(content_bytes), std::to_string(limits.max_text_bytes),
                       std::to_string(limits.max_pages), declared_html ? "html" : "other"};
  command.environment = {"LANG=C.UTF-8"};
  command.limits.max_memory_bytes = limits.max_memory_bytes;
  command.limits.max_cpu_time = limits.max_cpu_time;
  command.limits.max_open_files = 16;
  return command;
}

/// Libraries say so before they give up.
bool complains_of_memory(std::string_view errors) {
  constexpr std::array kWords{"ut of memory"sv, "bad_alloc"sv, "annot allocate memory"sv,
                              "failed to map segment"sv};
  for (const std::string_view words : kWords) {
    if (errors.find(words) != std::string_view::npos) return true;
  }
  return false;
}

Error out_of_memory(const Limits& limits) {
  return trouble_error(Trouble::out_of_memory, "reading the document needs more than " +
                                                   std::to_string(limits.max_memory_bytes >> 20U) +
                                                   " MiB of memory");
}

/// What it means that the reader has not answered.
Error judge(const ChildRun& run, const Limits& limits, bool from_file) {
  if (run.took_too_long) {
    return trouble_error(Trouble::out_of_time, "reading the document takes more than " +
                                                   std::to_string(limits.max_wall_time.count()) +
                                                   " ms");
  }
  if (run.wrote_too_much) {
    return trouble_error(Trouble::reader_crashed, "the reader wrote more than it may");
  }
  if (run.end.fate == ChildFate::out_of_cpu) {
    return trouble_error(Trouble::out_of_time, "reading the document takes more than " +
                                                   std::to_string(limits.max_cpu_time.count()) +
                                                   " s of processor time");
  }
  if (from_file && run.end.exit_code == kNoInputExit) {
    return Error(Errc::unavailable, "the document's file changed while it was read");
  }
  const bool memory = run.end.fate == ChildFate::out_of_memory ||
                      run.end.exit_code == kOutOfMemoryExit || complains_of_memory(run.errors);
  if (memory) return out_of_memory(limits);
  return trouble_error(Trouble::reader_crashed, "the reader " + run.end.describe());
}

void note_other_type(DocumentText& read, MediaType declared) {
  if (declared == MediaType::unknown || declared == read.media_type) return;
  read.warnings.push_back("declared " + std::string(to_string(declared)) + ", read as " +
                          std::string(to_string(read.media_type)));
}

}  // namespace

boost::asio::awaitable<Result<DocumentText>> read_document(DocumentRequest request,
                                                           ReaderOptions options) {
  if (auto checked = check_request(request); !checked) co_return checked.error();
  const Limits limits = request.limits;
  const auto declared = declared_media_type(request.media_type, request.file_name);
  auto document = load_document(request);
  if (!document) co_return document.error();
  auto program = find_reader(options);
  if (!program) co_return program.error();
  auto command =
      reader_command(std::move(*program), document->bytes, declared == MediaType::html, limits);
  command.input = document->file.descriptor();
  ChildRunOptions run_options;
  run_options.input = std::move(document->content);
  run_options.max_output_bytes = limits.max_text_bytes + kMaxAnswerHead;
  run_options.max_wall_time = limits.max_wall_time;
  auto running = run_child(std::move(command), std::move(run_options));
  auto run = co_await std::move(running);
  if (!run) co_return run.error().with_context("the document's reader");
  const bool ended_well = run->end.fate == ChildFate::exited && run->end.exit_code == 0 &&
                          !run->wrote_too_much && !run->took_too_long;
  if (!ended_well) {
    const Error error = judge(*run, limits, document->file.is_open());
    options.log.warn("a document's reader failed",
                     {{"end", run->end.describe()},
                      {"cpu_ms", run->end.cpu_time.count() / 1'000},
                      {"peak_memory_bytes", run->end.peak_memory_bytes},
                      {"error", error}});
    co_return error;
  }
  auto read = parse_answer(std::move(run->output), limits.max_text_bytes);
  if (!read && !trouble_of(read.error())) {
    co_return trouble_error(Trouble::reader_crashed, read.error().message());
  }
  if (read) note_other_type(*read, declared);
  co_return read;
}

}  // namespace rwp::documents
