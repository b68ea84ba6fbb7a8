#pragma once

#include <rwp/testing/fake_openai.hpp>

#include <optional>
#include <vector>

namespace fake_openai {

struct Parsed {
  rwp::testing::FakeOpenAiOptions options{};
  std::vector<rwp::testing::FakeStep> script{};
  /// Set: say no more and end with it.
  std::optional<int> exit_code{};
};

/// Reads the flags; tells on standard error what is wrong with them.
Parsed parse(int argc, char** argv);

}  // namespace fake_openai
