#include <rwp/analytics_ga4/ga4_sink.hpp>
#include <rwp/core/scheme_registry.hpp>

#include <utility>

namespace rwp::analytics {
namespace {

using Opened = Result<std::shared_ptr<Sink>>;

std::string query_or(const Url& url, const std::string& name, const std::string& fallback) {
  const auto found = url.query().find(name);
  return found == url.query().end() ? fallback : found->second;
}

Opened open(const Url& url, Runtime& runtime, Ga4SinkOptions options) {
  auto opened = make_ga4_sink(runtime, std::move(options));
  if (!opened) return opened.error().with_context(url.masked());
  return opened;
}

Opened open_ga4(const Url& url, Runtime& runtime, Ga4SinkOptions options) {
  if (auto known = url.allow_query({"measurement_id", "region", "names", "sessions", "validate"});
      !known)
    return known.error();
  const std::string region = query_or(url, "region", "");
  if (!region.empty() && (region != "eu" || !url.rest().empty())) {
    return Error(Errc::invalid_argument,
                 url.masked() + ": region is eu, or left out, and none where a host is named");
  }
  const std::string names = query_or(url, "names", "google");
  if (names != "google" && names != "platform") {
    return Error(Errc::invalid_argument, url.masked() + ": names is google or platform");
  }
  options.google_names = names == "google";
  const std::string sessions = query_or(url, "sessions", options.sessions ? "on" : "off");
  if (sessions != "on" && sessions != "off") {
    return Error(Errc::invalid_argument, url.masked() + ": sessions is on or off");
  }
  options.sessions = sessions == "on";
  const std::string validate = query_or(url, "validate", options.validate ? "on" : "off");
  if (validate != "on" && validate != "off") {
    return Error(Errc::invalid_argument, url.masked() + ": validate is on or off");
  }
  options.validate = validate == "on";
  if (region == "eu") options.base_url = "https://region1.google-analytics.com";
  if (!url.rest().empty()) options.base_url = url.rest();
  options.measurement_id = query_or(url, "measurement_id", options.measurement_id);
  return open(url, runtime, std::move(options));
}

Opened open_pod(const Url& url, Runtime& runtime, Ga4SinkOptions options) {
  if (auto known = url.allow_query({"measurement_id"}); !known) return known.error();
  options.base_url = url.scheme() + ":" + url.rest();
  options.measurement_id = query_or(url, "measurement_id", "G-RWP");
  return open(url, runtime, std::move(options));
}

}  // namespace

void register_ga4(SchemeRegistry& registry, Ga4SinkOptions options) {
  registry.add<Sink>("ga4", [options = std::move(options)](const Url& url, Runtime& runtime) {
    return open_ga4(url, runtime, options);
  });
}

void register_analytics_pod(SchemeRegistry& registry, Ga4SinkOptions options) {
  for (const char* scheme : {"http", "https"}) {
    registry.add<Sink>(scheme, [options](const Url& url, Runtime& runtime) {
      return open_pod(url, runtime, options);
    });
  }
}

}  // namespace rwp::analytics
