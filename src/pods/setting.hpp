#pragma once

#include <rwp/core/error.hpp>
#include <rwp/pods/configuration.hpp>

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::pods {

/// The programs that have a setting.
class RoleSet {
 public:
  constexpr RoleSet(std::initializer_list<Role> roles) {
    for (const Role role : roles) bits_ |= 1U << static_cast<unsigned>(role);
  }
  /// The programs that serve or work: all but rwpctl.
  static constexpr RoleSet pods() {
    return {Role::standalone, Role::api, Role::worker, Role::ai, Role::analytics};
  }
  constexpr bool contains(Role role) const {
    return (bits_ & (1U << static_cast<unsigned>(role))) != 0;
  }
  static constexpr RoleSet all() {
    return {Role::standalone, Role::api, Role::worker, Role::ai, Role::analytics, Role::ctl};
  }

 private:
  unsigned bits_ = 0;
};

/// One setting: its names, its rule, its place in the Configuration.
struct Setting {
  /// "--jobs-url"; empty: no flag. Of a secret: names the file that holds it.
  std::string flag{};
  /// Empty: what is asked of the program once has no variable.
  std::string variable{};
  std::string placeholder{};
  std::string help{};
  RoleSet roles = RoleSet::all();
  bool secret = false;
  /// Whether VARIABLE_FILE may name a file that holds the value.
  bool from_file = false;
  /// The flag takes no value; the variable is true or false.
  bool is_switch = false;
  /// Takes the value over, or tells the rule that it breaks.
  std::function<Result<void>(Configuration& configuration, const std::string& value)> take{};
  /// The effective value, for --print-config; secrets masked.
  std::function<std::string(const Configuration& configuration)> show{};
};

/// All settings, those of other roles too.
std::vector<Setting> settings(const SchemeRegistry& schemes);

/// `value` as it may be shown in a message: masked when secret, shortened, without control
/// characters.
std::string shown_value(const Setting& setting, const std::string& value);

/// Reads the file that a NAME_FILE variable names, by the rules of parse_configuration().
Result<std::string> read_value_file(const std::string& path);

}  // namespace rwp::pods
