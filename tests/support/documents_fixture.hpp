#pragma once

#include "support/run.hpp"
#include "support/temporary_directory.hpp"
#include <rwp/core/runtime.hpp>
#include <rwp/documents/read_document.hpp>
#include <rwp/documents/trouble.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

namespace rwp::tests {

/// Documents of the zoo (tests/zoo/make_zoo.py), read by the reader that was built.
class DocumentsFixture : public ::testing::Test {
 protected:
  static std::string zoo_path(const std::string& name) { return RWP_ZOO "/" + name; }

  /// As its sender would give it: bytes and a name.
  static documents::DocumentRequest zoo_request(const std::string& name) {
    documents::DocumentRequest request;
    std::ifstream file(zoo_path(name), std::ios::binary);
    EXPECT_TRUE(file.is_open()) << name;
    request.content.assign(std::istreambuf_iterator<char>(file), {});
    request.file_name = name;
    return request;
  }

  Result<documents::DocumentText> read(documents::DocumentRequest request,
                                       documents::ReaderOptions options = {}) {
    return run(runtime_, documents::read_document(std::move(request), std::move(options)));
  }
  Result<documents::DocumentText> read_zoo(const std::string& name) {
    return read(zoo_request(name));
  }

  /// A reader that does what its name says (tests/support/unruly_child.cpp).
  documents::ReaderOptions unruly_reader(const std::string& what) {
    const auto link = folder_.path() / ("unruly-" + what);
    std::filesystem::create_symlink(RWP_UNRULY_CHILD, link);
    documents::ReaderOptions options;
    options.program = link;
    return options;
  }

  TemporaryDirectory folder_;
  Runtime runtime_;
};

}  // namespace rwp::tests
