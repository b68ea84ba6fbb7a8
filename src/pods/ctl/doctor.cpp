#include "pods/ctl/doctor.hpp"

#include <rwp/core/json_writer.hpp>
#include <rwp/core/url.hpp>
#include <rwp/pods/ctl.hpp>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <utility>

namespace rwp::pods::ctl {
namespace {

std::string_view name_of(Health health) {
  switch (health) {
    case Health::ok:
      return "ok";
    case Health::warning:
      return "warning";
    case Health::failed:
      return "failed";
    case Health::skipped:
      return "skipped";
  }
  return "";
}

JsonText as_json(const Check& check) {
  JsonWriter out;
  out.begin_object().member("check", check.name).member("status", name_of(check.health));
  out.member("target", check.target).member("detail", check.detail);
  if (!check.fix.empty()) out.member("fix", check.fix);
  out.end_object();
  return out.finish();
}

std::vector<Column> columns() {
  std::vector<Column> all;
  all.push_back(member_column("CHECK", "check"));
  all.push_back(member_column("STATUS", "status"));
  all.push_back(member_column("TARGET", "target", kUncut));
  all.push_back(member_column("DETAIL", "detail", kUncut));
  return all;
}

}  // namespace

std::string masked_url(const std::string& url) {
  const auto parsed = Url::parse(url);
  return parsed ? parsed->masked() : "a URL that is none";
}

bool is_untouched_default(const Context& context, const std::string& variable,
                          const std::string& url) {
  const auto path = file_path_of(url);
  std::error_code code;
  return !path.empty() && source_of(context, variable) == "default" &&
         !std::filesystem::exists(path, code);
}

Check check_settings(Context& context) {
  Check check{.name = "settings", .target = "flags and environment"};
  const auto& problems = context.parsed.problems;
  if (problems.empty()) {
    const auto given =
        std::count_if(context.parsed.effective.begin(), context.parsed.effective.end(),
                      [](const auto& one) { return one.source != "default"; });
    check.detail = std::to_string(given) + " given, the others at their defaults";
    return check;
  }
  check.health = Health::failed;
  check.detail = problems.front();
  if (problems.size() > 1) {
    check.detail += " (and " + std::to_string(problems.size() - 1) + " more)";
  }
  check.fix = "set it right; `rwpctl config` shows all that is in effect";
  return check;
}

int run_doctor(Context& context) {
  std::vector<Check> checks;
  checks.push_back(check_settings(context));
  const auto add = [&checks](std::vector<Check> more) {
    std::move(more.begin(), more.end(), std::back_inserter(checks));
  };
  add({check_job_store(context), check_object_store(context), check_model(context),
       check_analytics(context), check_api(context), check_keys_file(context)});
  add(check_ports(context));
  add(check_disks(context));

  context.out.begin_list("checks", columns());
  for (const auto& check : checks) context.out.row(as_json(check));
  context.out.end_list();
  bool failed = false;
  for (const auto& check : checks) {
    failed = failed || check.health == Health::failed;
    if (check.fix.empty()) continue;
    context.out.line("\n" + check.name + ": " + cell_text(check.fix, 500));
  }
  return failed ? kExitFindings : kExitSuccess;
}

}  // namespace rwp::pods::ctl
