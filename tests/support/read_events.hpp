#pragma once

#include <rwp/analytics/event.hpp>
#include <rwp/core/json_text.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace rwp::tests {

/// The events of a file of JSON lines; a line that is none fails the test, as does a last one
/// without its end.
inline std::vector<analytics::Event> read_events(const std::filesystem::path& path) {
  std::vector<analytics::Event> events;
  std::ifstream file(path, std::ios::binary);
  std::string line;
  while (std::getline(file, line)) {
    EXPECT_FALSE(file.eof()) << "the last line has no end: " << line;
    const auto json = JsonText::parse(line);
    EXPECT_TRUE(json.has_value()) << line;
    if (!json) continue;
    const auto event = analytics::event_from_json(*json);
    EXPECT_TRUE(event.has_value()) << line;
    if (event) events.push_back(*event);
  }
  return events;
}

}  // namespace rwp::tests
