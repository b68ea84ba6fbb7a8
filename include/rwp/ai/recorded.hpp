#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/ai/redacted.hpp>
#include <rwp/core/error.hpp>

#include <memory>
#include <string>

/// Calls recorded once against a real model, and replayed without it: for tests, and as bug
/// reports.
///
/// A cassette has one JSON object a line: the operation, the request's key (call_key.hpp), model
/// and texts, and what was answered, or the error. Personal data stand in it as placeholders
/// (redacted.hpp); images and extra fields are not kept, but count in the key. What redaction does
/// not find is kept as it is: look at a cassette before it is handed on.
///
/// (net's recording transport keeps HTTP exchanges with their bodies as they are, for tests of
/// what speaks HTTP; this keeps calls of any model, without personal data.)
namespace rwp::ai {

/// Asks `model`, and appends each call and its outcome to the file at `path`. What is personal
/// leaves as placeholders, as with make_redacted(). For tests and reports: it writes on the I/O
/// thread. `Errc::unavailable`: the file cannot be opened.
Result<std::shared_ptr<Model>> make_recorded(std::shared_ptr<Model> model, const std::string& path,
                                             RedactOptions options = RedactOptions());

/// Answers the calls of a cassette: the same request is answered in the recorded order, each answer
/// once; a stream in one piece. `Errc::not_found`: nothing (more) was recorded for such a request.
/// Errors of opening: `Errc::not_found`, and `Errc::corrupt` with the number of the line.
Result<std::shared_ptr<Model>> open_replayed(const std::string& path,
                                             RedactOptions options = RedactOptions());

}  // namespace rwp::ai
