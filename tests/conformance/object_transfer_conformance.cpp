#include "conformance/object_store_conformance.hpp"
#include <rwp/storage/listing.hpp>
#include <rwp/storage/object_versions.hpp>

#include <optional>
#include <utility>

namespace rwp::tests {
namespace {

using storage::ByteRange;
using storage::ObjectInfo;
using storage::ObjectReader;
using storage::PieceSource;
using storage::PutOptions;
using storage::UploadOptions;

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::size_t kMiB = std::size_t{1} << 20U;

/// Bytes that differ from place to place.
std::string varied(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 1;
  for (char& c : bytes) {
    state = state * 1664525U + 1013904223U;
    c = static_cast<char>(state >> 24U);
  }
  return bytes;
}

/// Gives `content` in pieces; then ends, or fails.
PieceSource source_of(std::string content, std::size_t piece_bytes,
                      std::optional<Error> failure = std::nullopt) {
  struct State {
    std::string content{};
    std::size_t piece_bytes = 0;
    std::optional<Error> failure{};
    std::size_t at = 0;
  };
  auto state = std::make_shared<State>();
  state->content = std::move(content);
  state->piece_bytes = piece_bytes;
  state->failure = std::move(failure);
  auto next = [](std::shared_ptr<State> from) -> boost::asio::awaitable<Result<std::string>> {
    std::string piece = from->content.substr(from->at, from->piece_bytes);
    from->at += piece.size();
    if (piece.empty() && from->failure) co_return *from->failure;
    co_return piece;
  };
  return [state, next] { return next(state); };
}

class ObjectTransferConformance : public ObjectStoreConformance {
 protected:
  Result<ObjectInfo> upload(std::string key, PieceSource source,
                            UploadOptions options = UploadOptions()) {
    return run(runtime_, store_->upload(std::move(key), std::move(source), std::move(options)));
  }
  Result<std::unique_ptr<ObjectReader>> open(std::string key, ByteRange range = ByteRange()) {
    return run(runtime_, store_->open(std::move(key), range));
  }
  Result<std::string> read_all(ObjectReader& reader) {
    std::string content;
    while (true) {
      auto piece = run(runtime_, reader.read());
      if (!piece) return piece.error();
      if (piece->empty()) return content;
      content += *piece;
    }
  }
  Result<std::string> read(std::string key, ByteRange range = ByteRange()) {
    auto opened = open(std::move(key), range);
    if (!opened) return opened.error();
    return read_all(**opened);
  }
};

TEST_P(ObjectTransferConformance, MetadataAreKeptAndReplacedWithTheObject) {
  PutOptions options{.content_type = "text/csv", .metadata = {{"job", "17"}, {"made-by", "a b=c"}}};
  ASSERT_TRUE(put("a", "1", options).has_value());

  EXPECT_EQ(head("a").value().metadata, options.metadata);
  EXPECT_EQ(open("a").value()->info().metadata, options.metadata);
  ASSERT_TRUE(put("a", "2").has_value());
  EXPECT_THAT(head("a").value().metadata, IsEmpty());
}

TEST_P(ObjectTransferConformance, MetadataThatAreNoneAreRefused) {
  const std::vector<storage::ObjectMetadata> wrong = {
      {{"", "x"}},     {{"Upper", "x"}}, {{"a b", "x"}},      {{"rwp-put", "x"}},
      {{"a", "x\ny"}}, {{"a", " x"}},    {{"a", "\xC3\xA9"}}, {{"a", std::string(2048, 'x')}},
  };
  for (const auto& metadata : wrong) {
    PutOptions options{.metadata = metadata};
    EXPECT_EQ(put("a", "x", options).error().code(), Errc::invalid_argument)
        << metadata.begin()->first;
  }
  EXPECT_THAT(keys("", 10), IsEmpty());
}

TEST_P(ObjectTransferConformance, WhatIsUploadedInPiecesIsReadBackInPieces) {
  const std::string content = varied(12 * kMiB + 7);
  UploadOptions options;
  options.put = PutOptions{.content_type = "application/zip", .metadata = {{"k", "v"}}};

  const auto stored = upload("large/a.zip", source_of(content, 700'001), options);

  ASSERT_TRUE(stored.has_value()) << stored.error().to_string();
  EXPECT_EQ(stored->size_bytes, content.size());
  EXPECT_EQ(stored->etag, head("large/a.zip").value().etag);
  EXPECT_EQ(head("large/a.zip").value().content_type, "application/zip");
  EXPECT_EQ(head("large/a.zip").value().metadata, options.put.metadata);
  EXPECT_TRUE(read("large/a.zip").value() == content);
  EXPECT_TRUE(get("large/a.zip").value() == content);
}

TEST_P(ObjectTransferConformance, SizesAroundAPartAreUploadedWhole) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, 5 * kMiB - 1, 5 * kMiB, 5 * kMiB + 1, 10 * kMiB}) {
    const std::string content = varied(size);
    ASSERT_TRUE(upload("a", source_of(content, kMiB)).has_value()) << size;
    EXPECT_TRUE(get("a").value() == content) << size;
    EXPECT_TRUE(read("a").value() == content) << size;
  }
}

TEST_P(ObjectTransferConformance, AnUploadWhoseSourceFailsLeavesWhatWasThere) {
  ASSERT_TRUE(put("a", "before").has_value());
  for (const std::size_t size : {std::size_t{10}, 11 * kMiB}) {
    const Error failure(Errc::permission_denied, "the source is closed");

    EXPECT_EQ(upload("a", source_of(varied(size), kMiB, failure)).error().code(),
              Errc::permission_denied);
    EXPECT_EQ(upload("b", source_of(varied(size), kMiB, failure)).error().code(),
              Errc::permission_denied);
  }
  EXPECT_EQ(get("a").value(), "before");
  EXPECT_THAT(keys("", 10), ElementsAre("a"));
}

TEST_P(ObjectTransferConformance, AnUploadThatIsCancelledLeavesNothing) {
  // Waits for ever behind the second part.
  auto source = [](std::shared_ptr<int> calls) -> boost::asio::awaitable<Result<std::string>> {
    if (++*calls <= 11) co_return varied(kMiB);
    (void)co_await sleep_for(std::chrono::hours(1));
    co_return Error(Errc::cancelled, "the source was cancelled");
  };
  auto calls = std::make_shared<int>(0);
  PieceSource pieces = [source, calls] { return source(calls); };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);

  const auto outcome =
      run(runtime_, with_deadline(store_->upload("a", std::move(pieces)), deadline));

  EXPECT_EQ(outcome.error().code(), Errc::deadline_exceeded);
  EXPECT_THAT(keys("", 10), IsEmpty());
}

TEST_P(ObjectTransferConformance, ConditionsHoldForUploadsToo) {
  for (const std::size_t size : {std::size_t{10}, 6 * kMiB}) {
    const std::string key = "k" + std::to_string(size);
    const std::string content = varied(size);
    UploadOptions absent;
    absent.put.only_if_absent = true;
    const auto first = upload(key, source_of(content, kMiB), absent);
    ASSERT_TRUE(first.has_value()) << first.error().to_string();
    EXPECT_EQ(upload(key, source_of("other", 5), absent).error().code(), Errc::already_exists);
    UploadOptions wrong;
    wrong.put.if_match = "0123456789abcdef0123456789abcdef";
    EXPECT_EQ(upload(key, source_of(varied(size), kMiB), wrong).error().code(), Errc::conflict);
    EXPECT_TRUE(get(key).value() == content);
    UploadOptions right;
    right.put.if_match = first->etag;
    EXPECT_TRUE(upload(key, source_of(varied(size + 1), kMiB), right).has_value());
    EXPECT_EQ(head(key).value().size_bytes, size + 1);
  }
}

TEST_P(ObjectTransferConformance, AReaderGivesTheRangeAndKnowsTheWhole) {
  const std::string content = varied(11 * kMiB);
  ASSERT_TRUE(upload("a", source_of(content, kMiB)).has_value());
  const auto part = [&](std::uint64_t offset, std::optional<std::uint64_t> length) {
    return read("a", ByteRange{.offset = offset, .length = length});
  };

  EXPECT_TRUE(part(3, 9 * kMiB).value() == content.substr(3, 9 * kMiB));
  EXPECT_TRUE(part(6 * kMiB, std::nullopt).value() == content.substr(6 * kMiB));
  EXPECT_EQ(part(11 * kMiB, 5).value(), "");
  EXPECT_EQ(part(4, 0).value(), "");
  EXPECT_EQ(part(11 * kMiB + 1, 1).error().code(), Errc::invalid_argument);
  const ByteRange two{.offset = 1, .length = 2};
  EXPECT_EQ(open("a", two).value()->info().size_bytes, content.size());
  EXPECT_EQ(open("no/such").error().code(), Errc::not_found);
}

TEST_P(ObjectTransferConformance, AReaderNeverMixesTwoVersions) {
  const std::string first(12 * kMiB, '1');
  ASSERT_TRUE(upload("a", source_of(first, kMiB)).has_value());
  auto reader = open("a").value();
  const auto piece = run(runtime_, reader->read()).value();
  ASSERT_TRUE(upload("a", source_of(std::string(12 * kMiB, '2'), kMiB)).has_value());

  const auto rest = read_all(*reader);

  if (rest) {
    EXPECT_TRUE(piece + *rest == first);
  } else {
    EXPECT_EQ(rest.error().code(), Errc::conflict);
  }
}

TEST_P(ObjectTransferConformance, ManyAreRemovedAndABadKeyFailsAlone) {
  for (const std::string key : {"a", "b/1", "b/<&>", "c"}) ASSERT_TRUE(put(key, "x").has_value());

  const auto results =
      run(runtime_, store_->remove_many({"a", "../a", "no/such", "b/<&>"})).value();

  ASSERT_EQ(results.size(), 4U);
  EXPECT_TRUE(results[0].has_value());
  EXPECT_EQ(results[1].error().code(), Errc::invalid_argument);
  EXPECT_TRUE(results[2].has_value());
  EXPECT_TRUE(results[3].has_value());
  EXPECT_THAT(keys("", 10), ElementsAre("b/1", "c"));
  EXPECT_TRUE(run(runtime_, store_->remove_many({})).value().empty());
  std::vector<std::string> too_many(storage::kMaxListLimit + 1, "a");
  EXPECT_EQ(run(runtime_, store_->remove_many(too_many)).error().code(), Errc::invalid_argument);
}

TEST_P(ObjectTransferConformance, APurgeTellsWhetherThereWasSomething) {
  for (const std::string key : {"a", "a/b", "ab"}) ASSERT_TRUE(put(key, "x").has_value());

  EXPECT_EQ(run(runtime_, storage::purge(store_, "a")).value(), 1U);
  EXPECT_EQ(run(runtime_, storage::purge(store_, "a")).value(), 0U);
  EXPECT_EQ(run(runtime_, storage::purge(store_, "../a")).error().code(), Errc::invalid_argument);

  std::vector<std::string> left;
  const auto page = run(runtime_, storage::list_with_removed(store_)).value();
  for (const auto& one : page.entries) left.push_back(one.key);
  EXPECT_THAT(left, ElementsAre("a/b", "ab"));
}

TEST_P(ObjectTransferConformance, ACopyHasContentTypeAndMetadataOfItsOrigin) {
  PutOptions options{.content_type = "text/csv", .metadata = {{"k", "v"}}};
  ASSERT_TRUE(put("from/é +%.csv", "1;2", options).has_value());
  ASSERT_TRUE(put("to", "old", options).has_value());

  const auto copied = run(runtime_, store_->copy("from/é +%.csv", "to"));

  ASSERT_TRUE(copied.has_value()) << copied.error().to_string();
  EXPECT_EQ(copied->size_bytes, 3U);
  EXPECT_EQ(get("to").value(), "1;2");
  EXPECT_EQ(head("to").value().content_type, "text/csv");
  EXPECT_EQ(head("to").value().metadata, options.metadata);
  EXPECT_EQ(run(runtime_, store_->copy("no/such", "b")).error().code(), Errc::not_found);
  EXPECT_EQ(run(runtime_, store_->copy("to", "../b")).error().code(), Errc::invalid_argument);
}

TEST_P(ObjectTransferConformance, AListingPassesOverAllPages) {
  for (const std::string key : {"a/1", "a/2", "a/3", "a/4", "a/5", "b"}) {
    ASSERT_TRUE(put(key, "x").has_value());
  }
  storage::Listing listing(store_, "a/", 2);
  std::vector<std::string> found;
  while (auto entry = run(runtime_, listing.next()).value()) found.push_back(entry->key);

  EXPECT_THAT(found, ElementsAre("a/1", "a/2", "a/3", "a/4", "a/5"));
}

TEST_P(ObjectTransferConformance, APresignedUrlNeedsAnAgeThatServersTake) {
  storage::PresignOptions options;
  options.expires_in = std::chrono::hours(7 * 24 + 1);
  EXPECT_EQ(run(runtime_, store_->presign("a", options)).error().code(), Errc::invalid_argument);
  options.expires_in = std::chrono::seconds(0);
  EXPECT_EQ(run(runtime_, store_->presign("a", options)).error().code(), Errc::invalid_argument);
}

INSTANTIATE_TEST_SUITE_P(Backends, ObjectTransferConformance,
                         ::testing::ValuesIn(object_store_backends()), &object_store_name);

}  // namespace
}  // namespace rwp::tests
