#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rwp::ai_local {

/// Words of an advertisement that may put candidates off, as they stand there, and why.
struct OffPuttingWording {
  std::string phrase{};
  std::string reason{};
};

/// Looks for exclusive, aggressive and worn-out wording, excessive demands, gendered pronouns and
/// shouting; each kind once, in the order of the text. `folded` is the folded `text`.
std::vector<OffPuttingWording> find_off_putting_wording(std::string_view text,
                                                        std::string_view folded);

}  // namespace rwp::ai_local
