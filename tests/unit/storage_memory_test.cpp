#include "support/run.hpp"
#include <rwp/core/scheme_registry.hpp>
#include <rwp/storage/artefact.hpp>
#include <rwp/storage_memory/memory_object_store.hpp>

#include <gtest/gtest.h>

namespace rwp::tests {
namespace {

using storage::ObjectStore;

TEST(MemoryStorageTest, ThePutThatWouldPassTheBoundIsRefused) {
  Runtime runtime;
  const auto store = storage::make_memory_object_store({.max_bytes = 20});

  EXPECT_TRUE(run(runtime, store->put("a", std::string(9, 'x'))).has_value());
  EXPECT_TRUE(run(runtime, store->put("b", std::string(9, 'x'))).has_value());
  EXPECT_EQ(run(runtime, store->put("c", "")).error().code(), Errc::unavailable);
  EXPECT_EQ(run(runtime, store->put("b", std::string(10, 'x'))).error().code(), Errc::unavailable);
  EXPECT_EQ(run(runtime, store->get("b")).value(), std::string(9, 'x'));
}

TEST(MemoryStorageTest, WhatIsReplacedOrRemovedMakesRoom) {
  Runtime runtime;
  const auto store = storage::make_memory_object_store({.max_bytes = 20});
  ASSERT_TRUE(run(runtime, store->put("a", std::string(19, 'x'))).has_value());

  EXPECT_TRUE(run(runtime, store->put("a", std::string(18, 'y'))).has_value());
  EXPECT_TRUE(run(runtime, store->put("b", "")).has_value());
  EXPECT_TRUE(run(runtime, store->remove("a")).has_value());
  EXPECT_TRUE(run(runtime, store->put("b", std::string(19, 'z'))).has_value());
}

TEST(MemoryStorageTest, TheTimeOfAPutIsThatOfTheClock) {
  Runtime runtime;
  const std::chrono::system_clock::time_point noon(std::chrono::hours(12));
  const auto store = storage::make_memory_object_store({.now = [noon] { return noon; }});

  EXPECT_EQ(run(runtime, store->put("a", "")).value().modified_at, noon);
}

TEST(MemoryStorageTest, TheSchemeOpensAnEmptyStoreEachTime) {
  Runtime runtime;
  SchemeRegistry registry;
  storage::register_memory_storage(registry);
  const auto one = registry.open<ObjectStore>("memory:", runtime).value();
  ASSERT_TRUE(run(runtime, one->put("a", "x")).has_value());

  const auto other = registry.open<ObjectStore>("memory:", runtime).value();

  EXPECT_EQ(run(runtime, other->get("a")).error().code(), Errc::not_found);
}

TEST(MemoryStorageTest, TheSchemeTakesItsBoundAndNothingElse) {
  Runtime runtime;
  SchemeRegistry registry;
  storage::register_memory_storage(registry);
  const auto code = [&](std::string_view url) {
    return registry.open<ObjectStore>(url, runtime).error().code();
  };

  const auto store = registry.open<ObjectStore>("memory:?max_bytes=4", runtime).value();

  EXPECT_EQ(run(runtime, store->put("a", "four")).error().code(), Errc::unavailable);
  EXPECT_EQ(code("memory:?max_byte=4"), Errc::invalid_argument);
  EXPECT_EQ(code("memory:?max_bytes=-1"), Errc::invalid_argument);
  EXPECT_EQ(code("memory:?max_bytes=all"), Errc::invalid_argument);
  EXPECT_EQ(code("memory:name"), Errc::invalid_argument);
}

storage::Artefact sample_artefact() {
  storage::Artefact artefact;
  artefact.tenant = "acme";
  artefact.subject = "job-1";
  artefact.content = "foo";
  artefact.extension = "json";
  return artefact;
}

TEST(ArtefactTest, ItsKeyNamesItsDigestAndItIsHeldAgainstIt) {
  Runtime runtime;
  const auto store = storage::make_memory_object_store();
  const std::string key = run(runtime, storage::put_artefact(store, sample_artefact())).value();

  EXPECT_EQ(key,
            "ai-results/acme/job-1/"
            "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae.json");
  EXPECT_EQ(run(runtime, storage::put_artefact(store, sample_artefact())).value(), key);
  EXPECT_EQ(run(runtime, storage::get_artefact(store, key)).value(), "foo");
  const auto digest = run(runtime, storage::read_digest(store, key)).value();
  EXPECT_EQ(digest.found, storage::digest_in_key(key));
  EXPECT_EQ(digest.named, digest.found);
  ASSERT_TRUE(run(runtime, store->put(key, "bar")).has_value());
  EXPECT_EQ(run(runtime, storage::get_artefact(store, key)).error().code(), Errc::corrupt);
  EXPECT_EQ(run(runtime, storage::get_artefact(store, "a")).error().code(), Errc::invalid_argument);
}

TEST(ArtefactTest, PartsThatAreNoSegmentsAreRefused) {
  for (const char* part : {"", "..", "a/b", "a\\b"}) {
    auto artefact = sample_artefact();
    artefact.tenant = part;
    EXPECT_EQ(storage::artefact_key(artefact).error().code(), Errc::invalid_argument) << part;
  }
  auto artefact = sample_artefact();
  artefact.extension = "JSON";
  EXPECT_EQ(storage::artefact_key(artefact).error().code(), Errc::invalid_argument);
  EXPECT_EQ(storage::digest_in_key("payloads/job/" + std::string(64, 'a')), std::string(64, 'a'));
  EXPECT_EQ(storage::digest_in_key("a/" + std::string(63, 'a')), std::nullopt);
}

}  // namespace
}  // namespace rwp::tests
