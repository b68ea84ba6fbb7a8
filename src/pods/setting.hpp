#pragma once

#include <rwp/core/error.hpp>
#include <rwp/pods/configuration.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::pods {

/// One setting: its names, its rule, its place in the Configuration.
struct Setting {
  /// "--jobs-url"; the environment's name follows from it unless given.
  std::string flag{};
  std::string variable{};
  std::string placeholder{};
  std::string help{};
  bool secret = false;
  /// Whether VARIABLE_FILE may name a file that holds the value.
  bool from_file = false;
  /// Takes the value over, or tells the rule that it breaks.
  std::function<Result<void>(Configuration& configuration, const std::string& value)> take{};
  /// The effective value, for --print-config; secrets masked.
  std::function<std::string(const Configuration& configuration)> show{};
};

std::vector<Setting> settings(const SchemeRegistry& schemes);

/// `value` as it may be shown in a message: masked when secret, shortened, without control
/// characters.
std::string shown_value(const Setting& setting, const std::string& value);

/// Reads the file that a NAME_FILE variable names, by the rules of parse_configuration().
Result<std::string> read_value_file(const std::string& path);

}  // namespace rwp::pods
