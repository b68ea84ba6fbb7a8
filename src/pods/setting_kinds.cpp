#include "pods/setting_kinds.hpp"

#include "pods/event_sinks.hpp"
#include "pods/listen_address.hpp"
#include <rwp/core/url.hpp>
#include <rwp/server/address_ranges.hpp>

#include <algorithm>
#include <charconv>

namespace rwp::pods {
namespace {

Error broken(std::string rule) { return {Errc::invalid_argument, std::move(rule)}; }

std::string join(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name + ":";
  return text;
}

bool is_path(const std::string& value) {
  return !value.empty() && value.size() <= 4'000 && value.find('\0') == std::string::npos;
}

Result<void> check_url(const std::string& value, const std::vector<std::string>& known) {
  const auto url = Url::parse(value);
  if (!url) {
    return broken("must be a URL such as " + known.front() + ": (" + url.error().message() + ")");
  }
  if (std::find(known.begin(), known.end(), url->scheme()) == known.end()) {
    return broken("unknown scheme '" + url->scheme() + ":'; here are " + join(known));
  }
  return {};
}

std::string masked(const std::string& value) {
  const auto url = Url::parse(value);
  return url ? url->masked() : value;
}

}  // namespace

Setting named(SettingNames names) {
  Setting setting;
  setting.flag = std::move(names.flag);
  setting.variable = std::move(names.variable);
  setting.placeholder = std::move(names.placeholder);
  setting.help = std::move(names.help);
  setting.roles = names.roles;
  return setting;
}

Setting url_setting(SettingNames names, std::string Configuration::*member,
                    std::vector<std::string> known) {
  names.placeholder = "URL";
  Setting setting = named(std::move(names));
  setting.from_file = true;
  setting.take = [member, known = std::move(known)](Configuration& configuration,
                                                    const std::string& value) -> Result<void> {
    if (auto good = check_url(value, known); !good) return good;
    configuration.*member = value;
    return {};
  };
  setting.show = [member](const Configuration& configuration) {
    return masked(configuration.*member);
  };
  return setting;
}

Setting urls_setting(SettingNames names, std::string Configuration::*member,
                     std::vector<std::string> known) {
  names.placeholder = "URL";
  Setting setting = named(std::move(names));
  setting.from_file = true;
  setting.take = [member, known = std::move(known)](Configuration& configuration,
                                                    const std::string& value) -> Result<void> {
    const auto urls = split_urls(value);
    if (urls.empty()) return check_url(value, known);
    for (const std::string& url : urls) {
      if (auto good = check_url(url, known); !good) return good;
    }
    configuration.*member = value;
    return {};
  };
  setting.show = [member](const Configuration& configuration) {
    std::string shown;
    for (const std::string& url : split_urls(configuration.*member)) {
      shown += (shown.empty() ? "" : " ") + masked(url);
    }
    return shown;
  };
  return setting;
}

Setting text_setting(SettingNames names, std::string Configuration::*member, std::string rule,
                     bool (*is_good)(const std::string&)) {
  Setting setting = named(std::move(names));
  setting.take = [member, rule = std::move(rule), is_good](
                     Configuration& configuration, const std::string& value) -> Result<void> {
    if (!is_good(value)) return broken(rule);
    configuration.*member = value;
    return {};
  };
  setting.show = [member](const Configuration& configuration) { return configuration.*member; };
  return setting;
}

Setting path_setting(SettingNames names, std::string Configuration::*member) {
  const std::string rule =
      "must be the path of a " + std::string(names.placeholder == "DIR" ? "directory" : "file");
  return text_setting(std::move(names), member, rule, &is_path);
}

Setting listen_setting(SettingNames names, std::string Configuration::*member) {
  names.placeholder = "ADDRESS";
  Setting setting = named(std::move(names));
  setting.take = [member](Configuration& configuration, const std::string& value) -> Result<void> {
    const auto address = parse_listen_address(value);
    if (!address) return address.error();
    configuration.*member = value;
    return {};
  };
  setting.show = [member](const Configuration& configuration) { return configuration.*member; };
  return setting;
}

Setting ranges_setting(SettingNames names, std::string Configuration::*member) {
  Setting setting = named(std::move(names));
  setting.take = [member](Configuration& configuration, const std::string& value) -> Result<void> {
    const auto ranges = server::AddressRanges::parse(value);
    if (!ranges) return ranges.error();
    configuration.*member = value;
    return {};
  };
  setting.show = [member](const Configuration& configuration) { return configuration.*member; };
  return setting;
}

Setting number_setting(SettingNames names, std::size_t Configuration::*member, std::size_t least,
                       std::size_t most) {
  names.placeholder = "N";
  Setting setting = named(std::move(names));
  setting.take = [member, least, most](Configuration& configuration,
                                       const std::string& value) -> Result<void> {
    std::size_t number = 0;
    const auto* end = value.data() + value.size();
    const auto read = std::from_chars(value.data(), end, number);
    if (read.ec != std::errc() || read.ptr != end || number < least || number > most) {
      return broken("must be a whole number from " + std::to_string(least) + " to " +
                    std::to_string(most));
    }
    configuration.*member = number;
    return {};
  };
  setting.show = [member](const Configuration& configuration) {
    return std::to_string(configuration.*member);
  };
  return setting;
}

Setting duration_setting(SettingNames names, std::chrono::milliseconds Configuration::*member,
                         std::chrono::milliseconds most, std::string most_text,
                         std::chrono::milliseconds least) {
  names.placeholder = "TIME";
  Setting setting = named(std::move(names));
  std::string rule = "must be a time such as 500ms, 25s or 2m, at most " + std::move(most_text);
  if (least.count() > 0) rule += ", at least " + std::to_string(least.count()) + "ms";
  setting.take = [member, most, least, rule = std::move(rule)](
                     Configuration& configuration, const std::string& value) -> Result<void> {
    const auto time = parse_duration(value);
    if (!time || *time > most || *time < least) return broken(rule);
    configuration.*member = *time;
    return {};
  };
  setting.show = [member](const Configuration& configuration) {
    return std::to_string((configuration.*member).count()) + "ms";
  };
  return setting;
}

Setting switch_setting(SettingNames names, bool Configuration::*member) {
  Setting setting = named(std::move(names));
  setting.is_switch = true;
  setting.take = [member](Configuration& configuration, const std::string& value) -> Result<void> {
    if (value != "true" && value != "false") return broken("must be true or false");
    configuration.*member = value == "true";
    return {};
  };
  setting.show = [member](const Configuration& configuration) -> std::string {
    return configuration.*member ? "true" : "false";
  };
  return setting;
}

Setting secret_setting(SettingNames names, Secret Configuration::*member, std::size_t least,
                       std::size_t most) {
  names.placeholder = "FILE";
  Setting setting = named(std::move(names));
  setting.secret = true;
  setting.from_file = true;
  setting.take = [member, least, most](Configuration& configuration,
                                       const std::string& value) -> Result<void> {
    const auto is_good = [](char c) { return c > ' ' && c < '\x7f'; };
    if (value.size() < least || value.size() > most ||
        !std::all_of(value.begin(), value.end(), is_good)) {
      return broken("must be " + std::to_string(least) + " to " + std::to_string(most) +
                    " printable characters without spaces");
    }
    configuration.*member = Secret(value);
    return {};
  };
  setting.show = [member](const Configuration& configuration) {
    return (configuration.*member).masked();
  };
  return setting;
}

}  // namespace rwp::pods
