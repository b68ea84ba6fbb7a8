#include "storage_s3/multipart.hpp"

#include "storage_s3/digest.hpp"
#include "storage_s3/operations.hpp"
#include "storage_s3/xml.hpp"
#include <rwp/core/uuid.hpp>

#include <charconv>
#include <utility>

namespace rwp::storage::s3 {
namespace {

std::uint64_t number_of(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// The document of an answer that is no refusal.
Result<XmlElement> document_of(const Result<Answer>& answer, const std::string& shown) {
  if (!answer) return answer.error().with_context(shown);
  if (answer->fault) return to_error(*answer->fault, shown);
  auto document = parse_xml(answer->response.body);
  if (!document) return document.error().with_context(shown);
  return document;
}

Call part_call(const Multipart& upload, std::size_t number) {
  Call call;
  call.method = "PUT";
  call.key = upload.key;
  call.query.emplace_back("partNumber", std::to_string(number));
  call.query.emplace_back("uploadId", upload.id);
  return call;
}

}  // namespace

boost::asio::awaitable<Result<Multipart>> begin_multipart(std::shared_ptr<Client> client,
                                                          std::string key, std::string shown,
                                                          PutOptions options) {
  Multipart upload;
  upload.key = std::move(key);
  upload.mark = Uuid::make_v7().to_string();
  Call call;
  call.method = "POST";
  call.key = upload.key;
  call.query.emplace_back("uploads", "");
  call.headers = object_headers(*client, options);
  call.headers.add(std::string(kPutMark), upload.mark);
  auto sending = client->send(std::move(call));
  const auto answer = co_await std::move(sending);
  const auto document = document_of(answer, shown);
  if (!document) co_return document.error();
  upload.id = document->value("UploadId");
  if (upload.id.empty()) co_return Error(Errc::corrupt, shown + ": an upload without an id");
  co_return upload;
}

boost::asio::awaitable<Result<std::string>> put_part(std::shared_ptr<Client> client,
                                                     Multipart upload, std::size_t number,
                                                     std::shared_ptr<const Payload> payload,
                                                     std::string shown) {
  Call call = part_call(upload, number);
  call.headers.add("content-md5", base64_of(payload->md5));
  call.payload = payload;
  auto sending = client->send(std::move(call));
  const auto answer = co_await std::move(sending);
  if (!answer) co_return answer.error().with_context(shown);
  if (answer->fault) co_return to_error(*answer->fault, shown);
  const std::string told = told_md5(answer->response);
  if (!told.empty() && told != hex_of(payload->md5)) {
    co_return Error(Errc::corrupt, shown + ": the server has stored other bytes than were sent");
  }
  std::string etag = bare_etag(answer->response.headers.find("etag").value_or(""));
  if (etag.empty()) co_return Error(Errc::corrupt, shown + ": a part without an etag");
  co_return etag;
}

boost::asio::awaitable<Result<std::string>> copy_part(std::shared_ptr<Client> client,
                                                      Multipart upload, std::size_t number,
                                                      std::string from, std::string etag,
                                                      std::uint64_t first, std::uint64_t last,
                                                      std::string shown) {
  Call call = part_call(upload, number);
  call.may_fail_with_200 = true;
  call.headers.add("x-amz-copy-source",
                   percent_encoded("/" + client->address().bucket() + "/" + from, true));
  call.headers.add("x-amz-copy-source-if-match", "\"" + etag + "\"");
  call.headers.add("x-amz-copy-source-range",
                   "bytes=" + std::to_string(first) + "-" + std::to_string(last));
  auto sending = client->send(std::move(call));
  const auto answer = co_await std::move(sending);
  if (answer && answer->fault && answer->fault->status == 412) {
    co_return Error(Errc::conflict, shown + " was replaced while it was copied");
  }
  const auto document = document_of(answer, shown);
  if (!document) co_return document.error();
  std::string part = bare_etag(document->value("ETag"));
  if (part.empty()) co_return Error(Errc::corrupt, shown + ": a part without an etag");
  co_return part;
}

boost::asio::awaitable<Result<ObjectInfo>> complete_multipart(
    std::shared_ptr<Client> client, Multipart upload, std::vector<std::string> etags,
    std::string expected, PutOptions options, std::string shown) {
  std::string body = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
  for (std::size_t i = 0; i < etags.size(); ++i) {
    body.append("<Part><PartNumber>").append(std::to_string(i + 1)).append("</PartNumber><ETag>");
    body.append("&quot;").append(xml_escaped(etags[i])).append("&quot;</ETag></Part>");
  }
  body += "</CompleteMultipartUpload>";
  auto hashing = client->payload(std::move(body));
  Call call;
  call.payload = co_await std::move(hashing);
  call.method = "POST";
  call.key = upload.key;
  call.query.emplace_back("uploadId", upload.id);
  call.headers.add("content-type", "application/xml");
  if (options.only_if_absent) call.headers.add("if-none-match", "*");
  if (!options.if_match.empty()) call.headers.add("if-match", client->condition(options.if_match));
  call.may_fail_with_200 = true;
  auto sending = client->send(std::move(call));
  const auto answer = co_await std::move(sending);
  if (!answer) co_return answer.error().with_context(shown);
  bool is_done = !answer->fault;
  // An attempt before may have done it.
  if (!is_done && answer->is_repeated && !upload.mark.empty()) {
    auto looking = has_mark(client, upload.key, upload.mark);
    is_done = co_await std::move(looking);
  }
  if (!is_done && answer->fault->status == 412) co_return conflict_of(options, shown);
  const bool may_be_done =
      answer->fault && answer->is_repeated && answer->fault->is("NoSuchUpload");
  if (!is_done && !may_be_done) co_return to_error(*answer->fault, shown);
  // Ceph's answer does not tell the etag.
  auto looking = head_object(client, upload.key, shown);
  auto info = co_await std::move(looking);
  if (!info) co_return info.error();
  const bool tells_parts = info->etag.find('-') != std::string::npos;
  const bool is_other = !expected.empty() && info->etag != expected;
  if (is_other && (may_be_done || (tells_parts && client->options().encryption != "aws:kms"))) {
    co_return Error(Errc::corrupt, shown +
                                       ": the server has stored other bytes than were sent, or "
                                       "it was replaced meanwhile");
  }
  co_return info;
}

boost::asio::awaitable<Result<void>> abort_multipart(std::shared_ptr<Client> client,
                                                     Multipart upload, std::string shown) {
  Call call;
  call.method = "DELETE";
  call.key = upload.key;
  call.query.emplace_back("uploadId", upload.id);
  auto sending = client->send(std::move(call));
  const auto answer = co_await std::move(sending);
  if (!answer) co_return answer.error().with_context(shown);
  if (answer->fault && answer->fault->status != 404) co_return to_error(*answer->fault, shown);
  co_return Result<void>();
}

boost::asio::awaitable<Result<Multipart>> find_multipart(std::shared_ptr<Client> client,
                                                         std::string key, std::string shown) {
  Call call;
  call.query.emplace_back("uploads", "");
  call.query.emplace_back("prefix", key);
  auto sending = client->send(std::move(call));
  const auto answer = co_await std::move(sending);
  const auto document = document_of(answer, shown);
  if (!document) co_return document.error();
  Multipart newest;
  newest.key = key;
  std::string_view begun;
  for (const XmlElement& one : document->children) {
    if (one.name != "Upload" || one.value("Key") != key || one.value("Initiated") < begun) continue;
    begun = one.value("Initiated");
    newest.id = one.value("UploadId");
  }
  co_return newest;
}

boost::asio::awaitable<Result<std::map<std::size_t, StoredPart>>> list_parts(
    std::shared_ptr<Client> client, Multipart upload, std::string shown) {
  std::map<std::size_t, StoredPart> parts;
  for (std::string after = "0"; !after.empty();) {
    Call call;
    call.key = upload.key;
    call.query.emplace_back("uploadId", upload.id);
    call.query.emplace_back("part-number-marker", after);
    auto sending = client->send(std::move(call));
    const auto answer = co_await std::move(sending);
    const auto document = document_of(answer, shown);
    if (!document) co_return document.error();
    const std::size_t before = parts.size();
    for (const XmlElement& one : document->children) {
      if (one.name != "Part") continue;
      StoredPart part{.etag = bare_etag(one.value("ETag")),
                      .size_bytes = number_of(one.value("Size"))};
      parts[number_of(one.value("PartNumber"))] = std::move(part);
    }
    const bool more = document->value("IsTruncated") == "true" && parts.size() > before;
    after = more ? std::to_string(parts.rbegin()->first) : std::string();
  }
  co_return parts;
}

}  // namespace rwp::storage::s3
