#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/core/scheme_registry.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace rwp::ai_local {

/// The name under which the model answers; it never claims to be another.
inline constexpr const char* kLocalModelName = "rwp-local";

struct LocalModelOptions {
  /// Most bytes of user messages that one call analyses, which keeps the I/O thread free: 1 MiB
  /// takes some 0.3 s. More is `Errc::invalid_argument`.
  std::size_t max_input_bytes = std::size_t{256} << 10U;
  /// Size of an embedding when the request names none: 8 to 4,096.
  std::int64_t embedding_dimensions = 256;
  /// Skills of your own, which come before the built-in ones: lines of `name TAB category TAB
  /// patterns`, patterns divided by `|`; `=Excel` matches in this case only, `?Go` besides only
  /// near other skills. Empty: none.
  std::string extra_skills{};
};

/// A model without a network and without chance: what it answers stands in the text.
///
/// It reads the user's messages; system messages, the model's name and the temperature change
/// nothing. It calls no tools and sees no images: `Errc::unsupported` where an answer needs them.
/// - chat() without a schema answers the sentences that say most, then a line of key phrases.
/// - chat() with a schema answers a value that the schema accepts, filled by property name and type
///   where the text has it: title, summary, key_phrases, skills (names, or objects with name and
///   category), seniority, employment_type, salary {min, max, currency, period}, location, remote,
///   years_experience, education, quality_score, quality_reasons, off_putting_wording {phrase,
///   reason} and their common other names; null, empty or the first value allowed elsewhere. A
///   message that is a JSON object with a member "cv" or "resume" is read as a CV: name, emails,
///   phones, links, location, headline, summary, seniority, stated_years, skills {name, category,
///   level}, experience, education, certificates. One with objects "candidate" and "advert" is
///   compared: communication, team_fit, adaptability {score, reason}, summary.
///   `Errc::unsupported` names the spot of a schema for which it has no value.
/// - stream() hands out the same answer in pieces.
/// - embed() hashes words, pairs of words and letter groups: texts that share words are alike,
/// meaning
///   beyond that is not known. 8 to 4,096 dimensions.
/// Token counts are estimates of four bytes each. An answer that `max_output_tokens` does not hold
/// is cut (FinishReason::length), with a schema `Errc::invalid_argument`. Threads: as every Model;
/// an advertisement of 3 kB takes less than a millisecond. Making one builds the dictionary (some
/// 10 ms, some 3 MB): make one and share it.
std::shared_ptr<ai::Model> make_local_model(LocalModelOptions options = LocalModelOptions());

/// Adds `local:`. Query: `dimensions` (8 to 4096). `Errc::invalid_argument`: anything behind the
/// colon but a query.
void register_local(SchemeRegistry& registry);

}  // namespace rwp::ai_local
