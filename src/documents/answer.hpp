#pragma once

#include <rwp/core/error.hpp>
#include <rwp/documents/read_document.hpp>

#include <cstddef>
#include <string>
#include <string_view>

/// What the reader program answers: one line of JSON, then the text.
namespace rwp::documents {

/// Longest first line, its line feed included.
constexpr std::size_t kMaxAnswerHead = 16'384;
/// How the reader ends when an allocation fails.
constexpr int kOutOfMemoryExit = 86;
/// How the reader ends when its input is not as long as it was told.
constexpr int kNoInputExit = 66;

std::string write_answer(const Result<DocumentText>& read);

/// Trusts nothing: `Errc::corrupt` when the answer is not whole or no answer at all, for example
/// when its text is no UTF-8 or longer than `max_text_bytes`. An answer that tells of trouble is
/// that trouble's error.
Result<DocumentText> parse_answer(std::string answer, std::size_t max_text_bytes);

}  // namespace rwp::documents
