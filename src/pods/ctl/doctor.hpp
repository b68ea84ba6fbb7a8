#pragma once

#include "pods/ctl/context.hpp"

#include <cstdint>
#include <string>
#include <vector>

/// What doctor looks at, one function a dependency.
namespace rwp::pods::ctl {

enum class Health : std::uint8_t { ok, warning, failed, skipped };

/// What was looked at, how it is, and what to do about it.
struct Check {
  std::string name{};
  /// Masked where it may hold a secret.
  std::string target{};
  Health health = Health::ok;
  std::string detail{};
  /// Empty: nothing to do.
  std::string fix{};
};

std::string masked_url(const std::string& url);
/// Whether the part of this URL is left at its default, and was never made here.
bool is_untouched_default(const Context& context, const std::string& variable,
                          const std::string& url);

/// Longest that one of the checks below waits.
constexpr std::chrono::seconds kCheckTime{5};

Check check_settings(Context& context);
Check check_job_store(Context& context);
Check check_object_store(Context& context);
Check check_model(Context& context);
Check check_analytics(Context& context);
Check check_api(Context& context);
Check check_keys_file(const Context& context);
/// --listen and --metrics-listen, where they are set.
std::vector<Check> check_ports(Context& context);
/// Room, and the kind of file system, under all that lies in files.
std::vector<Check> check_disks(const Context& context);

}  // namespace rwp::pods::ctl
