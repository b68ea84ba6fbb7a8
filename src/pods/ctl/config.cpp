#include "pods/ctl/context.hpp"
#include "pods/setting.hpp"
#include <rwp/core/json_writer.hpp>
#include <rwp/pods/ctl.hpp>

#include <array>
#include <utility>

namespace rwp::pods::ctl {
namespace {

constexpr std::array<std::pair<std::string_view, Role>, 6> kRoles = {
    {{"api", Role::api},
     {"worker", Role::worker},
     {"ai", Role::ai},
     {"analytics", Role::analytics},
     {"standalone", Role::standalone},
     {"rwpctl", Role::ctl}}};

std::vector<Column> columns() {
  std::vector<Column> all;
  all.push_back(member_column("SETTING", "name"));
  all.push_back(member_column("VALUE", "value", kUncut));
  all.push_back(member_column("FROM", "source", kUncut));
  return all;
}

}  // namespace

int show_config(Context& context) {
  const auto& wanted = context.options.role;
  auto parsed = context.parsed;
  if (!wanted.empty()) {
    std::vector<std::string> names;
    std::optional<Role> role;
    for (const auto& [name, known] : kRoles) {
      names.emplace_back(name);
      if (name == wanted) role = known;
    }
    if (!role) {
      const auto nearest = nearest_name(wanted, names);
      return refuse("--role " + shown_value(Setting(), wanted) + ": is none" +
                    (nearest.empty() ? "; there are api, worker, ai, analytics, standalone, rwpctl"
                                     : "; did you mean " + nearest + "?"));
    }
    // Only what it finds around it: rwpctl's own flags are not its.
    parsed = parse_configuration({}, process_environment(), context.make_schemes(BuiltinOptions()),
                                 *role);
  }
  context.out.begin_list("settings", columns());
  for (const auto& setting : parsed.effective) {
    JsonWriter out;
    out.begin_object().member("name", setting.name).member("value", setting.value);
    out.member("source", setting.source).end_object();
    context.out.row(out.finish());
  }
  context.out.end_list();
  for (const auto& problem : parsed.problems) tell(problem);
  return parsed.problems.empty() ? kExitSuccess : kExitUsage;
}

}  // namespace rwp::pods::ctl
