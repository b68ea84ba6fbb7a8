#include "pods/ctl/context.hpp"
#include "pods/ctl/progress.hpp"
#include "pods/time_text.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/pods/ctl.hpp>
#include <rwp/storage/artefact.hpp>
#include <rwp/storage/listing.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

namespace rwp::pods::ctl {
namespace {

using storage::ObjectStore;

struct CloseFile {
  void operator()(std::FILE* file) const noexcept { (void)std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

Result<std::shared_ptr<ObjectStore>> open_objects(Context& context) {
  const auto& url = context.configuration().objects_url;
  const auto path = file_path_of(url);
  std::error_code code;
  // A slip in the path would else make an empty store.
  if (!path.empty() && context.options.command != Command::objects_put &&
      !std::filesystem::exists(path, code)) {
    return Error(Errc::not_found,
                 "no object store at '" + path + "'; --objects-url or RWP_OBJECTS_URL names it");
  }
  return context.schemes.open<ObjectStore>(url, context.runtime);
}

/// The one key that a command takes.
Result<std::string> key_of(const Context& context) {
  const auto& names = context.options.names;
  if (names.size() == 1) return names.front();
  return Error(Errc::invalid_argument, "names one object: its key, such as reports/a.html");
}

Result<std::string> prefix_of(const Context& context) {
  const auto& names = context.options.names;
  if (names.empty()) return std::string();
  if (names.size() == 1) return names.front();
  return Error(Errc::invalid_argument, "takes one prefix; without it, all objects");
}

JsonText entry_json(const storage::ListEntry& entry) {
  JsonWriter out;
  out.begin_object()
      .member("key", entry.key)
      .member("size_bytes", entry.size_bytes)
      .member("modified_at", to_rfc3339(entry.modified_at))
      .end_object();
  return out.finish();
}

JsonText info_json(const std::string& key, const storage::ObjectInfo& info) {
  JsonWriter out;
  out.begin_object()
      .member("key", key)
      .member("size_bytes", info.size_bytes)
      .member("etag", info.etag)
      .member("content_type", info.content_type)
      .member("modified_at", to_rfc3339(info.modified_at));
  out.key("metadata").begin_object();
  for (const auto& [name, value] : info.metadata) out.member(name, value);
  out.end_object().end_object();
  return out.finish();
}

Error file_error(const std::string& path) {
  const Errc code = errno == ENOENT ? Errc::not_found : Errc::permission_denied;
  return Error(code, "file '" + path + "': " + std::strerror(errno));
}

/// The file's next bytes; blocks.
Result<std::string> read_piece(std::FILE* file, const std::string& path) {
  constexpr std::size_t kPieceBytes = std::size_t{1} << 20U;
  std::string piece(kPieceBytes, '\0');
  piece.resize(std::fread(piece.data(), 1, piece.size(), file));
  if (std::ferror(file) != 0) return file_error(path);
  return piece;
}

Result<void> write_all(std::FILE* file, storage::ObjectReader& reader, Runtime& runtime,
                       const std::string& path) {
  ProgressBar bar("reading");
  std::uint64_t written = 0;
  while (true) {
    const auto piece = block_on(runtime, reader.read());
    if (!piece) return piece.error();
    if (piece->empty()) break;
    if (std::fwrite(piece->data(), 1, piece->size(), file) != piece->size()) {
      return file_error(path);
    }
    written += piece->size();
    bar.show(written, reader.info().size_bytes);
  }
  if (std::fflush(file) != 0) return file_error(path);
  return {};
}

Result<storage::UploadOptions> read_upload_options(const ObjectOptions& given) {
  storage::UploadOptions options;
  options.put.content_type = given.content_type;
  options.put.only_if_absent = given.only_if_absent;
  options.resumable = given.resume;
  for (const auto& pair : given.metadata) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos) {
      return Error(Errc::invalid_argument, "--meta '" + cell_text(pair) + "': must be NAME=VALUE");
    }
    options.put.metadata[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return options;
}

}  // namespace

int list_objects(Context& context) {
  const auto prefix = prefix_of(context);
  if (!prefix) return refuse(prefix.error().message());
  const auto limit = read_number("--limit", context.options.list.limit, 1, 1'000'000'000);
  if (!limit) return refuse(limit.error().message());
  auto store = open_objects(context);
  if (!store) return fail(context, store.error());
  std::vector<Column> columns;
  columns.push_back(member_column("KEY", "key", kUncut));
  columns.push_back(member_column("BYTES", "size_bytes"));
  columns.back().right = true;
  columns.push_back(member_column("MODIFIED", "modified_at"));
  context.out.begin_list("objects", std::move(columns));
  storage::Listing listing(*store, *prefix);
  std::size_t count = 0;
  bool more = false;
  while (true) {
    const auto entry = block_on(context.runtime, listing.next());
    if (!entry) return fail(context, entry.error());
    if (!*entry) break;
    more = !context.options.list.all && count == *limit;
    if (more) break;
    context.out.row(entry_json(**entry));
    ++count;
  }
  context.out.end_list({{"more", JsonText::trusted(more ? "true" : "false")}});
  if (more) context.out.line("there are more; --all shows them, --limit as many as you like");
  return kExitSuccess;
}

int get_object(Context& context) {
  const auto key = key_of(context);
  if (!key) return refuse("objects get " + key.error().message());
  const std::string& path = context.options.object.file;
  if (path.empty()) return refuse("--file: is missing: where to? - is standard output");
  auto store = open_objects(context);
  if (!store) return fail(context, store.error());
  auto reader = block_on(context.runtime, (*store)->open(*key));
  if (!reader) return fail(context, reader.error());
  if (path == "-") {
    auto written = write_all(stdout, **reader, context.runtime, path);
    return written ? kExitSuccess : fail(context, written.error());
  }
  // Whole or not at all.
  const std::string part = path + ".part";
  File file(std::fopen(part.c_str(), "wbe"));
  if (!file) return fail(context, file_error(part));
  auto written = write_all(file.get(), **reader, context.runtime, part);
  file.reset();
  if (written && std::rename(part.c_str(), path.c_str()) != 0) written = file_error(path);
  if (!written) {
    (void)std::remove(part.c_str());
    return fail(context, written.error());
  }
  context.out.object(info_json(*key, (*reader)->info()));
  return kExitSuccess;
}

int put_object(Context& context) {
  const auto key = key_of(context);
  if (!key) return refuse("objects put " + key.error().message());
  const std::string& path = context.options.object.file;
  if (path.empty()) return refuse("--file: is missing: what is to be put? - is standard input");
  auto options = read_upload_options(context.options.object);
  if (!options) return refuse(options.error().message());
  auto store = open_objects(context);
  if (!store) return fail(context, store.error());
  File opened(path == "-" ? nullptr : std::fopen(path.c_str(), "rbe"));
  if (path != "-" && !opened) return fail(context, file_error(path));
  std::FILE* const file = opened ? opened.get() : stdin;
  std::error_code code;
  const auto size = std::filesystem::file_size(path, code);
  if (!code) options->size_bytes = size;
  storage::PieceSource source = [file, path, pool = context.runtime.blocking()] {
    auto work = [file, path] { return read_piece(file, path); };
    return run_blocking(pool, std::move(work));
  };
  const auto stored =
      block_on(context.runtime, (*store)->upload(*key, std::move(source), std::move(*options)));
  if (!stored) return fail(context, stored.error());
  context.out.object(info_json(*key, *stored));
  return kExitSuccess;
}

int verify_object_digests(Context& context) {
  const auto prefix = prefix_of(context);
  if (!prefix) return refuse(prefix.error().message());
  auto store = open_objects(context);
  if (!store) return fail(context, store.error());
  std::vector<Column> columns;
  columns.push_back(member_column("FOUND", "kind"));
  columns.push_back(member_column("KEY", "key", kUncut));
  columns.push_back(member_column("DETAIL", "detail", kUncut));
  context.out.begin_list("findings", std::move(columns));
  storage::Listing listing(*store, *prefix);
  ProgressBar bar("verifying");
  std::uint64_t seen = 0;
  std::uint64_t with_digest = 0;
  std::uint64_t findings = 0;
  while (true) {
    const auto entry = block_on(context.runtime, listing.next());
    if (!entry) return fail(context, entry.error());
    if (!*entry) break;
    const std::string& key = (*entry)->key;
    const auto digest = block_on(context.runtime, storage::read_digest(*store, key));
    ++seen;
    const bool has_name = digest && !digest->named.empty();
    if (has_name) ++with_digest;
    bar.show(seen, 0);
    std::string detail;
    if (!digest && digest.error().code() == Errc::corrupt) {
      detail = digest.error().message();
    } else if (!digest && digest.error().code() != Errc::not_found) {
      return fail(context, digest.error());
    } else if (has_name && digest->named != digest->found) {
      detail = "its content has the SHA-256 " + digest->found;
    }
    if (detail.empty()) continue;
    ++findings;
    bar.clear();
    JsonWriter out;
    out.begin_object()
        .member("kind", "object_corrupt")
        .member("key", key)
        .member("detail", detail)
        .end_object();
    context.out.row(out.finish());
  }
  JsonWriter summary;
  summary.begin_object()
      .member("objects", seen)
      .member("with_digest", with_digest)
      .member("findings", findings)
      .end_object();
  context.out.end_list({{"summary", summary.finish()}});
  context.out.line(std::to_string(seen) + " objects, " + std::to_string(with_digest) +
                   " that say their digest: " +
                   (findings == 0 ? "nothing is wrong" : std::to_string(findings) + " findings"));
  return findings == 0 ? kExitSuccess : kExitFindings;
}

}  // namespace rwp::pods::ctl
