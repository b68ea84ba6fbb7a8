#pragma once

#include <rwp/ai/batch_api.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/core/json_view.hpp>

#include <optional>
#include <string>

namespace rwp::ai_openai {

/// A file or a batch as the service says it; none when it is not one.
std::optional<ai::ProviderFile> read_file(JsonView object);
std::optional<ai::Batch> read_batch(JsonView object);

/// The body of POST /batches.
JsonText batch_json(const ai::BatchRequest& request);

/// The body of POST /files, in parts divided by `boundary`.
std::string file_form(const ai::FileUpload& upload, const std::string& boundary);

/// `Errc::invalid_argument` names the member and its rule.
Result<void> check_upload(const ai::FileUpload& upload);
Result<void> check_batch(const ai::BatchRequest& request);

}  // namespace rwp::ai_openai
