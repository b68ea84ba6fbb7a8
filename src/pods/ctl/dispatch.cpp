#include "pods/ctl/context.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/jobs/record_store.hpp>
#include <rwp/pods/ctl.hpp>

#include <string>

namespace rwp::pods::ctl {
namespace {

/// What runs is given so long to tell the record that it does.
constexpr std::chrono::seconds kGrace{60};

/// "redis": workers on `tiered:` take their jobs from Redis. "postgres": all take them from
/// PostgreSQL.
void show(Context& context, const jobs::DispatchRole& role) {
  const bool redis = role.mode == jobs::DispatchMode::dispatch;
  context.out.object(JsonText::trusted(std::string("{\"dispatch\":\"") +
                                       (redis ? "redis" : "postgres") +
                                       "\",\"epoch\":" + std::to_string(role.epoch) + "}"));
}

}  // namespace

int steer_dispatch(Context& context) {
  const auto& names = context.options.names;
  if (names.size() > 1 || (names.size() == 1 && names[0] != "postgres" && names[0] != "redis")) {
    return refuse("dispatch takes postgres or redis, or nothing to show which it is");
  }
  const auto record =
      context.schemes.open<jobs::RecordStore>(context.configuration().jobs_url, context.runtime);
  if (!record) return fail(context, record.error());
  if (names.empty()) {
    const auto role = block_on(context.runtime, (*record)->dispatch_role());
    if (!role) return fail(context, role.error());
    show(context, *role);
    return kExitSuccess;
  }
  const auto mode = names[0] == "redis" ? jobs::DispatchMode::dispatch : jobs::DispatchMode::record;
  const auto role = block_on(context.runtime, (*record)->set_dispatch_mode(mode, kGrace));
  if (!role) return fail(context, role.error());
  show(context, *role);
  return kExitSuccess;
}

}  // namespace rwp::pods::ctl
