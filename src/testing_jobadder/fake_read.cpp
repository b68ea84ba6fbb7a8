#include "testing_jobadder/fake_routes.hpp"
#include <rwp/core/json_writer.hpp>

#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <system_error>

namespace rwp::testing::jobadder {
namespace {

using boost::asio::awaitable;
using server::Request;
using server::Response;

constexpr std::size_t kMostRecords = 1'000;

bool same_word(std::string_view a, std::string_view b) { return net::equal_without_case(a, b); }

/// "2026-01-31", with "T09:00:00" and a fraction.
std::optional<WallTime> read_time(const std::string& text) {
  int y = 0;
  unsigned mo = 0;
  unsigned d = 0;
  unsigned h = 0;
  unsigned mi = 0;
  unsigned s = 0;
  unsigned ms = 0;
  const int found = std::sscanf(  // NOLINT(cert-err34-c): bounded fields, checked below.
      text.c_str(), "%4d-%2u-%2uT%2u:%2u:%2u.%3u", &y, &mo, &d, &h, &mi, &s, &ms);
  if (found < 3) return std::nullopt;
  using namespace std::chrono;
  const year_month_day date{year(y), month(mo), day(d)};
  if (!date.ok()) return std::nullopt;
  return sys_days(date) + hours(h) + minutes(mi) + seconds(s) + milliseconds(ms);
}

void narrow(const std::string& value, std::optional<WallTime>& from, std::optional<WallTime>& to) {
  const bool after = value.starts_with('>');
  const bool before = value.starts_with('<');
  const auto time = read_time(value.substr(after || before ? 1 : 0));
  if (!time) return;
  if (!before) from = time;
  if (!after) to = time;
}

ListQuery read_query(const Request& request) {
  ListQuery query;
  const auto number = [](const std::string& text, std::size_t& out) {
    (void)std::from_chars(text.data(), text.data() + text.size(), out);
  };
  for (const auto& [name, value] : request.query) {
    if (same_word(name, "offset")) number(value, query.offset);
    if (same_word(name, "limit")) number(value, query.limit);
    if (same_word(name, "sort")) query.sort = value;
    std::size_t id = 0;
    if (same_word(name, "candidateId") || same_word(name, "jobId")) number(value, id);
    if (same_word(name, "candidateId")) query.candidate = static_cast<std::int64_t>(id);
    if (same_word(name, "jobId")) query.job = static_cast<std::int64_t>(id);
    if (same_word(name, "updatedAt")) narrow(value, query.updated_from, query.updated_to);
    if (same_word(name, "createdAt")) narrow(value, query.created_from, query.created_to);
  }
  query.limit = std::min(query.limit, kMostRecords);
  return query;
}

bool embeds_self(const Request& request) {
  for (const auto& [name, value] : request.query) {
    if (same_word(name, "embed") && value == "self") return true;
  }
  return false;
}

void write_status(JsonWriter& out, const char* name) {
  out.key("status").begin_object();
  out.member("statusId", 1).member("name", name).member("active", true);
  out.member("default", true).end_object();
}

void write_candidate_name(JsonWriter& out, std::int64_t id) {
  const std::string n = std::to_string(id);
  out.member("candidateId", id)
      .member("firstName", "Ada" + n)
      .member("lastName", "Sample" + n)
      .member("email", "candidate" + n + "@example.com");
  write_status(out, "Active");
}

void write_times(JsonWriter& out, const Row& row) {
  out.member("createdAt", time_in_json(row.created));
  out.member("updatedAt", time_in_json(row.updated));
}

void write_candidate(JsonWriter& out, const Row& row, bool whole) {
  out.begin_object();
  write_candidate_name(out, row.id);
  out.member("rating", "A").member("source", "Fake").member("seeking", "Yes");
  out.key("phone").null();
  if (whole) {
    out.member("summary", "Registered nurse with a decade in acute care.");
    out.key("employment").begin_object();
    out.key("current").begin_object();
    out.member("employer", "Fake General Hospital").member("position", "Staff nurse");
    out.end_object();
    out.key("history").begin_array().begin_object();
    out.member("employer", "Sample Clinic").member("position", "Nurse");
    out.member("start", "2012-03").member("end", "2018-08").end_object().end_array();
    out.end_object();
    out.key("skillTags").begin_array().value("triage").value("wound care").end_array();
    out.key("address").begin_object().member("city", "Leeds").end_object();
    // What no version of the library knows.
    out.member("futureMember", "kept");
  }
  write_times(out, row);
  out.end_object();
}

void write_ad_summary(JsonWriter& out, const Row& row) {
  const std::string n = std::to_string(row.id);
  out.member("adId", row.id).member("state", "Active");
  out.member("title", "Staff nurse " + n).member("reference", "FAKE-" + n);
  out.member("summary",
             "A ward in Leeds looks for a nurse, version " + time_in_json(row.updated) + ".");
  out.key("bulletPoints").begin_array().value("NHS pension").value("Flexible hours").end_array();
  out.member("postAt", time_in_json(row.created));
}

void write_ad(JsonWriter& out, const Row& row, bool whole) {
  out.begin_object();
  write_ad_summary(out, row);
  if (whole) {
    out.member("description",
               "<p>We look for a <b>staff nurse</b> for our acute ward.</p><ul><li>Registration "
               "with the NMC</li><li>Triage and wound care</li></ul>");
    out.key("company").begin_object().member("companyId", 7).member("name", "Fake Trust");
    out.end_object();
    out.key("job").begin_object().member("jobId", row.id).member("jobTitle", "Staff nurse");
    out.key("location").begin_object().member("locationId", 3).member("name", "Leeds");
    out.end_object().end_object();
    out.member("createdAt", time_in_json(row.created));
  }
  out.end_object();
}

void write_application(JsonWriter& out, const State& state, const Row& row, bool whole) {
  const std::int64_t ad_id = state.ad_of(row.id);
  out.begin_object();
  out.member("applicationId", row.id).member("jobTitle", "Staff nurse").member("manual", false);
  out.member("source", "Job board");
  const bool rejected = row.status == "Rejected";
  out.key("status").begin_object();
  out.member("statusId", 1).member("name", row.status).member("active", !rejected);
  out.member("rejected", rejected).member("default", row.status == "New").end_object();
  out.key("candidate").begin_object();
  write_candidate_name(out, state.candidate_of(row.id));
  out.end_object();
  if (const auto ad = state.find(Table::job_ads, ad_id)) {
    out.key("job").begin_object().member("jobId", ad_id).member("jobTitle", "Staff nurse");
    out.end_object();
    out.key("jobAd").begin_object();
    write_ad_summary(out, *ad);
    out.end_object();
  }
  if (whole && !row.custom.empty()) out.key("custom").value(JsonText::trusted(row.custom));
  write_times(out, row);
  out.end_object();
}

void write_placement(JsonWriter& out, const State& state, const Row& row) {
  out.begin_object();
  out.member("placementId", row.id).member("jobTitle", "Staff nurse").member("type", "Permanent");
  out.key("job").begin_object().member("jobId", state.ad_of(row.application));
  out.member("jobTitle", "Staff nurse").end_object();
  out.key("candidate").begin_object();
  write_candidate_name(out, state.candidate_of(row.application));
  out.end_object();
  out.member("approved", true).member("approvedAt", time_in_json(row.created));
  write_times(out, row);
  out.end_object();
}

void write_row(JsonWriter& out, const State& state, Table table, const Row& row, bool whole) {
  switch (table) {
    case Table::candidates:
      return write_candidate(out, row, whole);
    case Table::job_ads:
      return write_ad(out, row, whole);
    case Table::applications:
      return write_application(out, state, row, whole);
    case Table::placements:
      return write_placement(out, state, row);
  }
}

/// PageLinks; only those that are there.
void write_links(JsonWriter& out, const std::string& url, const ListQuery& query,
                 std::size_t total) {
  const auto link = [&](const char* name, std::size_t offset) {
    out.member(name,
               url + "?offset=" + std::to_string(offset) + "&limit=" + std::to_string(query.limit));
  };
  out.key("links").begin_object();
  link("first", 0);
  if (query.offset > 0) link("prev", query.offset - std::min(query.offset, query.limit));
  if (query.limit > 0 && query.offset + query.limit < total)
    link("next", query.offset + query.limit);
  out.end_object();
}

awaitable<Response> list(SharedDesk desk, Request request, Table table) {
  const ListQuery query = read_query(request);
  // Job ads can be neither filtered nor sorted.
  ListQuery used = query;
  if (table == Table::job_ads) {
    used = ListQuery();
    used.offset = query.offset;
    used.limit = query.limit;
  }
  const bool whole = embeds_self(request);
  const ListAnswer answer = desk->state->list(table, used);
  JsonWriter out;
  out.begin_object();
  out.key("items").begin_array();
  for (const Row& row : answer.rows) write_row(out, *desk->state, table, row, whole);
  out.end_array();
  out.member("totalCount", static_cast<std::uint64_t>(answer.total));
  write_links(out, desk->base_url + request.path, query, answer.total);
  out.end_object();
  co_return server::json_response(200, out.finish().release());
}

awaitable<Response> list_candidates(SharedDesk desk, Request request) {
  return list(std::move(desk), std::move(request), Table::candidates);
}
awaitable<Response> list_ads(SharedDesk desk, Request request) {
  return list(std::move(desk), std::move(request), Table::job_ads);
}
awaitable<Response> list_applications(SharedDesk desk, Request request) {
  return list(std::move(desk), std::move(request), Table::applications);
}

awaitable<Response> list_placements(SharedDesk desk, Request request) {
  return list(std::move(desk), std::move(request), Table::placements);
}

awaitable<Response> show(SharedDesk desk, Request request, Table table) {
  const auto row = desk->state->find(table, id_of(request, "id"));
  if (!row) {
    co_return table == Table::candidates ? error_model(404, "Not found") : no_content(404);
  }
  JsonWriter out;
  write_row(out, *desk->state, table, *row, true);
  co_return server::json_response(200, out.finish().release());
}

awaitable<Response> show_candidate(SharedDesk desk, Request request) {
  return show(std::move(desk), std::move(request), Table::candidates);
}
awaitable<Response> show_ad(SharedDesk desk, Request request) {
  return show(std::move(desk), std::move(request), Table::job_ads);
}
awaitable<Response> show_application(SharedDesk desk, Request request) {
  return show(std::move(desk), std::move(request), Table::applications);
}
awaitable<Response> show_placement(SharedDesk desk, Request request) {
  return show(std::move(desk), std::move(request), Table::placements);
}

awaitable<Response> deleted_candidates(SharedDesk desk, Request) {
  JsonWriter out;
  out.begin_object().key("items").begin_array();
  for (const Row& row : desk->state->deleted_candidates()) {
    out.begin_object().member("candidateId", row.id);
    out.member("deletedAt", time_in_json(row.updated)).end_object();
  }
  out.end_array().end_object();
  co_return server::json_response(200, out.finish().release());
}

/// Every third candidate has a résumé.
awaitable<Response> list_attachments(SharedDesk desk, Request request) {
  const auto row = desk->state->find(Table::candidates, id_of(request, "id"));
  if (!row) co_return no_content(404);
  const bool has_one = row->id % 3 == 0;
  JsonWriter out;
  out.begin_object().key("items").begin_array();
  if (has_one) {
    out.begin_object().member("attachmentId", row->id * 10 + 1).member("type", "Resume");
    out.member("fileName", "cv.txt").member("fileType", "txt");
    out.member("createdAt", time_in_json(row->created)).member("candidateId", row->id);
    out.end_object();
  }
  out.end_array().member("totalCount", has_one ? 1 : 0);
  out.key("links").begin_object().end_object().end_object();
  co_return server::json_response(200, out.finish().release());
}

awaitable<Response> show_attachment(SharedDesk desk, Request request) {
  const auto row = desk->state->find(Table::candidates, id_of(request, "id"));
  if (!row || id_of(request, "attachment") != row->id * 10 + 1) co_return no_content(404);
  const std::string n = std::to_string(row->id);
  Response response = server::text_response(
      200, "Ada" + n + " Sample" + n + "\ncandidate" + n +
               "@example.com\n\nExperience\n2018 - present  Staff nurse, Fake General Hospital\n"
               "2012 - 2018  Nurse, Sample Clinic\n\nSkills\nTriage, wound care, phlebotomy\n");
  co_return response;
}

awaitable<Response> current_user(SharedDesk, Request) {
  co_return server::json_response(
      200, R"({"userId":1,"firstName":"Fake","lastName":"Admin","email":"admin@example.com",)"
           R"("admin":true,"accountName":"Fake Agency"})");
}

}  // namespace

std::string time_in_json(WallTime time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  const std::time_t seconds = std::chrono::system_clock::to_time_t(whole);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time - whole).count();
  if (ms == 0) return std::string(text.data()) + "Z";
  std::array<char, 8> fraction{};
  (void)std::snprintf(fraction.data(), fraction.size(), ".%03d", static_cast<int>(ms));
  return std::string(text.data()) + fraction.data() + "Z";
}

void add_read_routes(Routes& routes) {
  routes.api("GET", "/candidates", &list_candidates);
  routes.api("GET", "/candidates/deleted", &deleted_candidates);
  routes.api("GET", "/candidates/{id}", &show_candidate);
  routes.api("GET", "/candidates/{id}/attachments", &list_attachments);
  routes.api("GET", "/candidates/{id}/attachments/{attachment}", &show_attachment);
  routes.api("GET", "/jobads", &list_ads);
  routes.api("GET", "/jobads/{id}", &show_ad);
  routes.api("GET", "/applications", &list_applications);
  routes.api("GET", "/applications/{id}", &show_application);
  routes.api("GET", "/placements", &list_placements);
  routes.api("GET", "/placements/{id}", &show_placement);
  routes.api("GET", "/users/current", &current_user);
}

}  // namespace rwp::testing::jobadder
