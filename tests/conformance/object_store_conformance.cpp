#include "conformance/object_store_conformance.hpp"

#include <algorithm>
#include <future>
#include <set>

namespace rwp::tests {
namespace {

using storage::ByteRange;
using storage::ListOptions;
using storage::PutOptions;

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

std::string all_bytes() {
  std::string bytes;
  for (int i = 0; i < 1024; ++i) bytes += static_cast<char>(i % 256);
  return bytes;
}

TEST_P(ObjectStoreConformance, WhatWasPutIsReadBackByteForByte) {
  ASSERT_TRUE(put("cv/1", all_bytes()).has_value());

  EXPECT_EQ(get("cv/1").value(), all_bytes());
}

TEST_P(ObjectStoreConformance, AnEmptyObjectIsAnObject) {
  ASSERT_TRUE(put("empty", "").has_value());

  EXPECT_EQ(get("empty").value(), "");
  EXPECT_EQ(head("empty").value().size_bytes, 0U);
}

TEST_P(ObjectStoreConformance, AnObjectOfSeveralMegabytesIsKeptWhole) {
  std::string large;
  for (int i = 0; i < 9000; ++i) large += all_bytes();

  ASSERT_TRUE(put("large.bin", large).has_value());

  EXPECT_TRUE(get("large.bin").value() == large);
}

TEST_P(ObjectStoreConformance, ASecondPutReplacesTheFirst) {
  ASSERT_TRUE(put("a", "first, and longer").has_value());
  ASSERT_TRUE(put("a", "second").has_value());

  EXPECT_EQ(get("a").value(), "second");
  EXPECT_THAT(keys("", 10), ElementsAre("a"));
}

TEST_P(ObjectStoreConformance, WhatWasNeverPutIsNotFound) {
  ASSERT_TRUE(put("a/b", "x").has_value());

  for (const std::string key : {"a", "b", "a/b/c", "a/c", "no/such/folder/x"}) {
    EXPECT_EQ(get(key).error().code(), Errc::not_found) << key;
    EXPECT_EQ(head(key).error().code(), Errc::not_found) << key;
  }
}

TEST_P(ObjectStoreConformance, HeadTellsWhatThePutTold) {
  PutOptions options{.content_type = "text/html; charset=utf-8"};
  const auto before = std::chrono::system_clock::now() - std::chrono::seconds(2);
  const auto stored = put("reports/a.html", "<p>", options).value();
  const auto found = head("reports/a.html").value();

  EXPECT_EQ(found.size_bytes, 3U);
  EXPECT_EQ(found.content_type, "text/html; charset=utf-8");
  EXPECT_EQ(found.etag, stored.etag);
  // S3 tells it with a put by another clock than with head(), and in whole seconds.
  EXPECT_LT(std::chrono::abs(found.modified_at - stored.modified_at), kGuard);
  EXPECT_GE(found.modified_at, before);
  EXPECT_LE(found.modified_at, std::chrono::system_clock::now() + std::chrono::seconds(1));
}

TEST_P(ObjectStoreConformance, WithoutAContentTypeItIsOctets) {
  EXPECT_EQ(put("a", "x").value().content_type, storage::kDefaultContentType);
  EXPECT_EQ(head("a").value().content_type, storage::kDefaultContentType);
}

TEST_P(ObjectStoreConformance, TheEtagFollowsTheContent) {
  const auto first = put("a", "one").value().etag;
  const auto same = put("b", "one").value().etag;
  const auto other = put("a", "two").value().etag;

  EXPECT_FALSE(first.empty());
  EXPECT_EQ(first, same);
  EXPECT_NE(first, other);
}

TEST_P(ObjectStoreConformance, OnlyIfAbsentLeavesWhatIsThere) {
  PutOptions options{.only_if_absent = true};

  EXPECT_TRUE(put("a/b", "first", options).has_value());
  EXPECT_EQ(put("a/b", "second", options).error().code(), Errc::already_exists);
  EXPECT_EQ(get("a/b").value(), "first");
}

TEST_P(ObjectStoreConformance, OnlyIfAbsentWorksAgainAfterARemove) {
  PutOptions options{.only_if_absent = true};
  ASSERT_TRUE(put("a", "first", options).has_value());
  ASSERT_TRUE(remove("a").has_value());

  EXPECT_TRUE(put("a", "second", options).has_value());
}

TEST_P(ObjectStoreConformance, IfMatchReplacesOnlyTheVersionNamed) {
  const auto first = put("a", "one").value().etag;
  PutOptions options{.if_match = first};

  const auto second = put("a", "two", options);

  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(put("a", "three", options).error().code(), Errc::conflict);
  EXPECT_EQ(get("a").value(), "two");
}

TEST_P(ObjectStoreConformance, IfMatchIsAConflictWhereNothingIs) {
  const auto gone = put("a", "one").value().etag;
  ASSERT_TRUE(remove("a").has_value());
  PutOptions options{.if_match = gone};

  EXPECT_EQ(put("a", "two", options).error().code(), Errc::conflict);
  EXPECT_EQ(get("a").error().code(), Errc::not_found);
}

TEST_P(ObjectStoreConformance, RemoveTakesItAwayAndMayBeRepeated) {
  ASSERT_TRUE(put("a/b", "x").has_value());
  ASSERT_TRUE(put("a/c", "y").has_value());

  EXPECT_TRUE(remove("a/b").has_value());
  EXPECT_TRUE(remove("a/b").has_value());
  EXPECT_TRUE(remove("no/such/folder").has_value());

  EXPECT_EQ(get("a/b").error().code(), Errc::not_found);
  EXPECT_EQ(get("a/c").value(), "y");
}

TEST_P(ObjectStoreConformance, ARangeIsCutAtTheEnd) {
  ASSERT_TRUE(put("a", "0123456789").has_value());
  const auto part = [&](std::uint64_t offset, std::optional<std::uint64_t> length) {
    return get("a", ByteRange{.offset = offset, .length = length});
  };

  EXPECT_EQ(part(0, 4).value(), "0123");
  EXPECT_EQ(part(3, 4).value(), "3456");
  EXPECT_EQ(part(8, 4).value(), "89");
  EXPECT_EQ(part(4, std::nullopt).value(), "456789");
  EXPECT_EQ(part(4, 0).value(), "");
  EXPECT_EQ(part(10, 5).value(), "");
  EXPECT_EQ(part(1, std::numeric_limits<std::uint64_t>::max()).value(), "123456789");
  EXPECT_EQ(part(11, 1).error().code(), Errc::invalid_argument);
  EXPECT_EQ(part(std::numeric_limits<std::uint64_t>::max(), 1).error().code(),
            Errc::invalid_argument);
}

TEST_P(ObjectStoreConformance, HostileKeysAreRefusedByEachCall) {
  const std::vector<std::string> hostile = {
      "",
      "/",
      "/etc/passwd",
      "a/",
      "a//b",
      ".",
      "..",
      "../a",
      "a/../b",
      "a/..",
      "./a",
      "a/./b",
      "a\\b",
      "..\\a",
      std::string("a\0b", 3),
      "a\nb",
      "a\x7f",
      "\x1b[31m",
      "\xff",
      "a/\xc0\xaf",
      "\xed\xa0\x80",
      std::string(513, 'k'),
      std::string(251, 's'),
      "a/" + std::string(251, 's') + "/b",
  };
  for (const std::string& key : hostile) {
    EXPECT_EQ(put(key, "x").error().code(), Errc::invalid_argument) << key;
    EXPECT_EQ(get(key).error().code(), Errc::invalid_argument) << key;
    EXPECT_EQ(head(key).error().code(), Errc::invalid_argument) << key;
    EXPECT_EQ(remove(key).error().code(), Errc::invalid_argument) << key;
  }
  EXPECT_THAT(keys("", 10), IsEmpty());
}

/// Keys that a file system might mistake for one another or for its own.
std::vector<std::string> odd_keys() {
  std::vector<std::string> odd = {
      "a",
      "a.",
      "a.b",
      "a.b@",
      "a@",
      "a@@",
      "a+",
      "a/b",
      "a+/b",
      "a@/b",
      "a.b/c",
      "a.b+/c",
      "a.b",
      "a.b+",
      ".tmp",
      ".tmp/x",
      ".lock",
      ".lock/x",
      "...",
      ".../...",
      ".a",
      ".a.b",
      ".a.b/c",
      "A",
      "a b",
      "a%2Fb",
      "a*?",
      "~",
      "-rf",
      "é",
      "e\xcc\x81",
      "日本/語.txt",
      "a-b",
      "a0",
      "a!",
      "con",
      "a:b",
      "<a>|\"'",
      "$(x)",
      std::string(250, 's'),
      std::string(250, '.') + "/" + std::string(250, '@') + "/abcdefghij",
  };
  std::sort(odd.begin(), odd.end());
  odd.erase(std::unique(odd.begin(), odd.end()), odd.end());
  return odd;
}

TEST_P(ObjectStoreConformance, OddKeysAreKeptApart) {
  for (const std::string& key : odd_keys()) {
    ASSERT_TRUE(put(key, "of " + key).has_value()) << key;
  }

  for (const std::string& key : odd_keys()) EXPECT_EQ(get(key).value(), "of " + key) << key;
}

TEST_P(ObjectStoreConformance, AListingIsInTheOrderOfTheBytesInPagesOfAnySize) {
  for (const std::string& key : odd_keys()) ASSERT_TRUE(put(key, "x").has_value()) << key;

  for (const std::size_t limit : {1U, 2U, 7U, 1000U}) {
    EXPECT_THAT(keys("", limit), ElementsAreArray(odd_keys())) << limit;
  }
}

TEST_P(ObjectStoreConformance, APrefixNeedNotEndAtASlash) {
  for (const std::string key : {"ab", "abc/1", "abc/2", "abd", "abc", "b/abc"}) {
    ASSERT_TRUE(put(key, "x").has_value());
  }

  EXPECT_THAT(keys("abc", 2), ElementsAre("abc", "abc/1", "abc/2"));
  EXPECT_THAT(keys("abc/", 2), ElementsAre("abc/1", "abc/2"));
  EXPECT_THAT(keys("ab", 2), ElementsAre("ab", "abc", "abc/1", "abc/2", "abd"));
  EXPECT_THAT(keys("abc/2", 2), ElementsAre("abc/2"));
  EXPECT_THAT(keys("abc/2/", 2), IsEmpty());
  EXPECT_THAT(keys("../", 2), IsEmpty());
  EXPECT_THAT(keys("/", 2), IsEmpty());
}

TEST_P(ObjectStoreConformance, AFullLastPageHasNoCursor) {
  ASSERT_TRUE(put("a", "x").has_value());
  ASSERT_TRUE(put("b", "x").has_value());

  const auto page = list(ListOptions{.limit = 2}).value();

  EXPECT_EQ(page.entries.size(), 2U);
  EXPECT_EQ(page.next_cursor, "");
}

TEST_P(ObjectStoreConformance, ListingGoesOnWhereTheObjectAtTheCursorIsGone) {
  for (const std::string key : {"a/1", "a/2", "b/1", "b/2"}) {
    ASSERT_TRUE(put(key, "x").has_value());
  }
  const auto first = list(ListOptions{.limit = 2}).value();
  ASSERT_TRUE(remove("a/2").has_value());
  ASSERT_TRUE(put("a/0", "behind the cursor").has_value());

  const auto second = list(ListOptions{.cursor = first.next_cursor}).value();

  ASSERT_EQ(second.entries.size(), 2U);
  EXPECT_EQ(second.entries[0].key, "b/1");
  EXPECT_EQ(second.entries[1].key, "b/2");
}

TEST_P(ObjectStoreConformance, AnEntryOfAListingTellsSizeAndTime) {
  const auto stored = put("a", "four").value();

  const auto page = list().value();

  ASSERT_EQ(page.entries.size(), 1U);
  EXPECT_EQ(page.entries[0].size_bytes, 4U);
  EXPECT_LT(std::chrono::abs(page.entries[0].modified_at - stored.modified_at), kGuard);
}

TEST_P(ObjectStoreConformance, ArgumentsOutOfRangeAreRefused) {
  const auto refused = [](const auto& result) {
    return result.error().code() == Errc::invalid_argument;
  };

  EXPECT_TRUE(refused(list(ListOptions{.limit = 0})));
  EXPECT_TRUE(refused(list(ListOptions{.limit = storage::kMaxListLimit + 1})));
  EXPECT_TRUE(refused(put("a", "x", PutOptions{.content_type = "text/\nplain"})));
  EXPECT_TRUE(refused(put("a", "x", PutOptions{.content_type = std::string(256, 't')})));
  EXPECT_TRUE(refused(put("a", "x", PutOptions{.only_if_absent = true, .if_match = "e"})));
  EXPECT_TRUE(refused(put("a", std::string(storage::kMaxObjectBytes + 1, 'x'))));
  EXPECT_THAT(keys("", 10), IsEmpty());
}

/// Starts all, then waits for all; the results keep the order.
template <class T>
std::vector<Result<T>> run_together(Runtime& runtime,
                                    std::vector<boost::asio::awaitable<Result<T>>> operations) {
  using Promise = std::promise<Result<T>>;
  auto keep = [](boost::asio::awaitable<Result<T>> operation,
                 std::shared_ptr<Promise> promise) -> boost::asio::awaitable<void> {
    promise->set_value(co_await std::move(operation));
  };
  std::vector<std::future<Result<T>>> waiting;
  for (auto& operation : operations) {
    auto promise = std::make_shared<Promise>();
    waiting.push_back(promise->get_future());
    spawn(runtime.executor(), keep(std::move(operation), promise));
  }
  std::vector<Result<T>> results;
  for (auto& result : waiting) results.push_back(result.get());
  return results;
}

TEST_P(ObjectStoreConformance, ParallelPutsOnOneKeyLeaveOneWholeValue) {
  std::set<std::string> values;
  std::vector<boost::asio::awaitable<Result<storage::ObjectInfo>>> puts;
  for (int i = 0; i < 64; ++i) {
    std::string value(static_cast<std::size_t>(1000 + 500 * i), static_cast<char>('0' + i));
    values.insert(value);
    puts.push_back(store_->put("shared/key", std::move(value)));
  }

  const auto results = run_together(runtime_, std::move(puts));

  EXPECT_TRUE(std::all_of(results.begin(), results.end(), [](auto& r) { return r.has_value(); }));
  EXPECT_TRUE(values.contains(get("shared/key").value()));
  EXPECT_THAT(keys("", 10), ElementsAre("shared/key"));
}

TEST_P(ObjectStoreConformance, ReadersAmongWritersSeeWholeValues) {
  ASSERT_TRUE(put("k", std::string(5000, 'a')).has_value());
  std::vector<boost::asio::awaitable<Result<storage::ObjectInfo>>> puts;
  std::vector<boost::asio::awaitable<Result<std::string>>> gets;
  for (int i = 0; i < 32; ++i) {
    puts.push_back(store_->put("k", std::string(5000, static_cast<char>('a' + i % 26))));
    gets.push_back(store_->get("k"));
  }

  auto writing =
      std::async(std::launch::async, [&] { return run_together(runtime_, std::move(puts)); });
  const auto read = run_together(runtime_, std::move(gets));
  writing.get();

  for (const auto& value : read) {
    ASSERT_TRUE(value.has_value());
    EXPECT_EQ(*value, std::string(5000, value->front()));
  }
}

TEST_P(ObjectStoreConformance, OfParallelPutsIfAbsentExactlyOneWins) {
  std::vector<boost::asio::awaitable<Result<storage::ObjectInfo>>> puts;
  for (int i = 0; i < 64; ++i) {
    PutOptions options{.only_if_absent = true};
    puts.push_back(store_->put("once", std::to_string(i), options));
  }

  const auto results = run_together(runtime_, std::move(puts));

  int winner = -1;
  for (int i = 0; i < 64; ++i) {
    const auto& result = results[static_cast<std::size_t>(i)];
    if (result.has_value()) {
      EXPECT_EQ(winner, -1);
      winner = i;
    } else {
      EXPECT_EQ(result.error().code(), Errc::already_exists);
    }
  }
  EXPECT_EQ(get("once").value(), std::to_string(winner));
}

TEST_P(ObjectStoreConformance, OfParallelPutsIfMatchExactlyOneWins) {
  const auto etag = put("counter", "0").value().etag;
  std::vector<boost::asio::awaitable<Result<storage::ObjectInfo>>> puts;
  for (int i = 1; i <= 32; ++i) {
    PutOptions options{.if_match = etag};
    puts.push_back(store_->put("counter", std::to_string(i), options));
  }

  const auto results = run_together(runtime_, std::move(puts));

  EXPECT_EQ(std::count_if(results.begin(), results.end(), [](auto& r) { return r.has_value(); }),
            1);
}

TEST_P(ObjectStoreConformance, ItServesAsABlobStore) {
  const auto blobs = storage::as_blob_store(store_);

  ASSERT_TRUE(run(runtime_, blobs->put_blob("payloads/1", "bytes")).has_value());
  EXPECT_EQ(run(runtime_, blobs->get_blob("payloads/1")).value(), "bytes");
  EXPECT_EQ(get("payloads/1").value(), "bytes");
  EXPECT_TRUE(run(runtime_, blobs->remove_blob("payloads/1")).has_value());
  EXPECT_TRUE(run(runtime_, blobs->remove_blob("payloads/1")).has_value());
  EXPECT_EQ(run(runtime_, blobs->get_blob("payloads/1")).error().code(), Errc::not_found);
}

}  // namespace
}  // namespace rwp::tests
