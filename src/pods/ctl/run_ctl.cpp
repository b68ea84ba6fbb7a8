#include "pods/ctl/context.hpp"
#include <rwp/pods/ctl.hpp>

#include <cstdio>
#include <exception>
#include <utility>

namespace rwp::pods {
namespace {

using ctl::Command;

int run_command(ctl::Context& context) {
  switch (context.options.command) {
    case Command::jobs_submit:
      return ctl::submit_jobs(context);
    case Command::jobs_list:
      return ctl::list_jobs(context);
    case Command::jobs_show:
      return ctl::show_jobs(context);
    case Command::jobs_retry:
      return ctl::retry_jobs(context);
    case Command::jobs_cancel:
      return ctl::cancel_jobs(context);
    case Command::jobs_wait:
      return ctl::wait_for_jobs(context);
    case Command::queues_list:
      return ctl::list_queues(context);
    case Command::queues_pause:
      return ctl::pause_queues(context, true);
    case Command::queues_resume:
      return ctl::pause_queues(context, false);
    case Command::keys_create:
      return ctl::create_key(context);
    case Command::keys_list:
      return ctl::list_keys(context);
    case Command::keys_revoke:
      return ctl::revoke_keys(context);
    case Command::objects_ls:
      return ctl::list_objects(context);
    case Command::objects_get:
      return ctl::get_object(context);
    case Command::objects_put:
      return ctl::put_object(context);
    case Command::objects_verify:
      return ctl::verify_object_digests(context);
    case Command::config:
      return ctl::show_config(context);
    case Command::doctor:
      return ctl::run_doctor(context);
    case Command::migrate:
      return ctl::migrate_store(context);
    case Command::dispatch:
      return ctl::steer_dispatch(context);
    case Command::verify:
      return ctl::run_verify(context);
    case Command::ai_eval:
      return ctl::evaluate_models(context);
    case Command::costs_report:
      return ctl::report_costs(context);
    case Command::analytics_hours:
      return ctl::show_event_hours(context);
    case Command::analytics_funnel:
      return ctl::show_funnel(context);
    case Command::jobadder_login:
      return ctl::sign_in_to_jobadder(context);
    case Command::jobadder_status:
      return ctl::show_jobadder(context);
    case Command::jobadder_sync:
      return ctl::sync_jobadder(context);
    case Command::jobadder_webhooks:
      return ctl::steer_jobadder_webhooks(context);
    case Command::forget:
      return ctl::forget_candidate(context);
  }
  return kExitUsage;
}

int run(const std::vector<std::string>& arguments, const MakeSchemes& make_schemes) {
  const auto known = make_schemes(BuiltinOptions());
  auto line = ctl::parse_command_line(arguments, known);
  for (const auto& problem : line.problems) ctl::tell(problem);
  if (!line.problems.empty()) return kExitUsage;
  if (line.answer) {
    std::fputs(line.answer->c_str(), stdout);
    return std::fflush(stdout) == 0 ? kExitSuccess : kExitFailure;
  }
  auto parsed = parse_configuration(line.settings, process_environment(), known, Role::ctl);
  // These two tell what is wrong with the settings, in their own way.
  const auto command = line.options.command;
  if (command != Command::config && command != Command::doctor && !parsed.problems.empty()) {
    for (const auto& problem : parsed.problems) ctl::tell(problem);
    return kExitUsage;
  }
  Runtime runtime{RuntimeOptions{.name = "rwpctl"}};
  ctl::Printer out(line.options.output, stdout);
  auto schemes = make_schemes(builtin_options(parsed.configuration));
  ctl::Context context{.options = std::move(line.options),
                       .parsed = std::move(parsed),
                       .make_schemes = make_schemes,
                       .schemes = std::move(schemes),
                       .runtime = runtime,
                       .out = out};
  const int code = run_command(context);
  if (out.finish()) return code;
  ctl::tell("standard output could not be written");
  return code == kExitSuccess ? kExitFailure : code;
}

}  // namespace

int run_ctl(int argc, char** argv, const MakeSchemes& make_schemes) {
  try {
    return run(std::vector<std::string>(argv + 1, argv + argc), make_schemes);
  } catch (const std::exception& error) {
    ctl::tell(error.what());
    return kExitFailure;
  }
}

}  // namespace rwp::pods
