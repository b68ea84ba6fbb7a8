#include "support/forked_process.hpp"
#include "support/run.hpp"
#include "support/small_disk.hpp"
#include "support/temporary_directory.hpp"
#include <rwp/core/scheme_registry.hpp>
#include <rwp/core/sha256.hpp>
#include <rwp/storage_file/file_object_store.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <sys/stat.h>
#include <thread>

namespace rwp::tests {
namespace {

namespace fs = std::filesystem;
using storage::ObjectStore;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::shared_ptr<ObjectStore> open_store(Runtime& runtime, const fs::path& root) {
  storage::FileStorageOptions options{.root = root};
  return storage::open_file_object_store(runtime, options).value();
}

std::string read_file(const fs::path& path) {
  std::ostringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  return content.str();
}

void write_file(const fs::path& path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
}

std::vector<std::string> names_in(const fs::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory))
    names.push_back(entry.path().filename());
  return names;
}

class FileStorageTest : public ::testing::Test {
 protected:
  fs::path root() const { return directory_.path() / "objects"; }

  TemporaryDirectory directory_;
};

TEST_F(FileStorageTest, PeopleFindAnObjectUnderItsName) {
  Runtime runtime;
  const auto store = open_store(runtime, root());

  ASSERT_TRUE(run(runtime, store->put("reports/2026.html", "<p>")).has_value());

  EXPECT_EQ(read_file(root() / "reports/2026.html"), "<p>");
}

TEST_F(FileStorageTest, ObjectsAreThereForTheNextProcess) {
  storage::PutOptions options{.content_type = "text/markdown"};
  storage::ObjectInfo stored;
  {
    Runtime runtime;
    stored = run(runtime, open_store(runtime, root())->put("a/b", "x", options)).value();
  }
  Runtime runtime;
  const auto found = run(runtime, open_store(runtime, root())->head("a/b")).value();

  EXPECT_EQ(found.etag, stored.etag);
  EXPECT_EQ(found.content_type, "text/markdown");
  EXPECT_EQ(found.modified_at, stored.modified_at);
}

TEST_F(FileStorageTest, AFileEditedByHandHasAnotherEtag) {
  Runtime runtime;
  const auto store = open_store(runtime, root());
  const auto stored = run(runtime, store->put("a.txt", "one")).value();
  write_file(root() / "a.txt", "two");
  fs::last_write_time(root() / "a.txt", fs::file_time_type::clock::now() + std::chrono::seconds(2));

  const auto found = run(runtime, store->head("a.txt")).value();

  EXPECT_EQ(found.etag, to_hex(sha256("two")));
  storage::PutOptions options{.if_match = stored.etag};
  EXPECT_EQ(run(runtime, store->put("a.txt", "three", options)).error().code(), Errc::conflict);
}

TEST_F(FileStorageTest, OthersMayNotReadWhatIsStored) {
  Runtime runtime;
  ASSERT_TRUE(run(runtime, open_store(runtime, root())->put("cv/1.txt", "x")).has_value());

  EXPECT_EQ(fs::status(root() / "cv").permissions(), fs::perms::owner_all);
  EXPECT_EQ(fs::status(root() / "cv/1.txt").permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(FileStorageTest, NoSymbolicLinkLeadsOutOfTheRoot) {
  Runtime runtime;
  const auto store = open_store(runtime, root());
  const fs::path outside = directory_.path() / "outside";
  fs::create_directory(outside);
  write_file(outside / "secret.txt", "secret");
  fs::create_directory_symlink(outside, root() / "link");
  fs::create_directory_symlink("..", root() / "up");
  fs::create_symlink(outside / "secret.txt", root() / "leaf.txt");

  for (const std::string key :
       {"link/secret.txt", "leaf.txt", "up/outside/secret.txt", "link/new.txt", "link/new/x"}) {
    EXPECT_EQ(run(runtime, store->put(key, "x")).error().code(), Errc::permission_denied) << key;
    EXPECT_EQ(run(runtime, store->get(key)).error().code(), Errc::permission_denied) << key;
    EXPECT_EQ(run(runtime, store->head(key)).error().code(), Errc::permission_denied) << key;
    EXPECT_EQ(run(runtime, store->remove(key)).error().code(), Errc::permission_denied) << key;
  }
  EXPECT_THAT(run(runtime, store->list()).value().entries, IsEmpty());
  EXPECT_EQ(read_file(outside / "secret.txt"), "secret");
  EXPECT_THAT(names_in(outside), ElementsAre("secret.txt"));
}

TEST_F(FileStorageTest, WhatIsNoRegularFileIsRefusedAtOnce) {
  Runtime runtime;
  const auto store = open_store(runtime, root());
  ASSERT_EQ(::mkfifo((root() / "pipe.txt").c_str(), 0600), 0);
  fs::create_directory(root() / "folder.txt");
  write_file(root() / "file", "stands where a folder belongs");

  for (const std::string key : {"pipe.txt", "folder.txt", "file/x"}) {
    EXPECT_EQ(run(runtime, store->get(key)).error().code(), Errc::permission_denied) << key;
    EXPECT_EQ(run(runtime, store->put(key, "x")).error().code(), Errc::permission_denied) << key;
    EXPECT_EQ(run(runtime, store->remove(key)).error().code(), Errc::permission_denied) << key;
  }
  EXPECT_THAT(run(runtime, store->list()).value().entries, IsEmpty());
}

TEST_F(FileStorageTest, OnlyOldTemporariesAreRemovedOnOpening) {
  {
    Runtime runtime;
    open_store(runtime, root());
  }
  write_file(root() / ".tmp/old", "of a crashed writer");
  write_file(root() / ".tmp/new", "of one at work");
  fs::last_write_time(root() / ".tmp/old",
                      fs::file_time_type::clock::now() - std::chrono::hours(2));

  Runtime runtime;
  open_store(runtime, root());

  EXPECT_THAT(names_in(root() / ".tmp"), ElementsAre("new"));
}

TEST_F(FileStorageTest, AStoreWhoseDirectoryIsRemovedSaysSo) {
  Runtime runtime;
  const auto store = open_store(runtime, root());
  fs::remove_all(root());

  EXPECT_EQ(run(runtime, store->put("a", "x")).error().code(), Errc::unavailable);
  EXPECT_EQ(run(runtime, store->put("a/b", "x")).error().code(), Errc::unavailable);
  EXPECT_EQ(run(runtime, store->get("a")).error().code(), Errc::not_found);
}

TEST_F(FileStorageTest, AFolderRemovedByHandIsMadeAgain) {
  Runtime runtime;
  const auto store = open_store(runtime, root());
  ASSERT_TRUE(run(runtime, store->put("a/b", "x")).has_value());
  fs::remove_all(root() / "a");

  EXPECT_TRUE(run(runtime, store->put("a/b", "y")).has_value());
  EXPECT_EQ(run(runtime, store->get("a/b")).value(), "y");
}

TEST_F(FileStorageTest, TheSchemeMakesTheDirectory) {
  Runtime runtime;
  SchemeRegistry registry;
  storage::register_file_storage(registry);
  const fs::path deep = directory_.path() / "with space" / "objects";

  const auto store = registry.open<ObjectStore>(
      "file://" + (directory_.path() / "with%20space/objects").string(), runtime);

  ASSERT_TRUE(store.has_value());
  ASSERT_TRUE(run(runtime, (*store)->put("a.txt", "x")).has_value());
  EXPECT_EQ(read_file(deep / "a.txt"), "x");
}

TEST_F(FileStorageTest, TheSchemeRefusesWhatIsNoDirectory) {
  Runtime runtime;
  SchemeRegistry registry;
  storage::register_file_storage(registry);
  write_file(directory_.path() / "file", "x");
  const std::string path = directory_.path();
  const auto code = [&](const std::string& url) {
    return registry.open<ObjectStore>(url, runtime).error().code();
  };

  EXPECT_EQ(code("file:" + path + "/file"), Errc::invalid_argument);
  EXPECT_EQ(code("file:" + path + "/file/objects"), Errc::invalid_argument);
  EXPECT_EQ(code("file:" + path + "/objects?fsync=no"), Errc::invalid_argument);
  EXPECT_EQ(code("file:"), Errc::invalid_argument);
  EXPECT_EQ(code("file://host/objects"), Errc::invalid_argument);
  EXPECT_EQ(code("file:/objects%00"), Errc::invalid_argument);
  EXPECT_FALSE(fs::exists(directory_.path() / "objects"));
}

/// 0 when the store keeps its promises while the disk has no room: errors name themselves, old
/// objects stand, new ones are not there, and it works again once there is room.
int fill_the_disk(const fs::path& root) {
  Runtime runtime;
  const auto store = open_store(runtime, root);
  if (!run(runtime, store->put("kept.txt", "before"))) return 1;
  const std::string large(std::size_t{512} << 10U, 'x');
  const auto refused = run(runtime, store->put("new.txt", large));
  if (refused.has_value() || refused.error().code() != Errc::unavailable) return 2;
  const auto replaced = run(runtime, store->put("kept.txt", large));
  if (replaced.has_value() || replaced.error().code() != Errc::unavailable) return 3;
  if (run(runtime, store->get("kept.txt")).value() != "before") return 4;
  if (run(runtime, store->list()).value().entries.size() != 1) return 5;
  if (!fs::is_empty(root / ".tmp")) return 6;
  if (!run(runtime, store->put("small.txt", "after"))) return 7;
  return 0;
}

TEST_F(FileStorageTest, AFullDiskLeavesNothingHalfDone) {
  const int outcome = run_on_small_disk(directory_.path(), [&] { return fill_the_disk(root()); });

  if (outcome == kSkipped) GTEST_SKIP() << "no small file system can be mounted here";
  EXPECT_EQ(outcome, 0);
}

TEST_F(FileStorageTest, AFileSizeLimitLeavesNothingHalfDone) {
  const int outcome =
      run_with_file_size_limit(std::size_t{100} << 10U, [&] { return fill_the_disk(root()); });

  EXPECT_EQ(outcome, 0);
}

TEST_F(FileStorageTest, ProcessesThatCountTogetherLoseNoCount) {
  {
    Runtime runtime;
    ASSERT_TRUE(run(runtime, open_store(runtime, root())->put("counter", "0")).has_value());
  }
  const auto count = [&](int) {
    Runtime runtime;
    const auto store = open_store(runtime, root());
    for (int done = 0; done < 100;) {
      storage::PutOptions options{.if_match = run(runtime, store->head("counter")).value().etag};
      const int value = std::stoi(run(runtime, store->get("counter")).value());
      const auto stored = run(runtime, store->put("counter", std::to_string(value + 1), options));
      if (stored) {
        ++done;
      } else if (stored.error().code() != Errc::conflict) {
        return 1;
      }
    }
    return 0;
  };
  {
    ForkedProcess one(count);
    ForkedProcess other(count);
    EXPECT_EQ(one.wait(), 0);
    EXPECT_EQ(other.wait(), 0);
  }
  Runtime runtime;
  EXPECT_EQ(run(runtime, open_store(runtime, root())->get("counter")).value(), "200");
}

struct Acknowledgement {
  int writer = 0;
  int version = 0;
};

/// Tells its version and whether it is whole.
std::string versioned(int version) {
  std::string body = std::to_string(version) + " ";
  body.resize(static_cast<std::size_t>(100 + version * 997 % 20'000), 'x');
  return to_hex(sha256(body)) + body;
}

constexpr int kWriters = 4;

int write_until_killed(const fs::path& root, int pipe, int first_version) {
  Runtime runtime;
  const auto store = open_store(runtime, root);
  std::array<std::thread, kWriters> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers[static_cast<std::size_t>(writer)] = std::thread([&, writer] {
      for (int version = first_version;; ++version) {
        const std::string key = "writers/" + std::to_string(writer);
        if (!run(runtime, store->put(key, versioned(version)))) ::_exit(1);
        const Acknowledgement done{writer, version};
        if (::write(pipe, &done, sizeof done) != sizeof done) ::_exit(2);
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  return 0;
}

TEST_F(FileStorageTest, AKilledWriterLeavesWholeObjectsAndNoneLost) {
  std::mt19937 random(42);
  std::array<int, kWriters> acknowledged{};
  for (int round = 0; round < 15; ++round) {
    const int first_version = 1 + *std::max_element(acknowledged.begin(), acknowledged.end());
    {
      ForkedProcess child(
          [&](int pipe) { return write_until_killed(root(), pipe, first_version); });
      const auto until = std::uniform_int_distribution<int>(1, 40)(random);
      Acknowledgement seen;
      for (int i = 0; i < until && child.read(seen); ++i) {
        acknowledged[static_cast<std::size_t>(seen.writer)] = seen.version;
      }
      child.kill();
      while (child.read(seen)) acknowledged[static_cast<std::size_t>(seen.writer)] = seen.version;
    }

    Runtime runtime;
    const auto store = open_store(runtime, root());
    for (const auto& entry : run(runtime, store->list()).value().entries) {
      const std::string content = run(runtime, store->get(entry.key)).value();
      ASSERT_GE(content.size(), 64U) << entry.key;
      EXPECT_EQ(content.substr(0, 64), to_hex(sha256(content.substr(64)))) << entry.key;
      const auto writer = static_cast<std::size_t>(std::stoi(entry.key.substr(8)));
      EXPECT_GE(std::stoi(content.substr(64)), acknowledged.at(writer)) << entry.key;
      acknowledged.at(writer) = std::stoi(content.substr(64));
    }
    for (int writer = 0; writer < kWriters; ++writer) {
      if (acknowledged[static_cast<std::size_t>(writer)] == 0) continue;
      EXPECT_TRUE(run(runtime, store->head("writers/" + std::to_string(writer))).has_value());
    }
  }
}

}  // namespace
}  // namespace rwp::tests
