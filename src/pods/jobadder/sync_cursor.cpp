#include "pods/jobadder/sync_cursor.hpp"

#include "pods/time_text.hpp"
#include <rwp/core/json_text.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>

namespace rwp::pods {
namespace {

void write_time(JsonWriter& out, const char* name, const std::optional<WallTime>& time) {
  if (time) out.member(name, to_rfc3339(*time));
}

void write_entity(JsonWriter& out, const char* name, const EntityCursor& cursor) {
  out.key(name).begin_object();
  write_time(out, "since", cursor.since);
  write_time(out, "pass_began", cursor.pass_began);
  write_time(out, "after", cursor.after);
  out.member("passes", cursor.passes).member("seen", cursor.seen).end_object();
}

std::optional<WallTime> time_in(JsonView object, std::string_view name) {
  const auto member = object.find(name);
  const auto text = member ? member->as_string() : std::nullopt;
  if (!text) return std::nullopt;
  const auto time = parse_rfc3339(*text);
  return time ? std::optional(*time) : std::nullopt;
}

EntityCursor read_entity(JsonView root, std::string_view name) {
  EntityCursor cursor;
  const auto object = root.find(name);
  if (!object) return cursor;
  cursor.since = time_in(*object, "since");
  cursor.pass_began = time_in(*object, "pass_began");
  cursor.after = time_in(*object, "after");
  const auto passes = object->find("passes");
  const auto seen = object->find("seen");
  if (passes) cursor.passes = passes->as_uint64().value_or(0);
  if (seen) cursor.seen = seen->as_uint64().value_or(0);
  return cursor;
}

}  // namespace

void EntityCursor::took(std::optional<WallTime> began_at, std::optional<WallTime> created,
                        std::size_t records) {
  // A pass that goes on began when it began first.
  if (!pass_began) pass_began = began_at;
  if (created) after = std::max(after.value_or(*created), *created);
  seen += records;
}

void EntityCursor::finished(WallTime now) {
  since = pass_began.value_or(now) - kSyncOverlap;
  pass_began.reset();
  after.reset();
  ++passes;
}

std::string write_cursor(const SyncCursor& cursor) {
  JsonWriter out;
  out.begin_object();
  write_entity(out, "job_ads", cursor.job_ads);
  write_entity(out, "candidates", cursor.candidates);
  write_entity(out, "applications", cursor.applications);
  write_entity(out, "placements", cursor.placements);
  write_time(out, "last_finished", cursor.last_finished);
  out.member("last_run", cursor.last_run);
  write_time(out, "deletions_since", cursor.deletions_since);
  out.end_object();
  return out.finish().release();
}

Result<SyncCursor> read_cursor(const std::string& text) {
  const auto json = JsonText::parse(text);
  if (!json) return Error(Errc::corrupt, "the sync's cursor cannot be read");
  const JsonDocument document(*json);
  const JsonView root = document.root();
  SyncCursor cursor;
  cursor.job_ads = read_entity(root, "job_ads");
  cursor.candidates = read_entity(root, "candidates");
  cursor.applications = read_entity(root, "applications");
  cursor.placements = read_entity(root, "placements");
  cursor.last_finished = time_in(root, "last_finished");
  const auto last_run = root.find("last_run");
  if (last_run) cursor.last_run = last_run->as_uint64().value_or(0);
  cursor.deletions_since = time_in(root, "deletions_since");
  return cursor;
}

std::string write_digests(const AdDigests& digests) {
  JsonWriter out;
  out.begin_object();
  for (const auto& [id, digest] : digests) out.member(std::to_string(id), digest);
  out.end_object();
  return out.finish().release();
}

Result<AdDigests> read_digests(const std::string& text) {
  const auto json = JsonText::parse(text);
  if (!json) return Error(Errc::corrupt, "the adverts' digests cannot be read");
  const JsonDocument document(*json);
  AdDigests digests;
  document.root().each_member([&digests](std::string_view name, JsonView value) {
    std::int64_t id = 0;
    const auto read = std::from_chars(name.data(), name.data() + name.size(), id);
    if (read.ec == std::errc()) digests[id] = std::string(value.as_string().value_or(""));
    return true;
  });
  return digests;
}

}  // namespace rwp::pods
