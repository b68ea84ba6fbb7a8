#include "documents/reader/zip_parts.hpp"

#include <rwp/documents/trouble.hpp>

#include <algorithm>
#include <array>
#include <utility>
#include <zip.h>

namespace rwp::documents::reader {
namespace {

Error damaged() { return trouble_error(Trouble::damaged, "the archive is damaged or cut off"); }

}  // namespace

void ZipParts::Close::operator()(zip* archive) const { zip_discard(archive); }

Result<ZipParts> ZipParts::open(std::string_view content) {
  zip_error_t problem{};
  zip_error_init(&problem);
  zip_source_t* source = zip_source_buffer_create(content.data(), content.size(), 0, &problem);
  if (source == nullptr) return damaged();
  ZipParts parts;
  parts.archive_.reset(zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &problem));
  if (!parts.archive_) {
    zip_source_free(source);
    return damaged();
  }
  const zip_int64_t count = zip_get_num_entries(parts.archive_.get(), 0);
  if (count > static_cast<zip_int64_t>(kMaxParts)) {
    return trouble_error(Trouble::too_complex,
                         "the archive has " + std::to_string(count) + " parts");
  }
  for (zip_int64_t i = 0; i < count; ++i) {
    const char* name = zip_get_name(parts.archive_.get(), static_cast<zip_uint64_t>(i), 0);
    parts.names_.emplace_back(name == nullptr ? "" : name);
  }
  return parts;
}

bool ZipParts::has(std::string_view name) const {
  return std::find(names_.begin(), names_.end(), name) != names_.end();
}

Result<std::string> ZipParts::unpack(const std::string& name) {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) return trouble_error(Trouble::damaged, "a part is missing");
  const auto index = static_cast<zip_uint64_t>(found - names_.begin());
  zip_stat_t stat{};
  zip_stat_init(&stat);
  if (zip_stat_index(archive_.get(), index, 0, &stat) != 0) return damaged();
  if ((stat.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && stat.encryption_method != ZIP_EM_NONE) {
    return trouble_error(Trouble::encrypted, "the archive can only be opened with a password");
  }
  const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> file(
      zip_fopen_index(archive_.get(), index, 0), &zip_fclose);
  if (!file) return damaged();
  std::string content;
  std::array<char, 65'536> block{};
  for (;;) {
    const zip_int64_t got = zip_fread(file.get(), block.data(), block.size());
    if (got < 0) return damaged();  // A checksum that differs, too.
    if (got == 0) return content;
    unpacked_bytes_ += static_cast<std::size_t>(got);
    if (unpacked_bytes_ > kMaxUnpackedBytes) {
      return trouble_error(Trouble::too_complex, "the archive swells to more than " +
                                                     std::to_string(kMaxUnpackedBytes >> 20U) +
                                                     " MiB when unpacked");
    }
    content.append(block.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace rwp::documents::reader
