#include <rwp/documents/trouble.hpp>

#include <array>

namespace rwp::documents {
namespace {

struct Entry {
  Trouble trouble;
  Errc code;
  std::string_view name;
};

constexpr std::array kEntries{
    Entry{Trouble::empty, Errc::invalid_argument, "document_empty"},
    Entry{Trouble::too_large, Errc::invalid_argument, "document_too_large"},
    Entry{Trouble::unsupported_type, Errc::unsupported, "document_unsupported_type"},
    Entry{Trouble::encrypted, Errc::unsupported, "document_encrypted"},
    Entry{Trouble::damaged, Errc::corrupt, "document_damaged"},
    Entry{Trouble::too_complex, Errc::invalid_argument, "document_too_complex"},
    Entry{Trouble::out_of_memory, Errc::budget_exceeded, "document_out_of_memory"},
    Entry{Trouble::out_of_time, Errc::deadline_exceeded, "document_out_of_time"},
    Entry{Trouble::reader_crashed, Errc::internal, "document_reader_crashed"},
    Entry{Trouble::reader_missing, Errc::unavailable, "document_reader_missing"},
};

}  // namespace

std::string_view to_string(Trouble trouble) noexcept {
  for (const Entry& entry : kEntries) {
    if (entry.trouble == trouble) return entry.name;
  }
  return "document_trouble";
}

Error trouble_error(Trouble trouble, std::string_view message) {
  Errc code = Errc::internal;
  for (const Entry& entry : kEntries) {
    if (entry.trouble == trouble) code = entry.code;
  }
  std::string text(to_string(trouble));
  text += ": ";
  text += message;
  return Error(code, std::move(text)).with_retryable(trouble == Trouble::reader_missing);
}

std::optional<Trouble> trouble_of(const Error& error) noexcept {
  return trouble_of(std::string_view(error.message()));
}

std::optional<Trouble> trouble_of(std::string_view message) noexcept {
  for (const Entry& entry : kEntries) {
    const std::size_t at = message.find(entry.name);
    if (at == std::string_view::npos) continue;
    const bool begins = at == 0 || message.substr(0, at).ends_with(": ");
    if (begins && message.substr(at + entry.name.size()).starts_with(": ")) return entry.trouble;
  }
  return std::nullopt;
}

}  // namespace rwp::documents
