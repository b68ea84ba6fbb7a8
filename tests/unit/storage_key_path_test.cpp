#include "storage_file/key_path.hpp"
#include <rwp/storage_file/file_object_store.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace rwp::storage {
namespace {

TEST(KeyPathTest, NamesThatPeopleLookForStayAsTheyAre) {
  EXPECT_EQ(object_file_path("objects", "reports/2026.html"), "objects/reports/2026.html");
  EXPECT_EQ(object_file_path("./objects/", "a.txt"), "./objects/a.txt");
  EXPECT_EQ(object_file_path("/", "a.txt"), "/a.txt");
}

TEST(KeyPathTest, MarksTellFilesFromFolders) {
  EXPECT_EQ(object_file_path("r", "a"), "r/a@");
  EXPECT_EQ(object_file_path("r", "v1.2/x"), "r/v1.2+/x@");
  EXPECT_EQ(object_file_path("r", ".hidden/.x"), "r/.hidden+/.x@");
}

/// All texts of up to four of the characters that matter.
std::set<std::string> all_segments() {
  std::set<std::string> segments{""};
  for (int length = 0; length < 4; ++length) {
    for (const std::string& shorter : std::set<std::string>(segments)) {
      for (const char c : {'a', '.', '@', '+'}) segments.insert(shorter + c);
    }
  }
  segments.erase("");
  segments.erase(".");
  segments.erase("..");
  return segments;
}

TEST(KeyPathTest, NoTwoSegmentsAsFileOrFolderHaveOneName) {
  std::set<std::string> names;
  for (const std::string& segment : all_segments()) {
    EXPECT_TRUE(names.insert(file_name(segment)).second) << segment;
    EXPECT_TRUE(names.insert(folder_name(segment)).second) << segment;
  }
}

TEST(KeyPathTest, ANameTellsItsSegmentAndKind) {
  for (const std::string& segment : all_segments()) {
    EXPECT_EQ(segment_of_file(file_name(segment)), segment);
    EXPECT_EQ(segment_of_folder(file_name(segment)), std::nullopt) << segment;
    EXPECT_EQ(segment_of_folder(folder_name(segment)), segment);
    EXPECT_EQ(segment_of_file(folder_name(segment)), std::nullopt) << segment;
  }
}

TEST(KeyPathTest, AnyNameIsThatOfItsSegmentOrOfNone) {
  for (const std::string& name : all_segments()) {
    if (const auto segment = segment_of_file(name)) {
      EXPECT_EQ(file_name(*segment), name);
    }
    if (const auto segment = segment_of_folder(name)) {
      EXPECT_EQ(folder_name(*segment), name);
    }
  }
}

TEST(KeyPathTest, TheStoresOwnNamesAreNobodysKeys) {
  for (const std::string own : {".", "..", ".tmp", ".lock"}) {
    EXPECT_EQ(segment_of_file(own), std::nullopt) << own;
    EXPECT_EQ(segment_of_folder(own), std::nullopt) << own;
  }
}

}  // namespace
}  // namespace rwp::storage
