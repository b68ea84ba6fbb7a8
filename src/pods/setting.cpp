#include "pods/setting.hpp"

#include "pods/setting_kinds.hpp"
#include <rwp/ai/model.hpp>
#include <rwp/analytics/sink.hpp>
#include <rwp/core/url.hpp>
#include <rwp/core/utf8.hpp>
#include <rwp/jobs/job_store.hpp>
#include <rwp/storage/object_store.hpp>

#include <algorithm>

namespace rwp::pods {
namespace {

using Names = SettingNames;

constexpr RoleSet kRunsJobs{Role::standalone, Role::worker};
constexpr RoleSet kHasObjects{Role::standalone, Role::api, Role::worker, Role::ai, Role::ctl};
constexpr RoleSet kHasModel{Role::standalone, Role::worker, Role::ai, Role::ctl};
constexpr RoleSet kCallsModel{Role::standalone, Role::worker, Role::ai};
constexpr RoleSet kServesModel{Role::standalone, Role::ai};
constexpr RoleSet kServesJobs{Role::standalone, Role::api};
constexpr RoleSet kAi{Role::ai};
constexpr RoleSet kHasSink{Role::standalone, Role::worker, Role::analytics, Role::ctl};
constexpr RoleSet kKeepsEvents{Role::standalone, Role::worker, Role::analytics};
constexpr RoleSet kTakesKeys{Role::standalone, Role::api, Role::ai, Role::analytics};
constexpr RoleSet kKnowsKeys{Role::standalone, Role::api, Role::ai, Role::analytics, Role::ctl};
constexpr RoleSet kPods = RoleSet::pods();
constexpr RoleSet kServes{Role::api, Role::worker, Role::ai, Role::analytics};
constexpr RoleSet kCtl{Role::ctl};
constexpr RoleSet kApi{Role::api};
constexpr RoleSet kHasJobAdder{Role::standalone, Role::worker, Role::ctl};
constexpr RoleSet kHasWebhooks{Role::standalone, Role::api, Role::worker, Role::ctl};
constexpr RoleSet kStandalone{Role::standalone};

constexpr std::string_view kWordCharacters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

bool is_run_name(const std::string& value) {
  return !value.empty() && value.size() <= 64 && value.front() != '.' &&
         value.find_first_not_of(kWordCharacters) == std::string::npos;
}

bool is_model_name(const std::string& value) {
  return !value.empty() && value.size() <= 256 &&
         std::all_of(value.begin(), value.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

bool is_one_word(const std::string& value) {
  return !value.empty() && value.size() <= 2048 &&
         std::all_of(value.begin(), value.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

bool is_scopes(const std::string& value) {
  return !value.empty() && value.size() <= 1'000 &&
         value.find_first_not_of(std::string(kWordCharacters) + ":,") == std::string::npos;
}

void add_input(std::vector<Setting>& all) {
  all.push_back(path_setting(
      Names{"--input", "RWP_INPUT", "FILE",
            "Adverts to enrich, JSON Lines or CSV; without it, run as a worker", kStandalone},
      &Configuration::input));
  all.push_back(
      text_setting(Names{"--run", "RWP_RUN", "NAME",
                         "A run of its own: enrich everything anew under this name", kStandalone},
                   &Configuration::run,
                   "must be 1 to 64 of a-z A-Z 0-9 - _ . and not start with a dot", &is_run_name));
}

void add_parts(std::vector<Setting>& all, const SchemeRegistry& schemes) {
  all.push_back(path_setting(Names{"--data-dir", "RWP_DATA_DIR", "DIR",
                                   "Where jobs, objects and events lie by default (rwp-data)"},
                             &Configuration::data_dir));
  all.push_back(
      url_setting(Names{"--jobs-url", "RWP_JOBS_URL", "", "Job store (sqlite:DIR/jobs.db)"},
                  &Configuration::jobs_url, schemes.schemes<jobs::JobStore>()));
  all.push_back(url_setting(
      Names{"--objects-url", "RWP_OBJECTS_URL", "", "Object store (file:DIR/objects)", kHasObjects},
      &Configuration::objects_url, schemes.schemes<storage::ObjectStore>()));
  all.push_back(
      url_setting(Names{"--ai-url", "RWP_AI_URL", "", "Language model (local:)", kHasModel},
                  &Configuration::ai_url, schemes.schemes<ai::Model>()));
  all.push_back(text_setting(Names{"--ai-model", "RWP_AI_MODEL", "NAME",
                                   "The model to ask for where none is named", kHasModel},
                             &Configuration::ai_model,
                             "must be 1 to 256 printable characters without spaces",
                             &is_model_name));
  all.push_back(secret_setting(Names{"--ai-key-file", "RWP_AI_API_KEY", "",
                                     "File with the key for the model's URL", kHasModel},
                               &Configuration::ai_key));
  all.push_back(secret_setting(
      Names{"", "OPENAI_API_KEY", "", "Key of the OpenAI-compatible service", kHasModel},
      &Configuration::openai_api_key));
  all.push_back(urls_setting(
      Names{"--analytics-url", "RWP_ANALYTICS_URL", "",
            "Where events go, several apart by spaces (jsonl:DIR/events.jsonl)", kHasSink},
      &Configuration::analytics_url, schemes.schemes<analytics::Sink>()));
  all.push_back(
      number_setting(Names{"--analytics-spool", "RWP_ANALYTICS_SPOOL", "",
                           "Requests of events that may wait for one sink (1000000)", kKeepsEvents},
                     &Configuration::analytics_spool, 1, 100'000'000));
  all.push_back(
      secret_setting(Names{"--analytics-key-file", "RWP_ANALYTICS_API_KEY", "",
                           "File with the key for the analytics pod (api_secret)", kHasSink},
                     &Configuration::analytics_key));
  all.push_back(secret_setting(Names{"--ga4-api-secret-file", "GA4_API_SECRET", "",
                                     "File with Google Analytics' API secret", kHasSink},
                               &Configuration::ga4_api_secret));
}

/// What AWS's own programs read, under the same names.
void add_s3(std::vector<Setting>& all) {
  const auto secret = [&all](const char* variable, const char* help,
                             Secret Configuration::*member) {
    all.push_back(secret_setting(Names{"", variable, "", help, kHasObjects}, member, 3, 8192));
  };
  const auto text = [&all](const char* variable, const char* help,
                           std::string Configuration::*member) {
    all.push_back(text_setting(Names{"", variable, "TEXT", help, kHasObjects}, member,
                               "must be 1 to 2048 printable characters without spaces",
                               &is_one_word));
  };
  const auto path = [&all](const char* variable, const char* help,
                           std::string Configuration::*member) {
    all.push_back(path_setting(Names{"", variable, "FILE", help, kHasObjects}, member));
  };
  secret("AWS_ACCESS_KEY_ID", "Key of an s3: object store", &Configuration::aws_access_key_id);
  secret("AWS_SECRET_ACCESS_KEY", "Its secret", &Configuration::aws_secret_access_key);
  secret("AWS_SESSION_TOKEN", "Its token, of keys for a while", &Configuration::aws_session_token);
  text("AWS_ROLE_ARN", "A role to take on, with a token", &Configuration::aws_role_arn);
  path("AWS_WEB_IDENTITY_TOKEN_FILE", "The token's file; read anew each time",
       &Configuration::aws_web_identity_token_file);
  text("AWS_ROLE_SESSION_NAME", "How the role's session is called (rwp)",
       &Configuration::aws_role_session_name);
  path("AWS_SHARED_CREDENTIALS_FILE", "Credentials file with profiles",
       &Configuration::aws_shared_credentials_file);
  text("AWS_PROFILE", "The profile in it (default)", &Configuration::aws_profile);
  text("AWS_REGION", "Region of s3: URLs that name none", &Configuration::aws_region);
  text("AWS_ENDPOINT_URL_S3", "Endpoint of s3: URLs that name none",
       &Configuration::aws_endpoint_url_s3);
  text("AWS_ENDPOINT_URL_STS", "Where roles are taken on (AWS's, of the region)",
       &Configuration::aws_endpoint_url_sts);
}

void add_api(std::vector<Setting>& all) {
  all.push_back(
      url_setting(Names{"--api-url", "RWP_API_URL", "",
                        "An API pod to ask instead of the job store: http://HOST:PORT", kCtl},
                  &Configuration::api_url, {"http", "https"}));
  all.push_back(secret_setting(
      Names{"--api-key-file", "RWP_API_KEY", "", "File with the key for the API pod", kCtl},
      &Configuration::api_key));
}

void add_ai_limits(std::vector<Setting>& all) {
  constexpr std::size_t kMostAMinute = 1'000'000'000;
  constexpr std::size_t kMostDollars = 1'000'000'000;
  const auto number = [&all](const char* flag, const char* variable, const char* help,
                             std::size_t Configuration::*member, std::size_t most) {
    all.push_back(number_setting(Names{flag, variable, "", help, kCallsModel}, member, 0, most));
  };
  number("--ai-requests-per-minute", "RWP_AI_REQUESTS_PER_MINUTE",
         "Requests to the model's service (0: as it says)", &Configuration::ai_requests,
         kMostAMinute);
  number("--ai-tokens-per-minute", "RWP_AI_TOKENS_PER_MINUTE",
         "Tokens to the model's service (0: as it says)", &Configuration::ai_tokens, kMostAMinute);
  number("--ai-concurrency", "RWP_AI_CONCURRENCY", "AI calls at once (0: no limit)",
         &Configuration::ai_concurrency, 1'000'000);
  number("--ai-tenant-concurrency", "RWP_AI_TENANT_CONCURRENCY",
         "AI calls at once of each tenant (0: no limit)", &Configuration::ai_tenant_concurrency,
         1'000'000);
  number("--ai-tenant-requests-per-minute", "RWP_AI_TENANT_REQUESTS_PER_MINUTE",
         "AI calls a minute of each tenant (0: no limit)", &Configuration::ai_tenant_requests,
         kMostAMinute);
  number("--ai-tenant-tokens-per-minute", "RWP_AI_TENANT_TOKENS_PER_MINUTE",
         "Tokens a minute of each tenant (0: no limit)", &Configuration::ai_tenant_tokens,
         kMostAMinute);
  number("--ai-budget-day", "RWP_AI_BUDGET_DAY", "US dollars a day (0: no limit)",
         &Configuration::ai_budget_day, kMostDollars);
  number("--ai-budget-month", "RWP_AI_BUDGET_MONTH", "US dollars a month (0: no limit)",
         &Configuration::ai_budget_month, kMostDollars);
  number("--ai-tenant-budget-day", "RWP_AI_TENANT_BUDGET_DAY",
         "US dollars a day of each tenant (0: no limit)", &Configuration::ai_tenant_budget_day,
         kMostDollars);
  number("--ai-tenant-budget-month", "RWP_AI_TENANT_BUDGET_MONTH",
         "US dollars a month of each tenant (0: no limit)", &Configuration::ai_tenant_budget_month,
         kMostDollars);
  number("--ai-cache-megabytes", "RWP_AI_CACHE_MEGABYTES",
         "MiB of memory for answers that may come again (0: none)",
         &Configuration::ai_cache_megabytes, 1'000'000);
}

void add_ai_batch(std::vector<Setting>& all) {
  static constexpr std::chrono::milliseconds kShortest{10};
  all.push_back(switch_setting(
      Names{"--ai-files", "RWP_AI_FILES", "",
            "Serve /v1/files and /v1/batches, kept in the job and object stores", kAi},
      &Configuration::ai_files));
  all.push_back(number_setting(Names{"--ai-batches-concurrency", "RWP_AI_BATCHES_CONCURRENCY", "",
                                     "Lines of such batches that are asked at once (16)", kAi},
                               &Configuration::ai_batches_concurrency, 1, 1'000));
  all.push_back(
      switch_setting(Names{"--ai-batch", "RWP_AI_BATCH", "",
                           "What is able to wait goes through the service's batches", kCallsModel},
                     &Configuration::ai_batch));
  all.push_back(number_setting(Names{"--ai-batch-rows", "RWP_AI_BATCH_ROWS", "",
                                     "Most calls of a batch (5000)", kCallsModel},
                               &Configuration::ai_batch_rows, 1, 9'000));
  const auto time = [&all](const char* flag, const char* variable, const char* help,
                           std::chrono::milliseconds Configuration::*member) {
    all.push_back(duration_setting(Names{flag, variable, "", help, kCallsModel}, member,
                                   std::chrono::hours(72), "72h", kShortest));
  };
  time("--ai-batch-age", "RWP_AI_BATCH_AGE", "Longest that calls are gathered (60s)",
       &Configuration::ai_batch_age);
  time("--ai-batch-poll-every", "RWP_AI_BATCH_POLL_EVERY", "How often a batch is looked at (60s)",
       &Configuration::ai_batch_poll_every);
  time("--ai-batch-takes", "RWP_AI_BATCH_TAKES",
       "A job that is needed sooner is asked at once (25h)", &Configuration::ai_batch_takes);
  time("--ai-batch-request-timeout", "RWP_AI_BATCH_REQUEST_TIMEOUT",
       "Longest that making a batch may take (120s)", &Configuration::ai_batch_request_timeout);
}

void add_ai(std::vector<Setting>& all, const SchemeRegistry& schemes) {
  add_ai_limits(all);
  all.push_back(duration_setting(Names{"--ai-cache-ttl", "RWP_AI_CACHE_TTL", "",
                                       "How long answers are kept (24h)", kCallsModel},
                                 &Configuration::ai_cache_ttl, std::chrono::hours(24 * 30), "720h",
                                 std::chrono::seconds(1)));
  all.push_back(url_setting(Names{"--ai-fallback-url", "RWP_AI_FALLBACK_URL", "",
                                  "A model to ask when that one cannot answer", kCallsModel},
                            &Configuration::ai_fallback_url, schemes.schemes<ai::Model>()));
  all.push_back(secret_setting(Names{"--ai-fallback-key-file", "RWP_AI_FALLBACK_API_KEY", "",
                                     "File with the key for that model's URL", kCallsModel},
                               &Configuration::ai_fallback_key));
  all.push_back(switch_setting(
      Names{"--ai-redact", "RWP_AI_REDACT", "",
            "Keep e-mail addresses, phone numbers and addresses from leaving", kCallsModel},
      &Configuration::ai_redact));
  all.push_back(duration_setting(
      Names{"--ai-ping-every", "RWP_AI_PING_EVERY", "",
            "Silence within a stream after which a comment is sent (15s)", kServesModel},
      &Configuration::ai_ping_every, std::chrono::minutes(10), "10m",
      std::chrono::milliseconds(10)));
  all.push_back(
      url_setting(Names{"--redis-url", "RWP_REDIS_URL", "",
                        "Redis that the pods of a fleet share limits and answers by", kHasModel},
                  &Configuration::redis_url,
                  {"redis", "rediss", "redis+unix", "redis-sentinel", "rediss-sentinel"}));
  all.push_back(path_setting(Names{"--ai-tenants-file", "RWP_AI_TENANTS_FILE", "FILE",
                                   "What each tenant may do with the model", kServesModel},
                             &Configuration::ai_tenants_file));
  all.push_back(switch_setting(
      Names{"--ai-usage", "RWP_AI_USAGE", "", "Book what each call cost in the job store", kAi},
      &Configuration::ai_usage));
  all.push_back(switch_setting(Names{"--ai-artefacts", "RWP_AI_ARTEFACTS", "",
                                     "Keep requests and answers in the object store", kCallsModel},
                               &Configuration::ai_artefacts));
  add_ai_batch(all);
  all.push_back(path_setting(Names{"--ai-prices-file", "RWP_AI_PRICES_FILE", "FILE",
                                   "What models cost (OpenAI's list)", kCallsModel},
                             &Configuration::ai_prices_file));
}

void add_jobadder(std::vector<Setting>& all) {
  constexpr std::size_t kMostRequests = 1'000'000;
  constexpr std::size_t kMostField = 2'147'483'647;
  all.push_back(text_setting(
      Names{"--jobadder-client-id", "RWP_JOBADDER_CLIENT_ID", "ID",
            "JobAdder's client; without it, nothing of JobAdder is done", kHasJobAdder},
      &Configuration::jobadder_client_id, "must be 1 to 2048 printable characters without spaces",
      &is_one_word));
  all.push_back(secret_setting(Names{"--jobadder-client-secret-file", "RWP_JOBADDER_CLIENT_SECRET",
                                     "", "File with its secret", kHasJobAdder},
                               &Configuration::jobadder_client_secret));
  all.push_back(
      url_setting(Names{"--jobadder-auth-url", "RWP_JOBADDER_AUTH_URL", "",
                        "Where people sign in (https://id.jobadder.com/connect)", kHasJobAdder},
                  &Configuration::jobadder_auth_url, {"http", "https"}));
  all.push_back(
      path_setting(Names{"--jobadder-ca-file", "RWP_JOBADDER_CA_FILE", "FILE",
                         "Authorities to trust for JobAdder, PEM (the system's)", kHasJobAdder},
                   &Configuration::jobadder_ca_file));
  all.push_back(
      number_setting(Names{"--jobadder-requests-per-minute", "RWP_JOBADDER_REQUESTS_PER_MINUTE", "",
                           "Requests to each account (300; 0: as it refuses)", kHasJobAdder},
                     &Configuration::jobadder_requests, 0, kMostRequests));
  all.push_back(duration_setting(Names{"--jobadder-poll", "RWP_JOBADDER_POLL", "",
                                       "How often JobAdder's lists are looked at (5m)", kRunsJobs},
                                 &Configuration::jobadder_poll, std::chrono::hours(24), "24h",
                                 std::chrono::seconds(1)));
  all.push_back(
      secret_setting(Names{"--jobadder-webhook-secret-file", "RWP_JOBADDER_WEBHOOK_SECRET", "",
                           "File with what the webhooks' Authorization is made of", kHasWebhooks},
                     &Configuration::jobadder_webhook_secret, 16));
  all.push_back(choice_setting<JobAdderWriteBackMode, 3>(
      Names{"--jobadder-write-back", "RWP_JOBADDER_WRITE_BACK", "",
            "How matches go back to JobAdder (none)", kRunsJobs},
      &Configuration::jobadder_write_back,
      {{{"none", JobAdderWriteBackMode::none},
        {"notes", JobAdderWriteBackMode::notes},
        {"field", JobAdderWriteBackMode::field}}}));
  all.push_back(number_setting(Names{"--jobadder-score-field", "RWP_JOBADDER_SCORE_FIELD", "",
                                     "The custom field that takes the score", kRunsJobs},
                               &Configuration::jobadder_score_field, 0, kMostField));
}

void add_server(std::vector<Setting>& all) {
  all.push_back(listen_setting(
      Names{"--listen", "RWP_LISTEN", "",
            "Address and port to serve on (:3000; standalone serves only when it is given)"},
      &Configuration::listen));
  all.push_back(listen_setting(Names{"--metrics-listen", "RWP_METRICS_LISTEN", "",
                                     "A port of their own for /health, /ready and /metrics"},
                               &Configuration::metrics_listen));
  all.push_back(
      ranges_setting(Names{"--trusted-proxies", "RWP_TRUSTED_PROXIES", "RANGES",
                           "Load balancers whose X-Forwarded-For is believed: 10.0.0.0/8,…", kPods},
                     &Configuration::trusted_proxies));
  all.push_back(
      ranges_setting(Names{"--trusted-cdn", "RWP_TRUSTED_CDN", "RANGES",
                           "Networks before them whose CF-Connecting-IP is believed, too", kPods},
                     &Configuration::trusted_cdn));
  all.push_back(
      switch_setting(Names{"--proxy-protocol", "RWP_PROXY_PROTOCOL", "",
                           "Their connections begin with the PROXY protocol's header", kPods},
                     &Configuration::proxy_protocol));
  all.push_back(number_setting(
      Names{"--key-requests-per-second", "RWP_KEY_REQUESTS_PER_SECOND", "",
            "What an API key may ask of this pod, unless its line says (0: no limit)", kServesJobs},
      &Configuration::key_requests_per_second, 0, 1'000'000));
  all.push_back(duration_setting(
      Names{"--write-patience", "RWP_WRITE_PATIENCE", "",
            "How long writes wait for a job store that is away (60s; of sqlite: 0s)",
            RoleSet{Role::standalone, Role::api, Role::analytics}},
      &Configuration::write_patience, std::chrono::minutes(5), "5m"));
  all.push_back(url_setting(
      Names{"--traces-url", "RWP_TRACES_URL", "",
            "Where spans are sent by OTLP/HTTP: http://collector:4318/v1/traces", kServes},
      &Configuration::traces_url, {"http", "https"}));
  all.push_back(number_setting(
      Names{"--traces-percent", "RWP_TRACES_PERCENT", "",
            "The part of all traces that is sent, the same for all pods (100)", kServes},
      &Configuration::traces_percent, 0, 100));
  all.push_back(path_setting(Names{"--tls-cert-file", "RWP_TLS_CERT_FILE", "FILE",
                                   "Certificate chain, PEM; with --tls-key-file, serve TLS", kPods},
                             &Configuration::tls_cert_file));
  all.push_back(path_setting(
      Names{"--tls-key-file", "RWP_TLS_KEY_FILE", "FILE", "Its private key, PEM", kPods},
      &Configuration::tls_key_file));
  all.push_back(number_setting(
      Names{"--http-threads", "RWP_HTTP_THREADS", "", "Threads that serve (1)", kPods},
      &Configuration::http_threads, 1, 64));
  all.push_back(
      path_setting(Names{"--api-keys-file", "RWP_API_KEYS_FILE", "FILE",
                         "The keys that may be used; read again when it changes", kKnowsKeys},
                   &Configuration::api_keys_file));
  all.push_back(
      switch_setting(Names{"--allow-anonymous", "RWP_ALLOW_ANONYMOUS", "",
                           "Ask nobody for a key; only on a loopback address", kTakesKeys},
                     &Configuration::allow_anonymous));
  all.push_back(text_setting(
      Names{"--new-key", "", "TENANT", "Make a key for this tenant, print it once, and end", kApi},
      &Configuration::new_key, "must be 1 to 64 of a-z A-Z 0-9 - _ . and not start with a dot",
      &is_run_name));
  all.push_back(text_setting(
      Names{"--scopes", "", "LIST", "What the new key may do: jobs:read,jobs:write,…", kApi},
      &Configuration::scopes, "must be names such as jobs:read, with commas between", &is_scopes));
}

void add_running(std::vector<Setting>& all) {
  using observability::LogFormat;
  using observability::LogLevel;
  using std::chrono::hours;
  using std::chrono::minutes;
  all.push_back(number_setting(Names{"--concurrency", "RWP_CONCURRENCY", "",
                                     "Adverts worked on at once, 1 to 1000 (16)", kRunsJobs},
                               &Configuration::concurrency, 1, 1'000));
  all.push_back(
      duration_setting(Names{"--drain-delay", "RWP_DRAIN_DELAY", "",
                             "How long /ready says no before connections are closed (2s)", kPods},
                       &Configuration::drain_delay, minutes(5), "5m"));
  all.push_back(duration_setting(
      Names{"--drain-grace", "RWP_DRAIN_GRACE", "",
            "How long jobs and requests may go on after a first SIGTERM, up to 1h (25s)", kPods},
      &Configuration::drain_grace, hours(1), "1h"));
  all.push_back(choice_setting<Progress, 4>(
      Names{"--progress", "RWP_PROGRESS", "", "How progress is shown (auto)", kStandalone},
      &Configuration::progress,
      {{{"auto", Progress::automatic},
        {"bar", Progress::bar},
        {"lines", Progress::lines},
        {"none", Progress::none}}}));
  all.push_back(choice_setting<LogFormat, 2>(
      Names{"--log-format", "RWP_LOG_FORMAT", "", "Form of the log on standard error (text)",
            kPods},
      &Configuration::log_format, {{{"text", LogFormat::text}, {"json", LogFormat::json}}}));
  all.push_back(choice_setting<LogLevel, 4>(
      Names{"--log-level", "RWP_LOG_LEVEL", "",
            "Least level that is logged (info; standalone warn, with an input error)", kPods},
      &Configuration::log_level,
      {{{"debug", LogLevel::debug},
        {"info", LogLevel::info},
        {"warn", LogLevel::warn},
        {"error", LogLevel::error}}}));
}

}  // namespace

std::vector<Setting> settings(const SchemeRegistry& schemes) {
  std::vector<Setting> all;
  add_input(all);
  add_parts(all, schemes);
  add_s3(all);
  add_ai(all, schemes);
  add_api(all);
  add_jobadder(all);
  add_server(all);
  add_running(all);
  return all;
}

std::string shown_value(const Setting& setting, const std::string& value) {
  if (setting.secret) return "'********'";
  std::string text = value;
  if (setting.placeholder == "URL") {
    const auto url = Url::parse(value);
    // What cannot be taken apart is shown only when it can hold no password.
    if (!url && value.find_first_of("@=") != std::string::npos) return "'********'";
    if (url) text = url->masked();
  }
  constexpr std::size_t kLongest = 80;
  std::string shown;
  for (std::size_t i = 0; i < text.size() && shown.size() < kLongest;) {
    const std::size_t length = utf8_sequence_length(std::string_view(text).substr(i));
    const bool printable = length > 1 || (length == 1 && text[i] >= ' ' && text[i] != '\x7f');
    shown += printable ? text.substr(i, length) : "?";
    i += length > 0 ? length : 1;
  }
  if (shown.size() < text.size()) shown += "…";
  return "'" + shown + "'";
}

}  // namespace rwp::pods
