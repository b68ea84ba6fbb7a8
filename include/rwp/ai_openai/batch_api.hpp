#pragma once

#include <rwp/ai/batch_api.hpp>
#include <rwp/ai/batch_format.hpp>
#include <rwp/ai_openai/openai_options.hpp>
#include <rwp/core/error.hpp>
#include <rwp/net/http_transport.hpp>

#include <memory>

namespace rwp::ai_openai {

/// Files and batches of OpenAI, or of a server that speaks its protocol (an AI pod).
///
/// Reads are repeated as OpenAiModel repeats its calls. What makes something is repeated only after
/// 429, which made nothing. `Errc::unsupported`: the dialect has no batches.
/// `Errc::invalid_argument` names the option and its rule.
Result<std::shared_ptr<ai::BatchApi>> make_openai_batch_api(
    std::shared_ptr<net::HttpTransport> transport, OpenAiOptions options = OpenAiOptions());

/// How chat completions stand in the lines of a batch's files. `Errc::invalid_argument` names the
/// option and its rule; `model` must not be empty.
Result<std::shared_ptr<const ai::BatchFormat>> make_openai_batch_format(
    OpenAiOptions options = OpenAiOptions());

}  // namespace rwp::ai_openai
