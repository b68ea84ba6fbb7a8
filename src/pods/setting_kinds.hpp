#pragma once

#include "pods/setting.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The kinds of settings, each with its rule: what setting.cpp's table is made of.
namespace rwp::pods {

/// How a setting is called and told.
struct SettingNames {
  std::string flag{};
  std::string variable{};
  std::string placeholder{};
  std::string help{};
  RoleSet roles = RoleSet::all();
};

Setting named(SettingNames names);

/// A URL whose scheme is one of `known`.
Setting url_setting(SettingNames names, std::string Configuration::*member,
                    std::vector<std::string> known);

/// URLs apart by spaces, each as above.
Setting urls_setting(SettingNames names, std::string Configuration::*member,
                     std::vector<std::string> known);

Setting text_setting(SettingNames names, std::string Configuration::*member, std::string rule,
                     bool (*is_good)(const std::string&));

/// The path of a file or directory.
Setting path_setting(SettingNames names, std::string Configuration::*member);

Setting listen_setting(SettingNames names, std::string Configuration::*member);

/// Ranges of addresses, with commas between.
Setting ranges_setting(SettingNames names, std::string Configuration::*member);

Setting number_setting(SettingNames names, std::size_t Configuration::*member, std::size_t least,
                       std::size_t most);

/// A time such as 500ms, at least `least` and at most `most`, which the message calls `most_text`.
Setting duration_setting(SettingNames names, std::chrono::milliseconds Configuration::*member,
                         std::chrono::milliseconds most, std::string most_text,
                         std::chrono::milliseconds least = std::chrono::milliseconds(0));

Setting switch_setting(SettingNames names, bool Configuration::*member);

/// Read from the variable, or from the file that the flag or VARIABLE_FILE names; of `least` to
/// `most` characters.
Setting secret_setting(SettingNames names, Secret Configuration::*member, std::size_t least = 8,
                       std::size_t most = 512);

/// One of few names. `Member` is the enum or an optional of it.
template <class Enum, std::size_t size, class Member>
Setting choice_setting(SettingNames names, Member Configuration::*member,
                       std::array<std::pair<std::string_view, Enum>, size> choices) {
  Setting setting = named(std::move(names));
  for (const auto& [name, value] : choices) {
    setting.placeholder += (setting.placeholder.empty() ? "" : "|") + std::string(name);
  }
  setting.take = [member, choices, rule = "must be " + setting.placeholder](
                     Configuration& configuration, const std::string& value) -> Result<void> {
    for (const auto& [name, choice] : choices) {
      if (name != value) continue;
      configuration.*member = choice;
      return {};
    }
    return Error(Errc::invalid_argument, rule);
  };
  setting.show = [member, choices](const Configuration& configuration) -> std::string {
    for (const auto& [name, choice] : choices) {
      if (configuration.*member == choice) return std::string(name);
    }
    return {};  // Left to the program.
  };
  return setting;
}

}  // namespace rwp::pods
