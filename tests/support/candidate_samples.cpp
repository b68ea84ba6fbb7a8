#include "support/candidate_samples.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

namespace rwp::tests {

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) ADD_FAILURE() << "cannot read " << path;
  std::ostringstream content;
  content << in.rdbuf();
  return content.str();
}

std::vector<CandidateSample> candidate_samples() {
  const std::filesystem::path folder = std::filesystem::path(RWP_EXAMPLES_DATA) / "candidates";
  std::vector<CandidateSample> samples;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    CandidateSample sample;
    sample.name = entry.path().stem().string();
    sample.text = read_file((folder / (sample.name + ".txt")).string());
    auto json = JsonText::parse(read_file(entry.path().string()));
    auto expected =
        json ? decode<ExpectedCandidate>(*json) : Result<ExpectedCandidate>(json.error());
    if (!expected) {
      ADD_FAILURE() << sample.name << ": " << expected.error().message();
      continue;
    }
    sample.expected = std::move(*expected);
    samples.push_back(std::move(sample));
  }
  std::sort(samples.begin(), samples.end(),
            [](const auto& left, const auto& right) { return left.name < right.name; });
  return samples;
}

std::vector<recruitment::JobAd> read_adverts(const std::string& path) {
  std::vector<recruitment::JobAd> adverts;
  std::istringstream lines(read_file(path));
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    auto json = JsonText::parse(std::move(line));
    auto ad = json ? decode<recruitment::JobAd>(*json) : Result<recruitment::JobAd>(json.error());
    if (!ad) {
      ADD_FAILURE() << path << ": " << ad.error().message();
      continue;
    }
    adverts.push_back(std::move(*ad));
  }
  return adverts;
}

}  // namespace rwp::tests
