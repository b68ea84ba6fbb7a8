#include "ai_openai/batch_json.hpp"
#include "ai_openai/impl.hpp"
#include "ai_openai/json_call.hpp"
#include <rwp/ai_openai/batch_api.hpp>
#include <rwp/core/uuid.hpp>

#include <algorithm>
#include <cassert>
#include <functional>
#include <utility>

namespace rwp::ai_openai {
namespace {

using boost::asio::awaitable;

constexpr int kMostItems = 100;

template <class T>
using ReadItem = std::optional<T> (*)(JsonView);

std::string page_path(const std::string& path, const ai::PageQuery& query) {
  std::string text = path + (path.find('?') == std::string::npos ? "?limit=" : "&limit=");
  text += std::to_string(std::clamp(query.limit, 1, kMostItems));
  if (!query.after.empty()) text += "&after=" + path_segment(query.after);
  return text;
}

Call call_of(std::string method, std::string path, SteadyTime deadline) {
  Call call;
  call.method = std::move(method);
  call.path = std::move(path);
  call.deadline = deadline;
  return call;
}

class OpenAiBatchApi final : public ai::BatchApi {
 public:
  OpenAiBatchApi(std::shared_ptr<net::HttpTransport> transport, OpenAiOptions options)
      : upstream_(std::move(transport), std::move(options)) {}

  awaitable<Result<ai::ProviderFile>> upload(ai::FileUpload upload) override {
    if (auto checked = check_upload(upload); !checked) co_return checked.error();
    const std::string boundary = "rwp-" + Uuid::make_v7().to_string();
    Call call = call_of("POST", "/files", upload.deadline);
    call.body = file_form(upload, boundary);
    call.content_type = "multipart/form-data; boundary=" + boundary;
    call.makes_something = true;
    upload.content = std::string();
    co_return co_await one<ai::ProviderFile>(std::move(call), &read_file);
  }

  awaitable<Result<ai::Page<ai::ProviderFile>>> files(std::string purpose,
                                                      ai::PageQuery query) override {
    std::string path = "/files?order=desc";
    if (!purpose.empty()) path += "&purpose=" + path_segment(purpose);
    return page<ai::ProviderFile>(call_of("GET", page_path(path, query), query.deadline),
                                  &read_file);
  }

  awaitable<Result<ai::ProviderFile>> file(std::string id, SteadyTime deadline) override {
    return one<ai::ProviderFile>(call_of("GET", "/files/" + path_segment(id), deadline),
                                 &read_file);
  }

  awaitable<Result<void>> download(std::string id, ai::OnFilePiece on_piece,
                                   SteadyTime deadline) override {
    Call call = call_of("GET", "/files/" + path_segment(id) + "/content", deadline);
    call.accept = "*/*";
    auto called = co_await upstream_.open(std::move(call));
    if (!called.exchange) co_return called.exchange.error();
    for (;;) {
      auto piece = co_await (*called.exchange)->read();
      if (!piece) co_return upstream_.broken_off(**called.exchange, piece.error());
      if (piece->empty()) co_return Result<void>();
      if (!on_piece(*piece)) co_return Error(Errc::cancelled, "the download was ended");
    }
  }

  awaitable<Result<void>> remove_file(std::string id, SteadyTime deadline) override {
    Call call = call_of("DELETE", "/files/" + path_segment(id), deadline);
    auto answer = co_await call_json(upstream_, std::move(call));
    if (!answer) co_return answer.error();
    co_return Result<void>();
  }

  awaitable<Result<ai::Batch>> create(ai::BatchRequest request) override {
    if (auto checked = check_batch(request); !checked) co_return checked.error();
    Call call = call_of("POST", "/batches", request.deadline);
    call.body = batch_json(request).release();
    call.makes_something = true;
    co_return co_await one<ai::Batch>(std::move(call), &read_batch);
  }

  awaitable<Result<ai::Batch>> get(std::string id, SteadyTime deadline) override {
    return one<ai::Batch>(call_of("GET", "/batches/" + path_segment(id), deadline), &read_batch);
  }

  awaitable<Result<ai::Page<ai::Batch>>> list(ai::PageQuery query) override {
    return page<ai::Batch>(call_of("GET", page_path("/batches", query), query.deadline),
                           &read_batch);
  }

  awaitable<Result<ai::Batch>> cancel(std::string id, SteadyTime deadline) override {
    return one<ai::Batch>(call_of("POST", "/batches/" + path_segment(id) + "/cancel", deadline),
                          &read_batch);
  }

 private:
  template <class T>
  awaitable<Result<T>> one(Call call, ReadItem<T> read) {
    auto answer = co_await call_json(upstream_, std::move(call));
    if (!answer) co_return answer.error();
    const JsonDocument document(*answer);
    auto item = read(document.root());
    if (!item) co_return no_answer(upstream_, "it has no id, or no status");
    co_return std::move(*item);
  }

  template <class T>
  awaitable<Result<ai::Page<T>>> page(Call call, ReadItem<T> read) {
    auto answer = co_await call_json(upstream_, std::move(call));
    if (!answer) co_return answer.error();
    const JsonDocument document(*answer);
    const auto data = document.root().find("data");
    if (!data || data->kind() != JsonKind::array) {
      co_return no_answer(upstream_, "data is not an array");
    }
    ai::Page<T> page;
    for (std::size_t i = 0; i < data->size(); ++i) {
      auto item = read(data->at(i));
      // One that is none must not hide the others.
      if (item) page.items.push_back(std::move(*item));
    }
    const auto more = document.root().find("has_more");
    page.has_more = more && more->as_bool() == true;
    co_return std::move(page);
  }

  Upstream upstream_;
};

}  // namespace

Result<std::shared_ptr<ai::BatchApi>> make_openai_batch_api(
    std::shared_ptr<net::HttpTransport> transport, OpenAiOptions options) {
  assert(transport);
  if (auto checked = check_options(options); !checked) return checked.error();
  const auto dialect = find_dialect(options.dialect);
  if (!dialect->batches) {
    return Error(Errc::unsupported, "dialect: " + options.dialect + " has no batches");
  }
  return std::shared_ptr<ai::BatchApi>(
      std::make_shared<OpenAiBatchApi>(std::move(transport), std::move(options)));
}

Result<std::shared_ptr<ai::BatchApi>> OpenAiModel::batches() const {
  return make_openai_batch_api(impl_->upstream.transport(), impl_->options());
}

}  // namespace rwp::ai_openai
