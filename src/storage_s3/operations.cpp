#include "storage_s3/operations.hpp"

#include "storage_s3/digest.hpp"
#include "storage_s3/xml.hpp"
#include <rwp/core/uuid.hpp>
#include <rwp/net/retry.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <map>
#include <utility>

namespace rwp::storage::s3 {
namespace {

constexpr std::string_view kMetadata = "x-amz-meta-";

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

std::uint64_t number_of(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

bool is_gone(const Fault& fault) { return fault.is("NoSuchKey") || fault.is("NoSuchVersion"); }

}  // namespace

Error conflict_of(const PutOptions& options, const std::string& shown) {
  if (options.only_if_absent) return Error(Errc::already_exists, "there is an " + shown);
  return Error(Errc::conflict, shown + " is not the version expected");
}

std::string bare_etag(std::string_view text) {
  if (text.starts_with("W/")) text.remove_prefix(2);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    text = text.substr(1, text.size() - 2);
  }
  return std::string(text);
}

std::string told_md5(const net::HttpResponse& response) {
  const auto encryption = response.headers.find("x-amz-server-side-encryption").value_or("");
  const bool has_other_etag =
      encryption.starts_with("aws:kms") ||
      response.headers.contains("x-amz-server-side-encryption-customer-algorithm");
  const std::string etag = bare_etag(response.headers.find("etag").value_or(""));
  const bool is_md5 =
      etag.size() == 32 && etag.find_first_not_of("0123456789abcdef") == std::string::npos;
  return is_md5 && !has_other_etag ? etag : std::string();
}

std::optional<std::chrono::system_clock::time_point> read_iso_time(std::string_view text) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  unsigned hour = 0;
  unsigned minute = 0;
  unsigned second = 0;
  int length = 0;
  const std::string copy(text.substr(0, 40));
  const int found = std::sscanf(  // NOLINT(cert-err34-c): bounded fields, checked below.
      copy.c_str(), "%4d-%2u-%2uT%2u:%2u:%2u%n", &year, &month, &day, &hour, &minute, &second,
      &length);
  using namespace std::chrono;
  const year_month_day date{std::chrono::year(year), std::chrono::month(month),
                            std::chrono::day(day)};
  if (found != 6 || !date.ok() || year < 1970 || year > 2200 || hour > 23 || minute > 59 ||
      second > 60) {
    return std::nullopt;
  }
  std::string_view rest = std::string_view(copy).substr(static_cast<std::size_t>(length));
  milliseconds fraction{0};
  if (rest.starts_with('.')) {
    for (std::size_t i = 0, scale = 100; i < 3 && i + 1 < rest.size(); ++i, scale /= 10) {
      if (rest[i + 1] < '0' || rest[i + 1] > '9') break;
      fraction += milliseconds(static_cast<long>(scale) * (rest[i + 1] - '0'));
    }
  }
  return sys_days(date) + hours(hour) + minutes(minute) + seconds(second) + fraction;
}

ObjectInfo info_of(const net::HttpResponse& response) {
  ObjectInfo info;
  for (const auto& [name, value] : response.headers) {
    const std::string low = lower(name);
    if (low == "etag") {
      info.etag = bare_etag(value);
    } else if (low == "content-type") {
      info.content_type = value;
    } else if (low == "content-length") {
      info.size_bytes = number_of(value);
    } else if (low == "last-modified") {
      info.modified_at = net::parse_http_date(value).value_or(info.modified_at);
    } else if (low.starts_with(kMetadata) && !low.starts_with("x-amz-meta-rwp-")) {
      info.metadata.emplace(low.substr(kMetadata.size()), value);
    }
  }
  if (info.content_type.empty()) info.content_type = kDefaultContentType;
  return info;
}

net::HttpHeaders object_headers(const Client& client, const PutOptions& options) {
  net::HttpHeaders headers;
  headers.add("content-type", options.content_type);
  for (const auto& [name, value] : options.metadata) {
    headers.add(std::string(kMetadata) + name, value);
  }
  const S3StorageOptions& store = client.options();
  if (!store.encryption.empty()) headers.add("x-amz-server-side-encryption", store.encryption);
  if (!store.kms_key_id.empty()) {
    headers.add("x-amz-server-side-encryption-aws-kms-key-id", store.kms_key_id);
  }
  if (!store.storage_class.empty()) headers.add("x-amz-storage-class", store.storage_class);
  return headers;
}

boost::asio::awaitable<Result<ObjectInfo>> head_object(std::shared_ptr<Client> client,
                                                       std::string key, std::string shown) {
  Call call;
  call.method = "HEAD";
  call.key = std::move(key);
  auto sending = client->send(std::move(call));
  const auto answer = co_await std::move(sending);
  if (!answer) co_return answer.error().with_context(shown);
  if (answer->fault) {
    if (answer->fault->status == 404) co_return Error(Errc::not_found, "no " + shown);
    co_return to_error(*answer->fault, shown);
  }
  co_return info_of(answer->response);
}

boost::asio::awaitable<bool> has_mark(std::shared_ptr<Client> client, std::string key,
                                      std::string mark) {
  Call call;
  call.method = "HEAD";
  call.key = std::move(key);
  auto sending = client->send(std::move(call));
  const auto answer = co_await std::move(sending);
  co_return answer && !answer->fault && answer->response.headers.find(kPutMark) == mark;
}

boost::asio::awaitable<Result<ObjectInfo>> put_object(std::shared_ptr<Client> client,
                                                      std::string key, std::string shown,
                                                      std::string content, PutOptions options) {
  const std::uint64_t size = content.size();
  auto hashing = client->payload(std::move(content));
  const auto payload = co_await std::move(hashing);
  const bool is_conditional = options.only_if_absent || !options.if_match.empty();
  const std::string mark = is_conditional ? Uuid::make_v7().to_string() : std::string();
  Call call;
  call.method = "PUT";
  call.key = key;
  call.payload = payload;
  call.headers = object_headers(*client, options);
  call.headers.add("content-md5", base64_of(payload->md5));
  if (is_conditional) call.headers.add(std::string(kPutMark), mark);
  if (options.only_if_absent) call.headers.add("if-none-match", "*");
  if (!options.if_match.empty()) call.headers.add("if-match", client->condition(options.if_match));
  auto sending = client->send(call);
  auto answer = co_await std::move(sending);
  if (answer && answer->fault && answer->fault->status == 412 && !options.if_match.empty() &&
      !answer->is_repeated && !client->has_bare_conditions()) {
    auto looking = head_object(client, key, shown);
    const auto found = co_await std::move(looking);
    if (found && found->etag == options.if_match) {
      call.headers.set("if-match", options.if_match);
      auto sending_again = client->send(std::move(call));
      answer = co_await std::move(sending_again);
      if (answer && !answer->fault) client->set_bare_conditions();
      if (answer && answer->fault && answer->fault->status == 412 && !answer->is_repeated) {
        // Ceph 16 holds it against the version that is to come, where the bucket keeps versions.
        auto looking_again = head_object(client, key, shown);
        const auto stands = co_await std::move(looking_again);
        if (stands && stands->etag == options.if_match) {
          co_return Error(Errc::unsupported, shown + ": the server refuses a condition that holds");
        }
      }
    }
  }
  if (!answer) co_return answer.error().with_context(shown);
  if (answer->fault) {
    const int status = answer->fault->status;
    const bool refused = status == 412 || (status == 404 && answer->fault->is("NoSuchKey"));
    if (!is_conditional || !refused) co_return to_error(*answer->fault, shown);
    bool is_own = false;
    if (answer->is_repeated) {
      auto looking = has_mark(client, key, mark);
      is_own = co_await std::move(looking);
    }
    if (!is_own) co_return conflict_of(options, shown);
  }
  ObjectInfo info;
  info.size_bytes = size;
  info.content_type = options.content_type;
  info.metadata = options.metadata;
  info.etag = answer->fault ? hex_of(payload->md5) : info_of(answer->response).etag;
  const auto date = answer->response.headers.find("date");
  const auto time = date ? net::parse_http_date(std::string(*date)) : std::nullopt;
  info.modified_at = time.value_or(client->options().now());
  const std::string told = answer->fault ? std::string() : told_md5(answer->response);
  if (!told.empty() && told != hex_of(payload->md5)) {
    co_return Error(Errc::corrupt, shown + ": the server has stored other bytes than were sent");
  }
  co_return info;
}

boost::asio::awaitable<Result<void>> delete_object(std::shared_ptr<Client> client, std::string key,
                                                   std::string shown, std::string version) {
  Call call;
  call.method = "DELETE";
  call.key = std::move(key);
  if (!version.empty()) call.query.emplace_back("versionId", std::move(version));
  auto sending = client->send(std::move(call));
  const auto answer = co_await std::move(sending);
  if (!answer) co_return answer.error().with_context(shown);
  if (answer->fault && !is_gone(*answer->fault)) co_return to_error(*answer->fault, shown);
  co_return Result<void>();
}

namespace {

/// What the server says of each key that it could not delete.
std::map<std::string, Error> errors_of(const XmlElement& document) {
  std::map<std::string, Error> errors;
  for (const XmlElement& one : document.children) {
    if (one.name != "Error") continue;
    Fault fault;
    fault.code = one.value("Code");
    if (is_gone(fault)) continue;
    fault.message = one.value("Message");
    fault.status = fault.is("AccessDenied") ? 403 : 503;
    const std::string key(one.value("Key"));
    errors.emplace(key, to_error(fault, "object " + key));
  }
  return errors;
}

}  // namespace

boost::asio::awaitable<std::vector<Result<void>>> delete_objects(std::shared_ptr<Client> client,
                                                                 std::vector<Doomed> doomed) {
  std::string body =
      "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>";
  for (const Doomed& one : doomed) {
    body.append("<Object><Key>").append(xml_escaped(one.key)).append("</Key>");
    if (!one.version.empty()) {
      body.append("<VersionId>").append(xml_escaped(one.version)).append("</VersionId>");
    }
    body += "</Object>";
  }
  body += "</Delete>";
  auto hashing = client->payload(std::move(body));
  Call call;
  call.payload = co_await std::move(hashing);
  call.method = "POST";
  call.query.emplace_back("delete", "");
  call.headers.add("content-md5", base64_of(call.payload->md5));
  call.headers.add("content-type", "application/xml");
  call.may_fail_with_200 = true;
  auto sending = client->send(std::move(call));
  const auto answer = co_await std::move(sending);
  std::vector<Result<void>> results(doomed.size());
  if (answer && answer->fault && answer->fault->status == 501) {
    for (std::size_t i = 0; i < doomed.size(); ++i) {
      const Doomed& one = doomed[i];
      auto deleting = delete_object(client, one.key, "object " + one.key, one.version);
      results[i] = co_await std::move(deleting);
    }
    co_return results;
  }
  std::optional<Error> failed;
  std::map<std::string, Error> errors;
  if (!answer) {
    failed = answer.error();
  } else if (answer->fault) {
    failed = to_error(*answer->fault, "removing objects");
  } else if (auto document = parse_xml(answer->response.body)) {
    errors = errors_of(*document);
  } else {
    failed = document.error().with_context("removing objects");
  }
  for (std::size_t i = 0; i < doomed.size(); ++i) {
    const auto found = errors.find(doomed[i].key);
    if (failed) {
      results[i] = *failed;
    } else if (found != errors.end()) {
      results[i] = found->second;
    }
  }
  co_return results;
}

boost::asio::awaitable<Result<ObjectInfo>> copy_object(std::shared_ptr<Client> client,
                                                       std::string from, std::string to,
                                                       std::string shown) {
  // The copy is of the version that the size was asked of.
  auto looking = head_object(client, from, shown);
  auto source = co_await std::move(looking);
  if (!source) co_return source.error();
  if (source->size_bytes > client->options().max_copy_bytes) {
    auto copying = copy_in_parts(client, std::move(from), std::move(*source), std::move(to), shown);
    co_return co_await std::move(copying);
  }
  Call call;
  call.method = "PUT";
  call.key = to;
  call.may_fail_with_200 = true;
  PutOptions options;
  options.content_type = source->content_type;
  options.metadata = source->metadata;
  call.headers = object_headers(*client, options);
  call.headers.add("x-amz-metadata-directive", "REPLACE");
  call.headers.add("x-amz-copy-source",
                   percent_encoded("/" + client->address().bucket() + "/" + from, true));
  call.headers.add("x-amz-copy-source-if-match", "\"" + source->etag + "\"");
  auto sending = client->send(std::move(call));
  const auto answer = co_await std::move(sending);
  if (!answer) co_return answer.error().with_context(shown);
  if (answer->fault) {
    if (answer->fault->status == 404) co_return Error(Errc::not_found, "no " + shown);
    if (answer->fault->status == 412) {
      co_return Error(Errc::conflict, shown + " was replaced while it was copied");
    }
    co_return to_error(*answer->fault, shown);
  }
  auto looking_again = head_object(client, std::move(to), shown);
  co_return co_await std::move(looking_again);
}

}  // namespace rwp::storage::s3
