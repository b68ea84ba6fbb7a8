#include <rwp/testing/scripted_model.hpp>

#include <algorithm>
#include <limits>
#include <utility>

namespace rwp::testing {

using boost::asio::awaitable;

ScriptedModel::ScriptedModel(std::string name) : name_(std::move(name)) {}

ScriptedModel& ScriptedModel::answer(std::string content) {
  ai::ChatReply reply;
  reply.content = std::move(content);
  return answer(std::move(reply));
}

ScriptedModel& ScriptedModel::answer(ai::ChatReply reply) {
  if (reply.model.empty()) reply.model = name_;
  Step step;
  step.outcome = std::move(reply);
  script_.push_back(std::move(step));
  return *this;
}

ScriptedModel& ScriptedModel::fail(Error error) {
  Step step;
  step.outcome = std::move(error);
  script_.push_back(std::move(step));
  return *this;
}

ScriptedModel& ScriptedModel::break_stream(std::string content, std::size_t pieces, Error error) {
  Step step;
  step.outcome = std::move(error);
  step.partial = std::move(content);
  step.partial_pieces = pieces;
  script_.push_back(std::move(step));
  return *this;
}

ScriptedModel& ScriptedModel::answer_with(Handler handler) {
  handler_ = std::move(handler);
  return *this;
}

ScriptedModel& ScriptedModel::embed_with(EmbedHandler handler) {
  embed_handler_ = std::move(handler);
  return *this;
}

ScriptedModel& ScriptedModel::piece_bytes(std::size_t bytes) {
  piece_bytes_ = std::max<std::size_t>(bytes, 1);
  return *this;
}

ScriptedModel::Step ScriptedModel::next(const ai::ChatRequest& request) {
  chat_requests_.push_back(request);
  Step step;
  if (!script_.empty()) {
    step = std::move(script_.front());
    script_.pop_front();
  } else if (handler_) {
    step.outcome = handler_(request);
    if (step.outcome && step.outcome->model.empty()) step.outcome->model = name_;
  } else {
    step.outcome = Error(Errc::internal, name_ + " has no answer left in its script");
  }
  return step;
}

bool ScriptedModel::hand_out(const std::string& content, std::size_t most_pieces,
                             const ai::OnDelta& on_delta) const {
  const std::string_view text = content;
  std::size_t pieces = 0;
  for (std::size_t at = 0; at < text.size() && pieces < most_pieces; at += piece_bytes_, ++pieces) {
    if (!on_delta(text.substr(at, piece_bytes_))) return false;
  }
  return true;
}

awaitable<Result<ai::ChatReply>> ScriptedModel::do_chat(ai::ChatRequest request) {
  Step step = next(request);
  co_return std::move(step.outcome);
}

awaitable<Result<ai::ChatReply>> ScriptedModel::do_stream(ai::ChatRequest request,
                                                          ai::OnDelta on_delta) {
  Step step = next(request);
  const bool wanted = step.outcome ? hand_out(step.outcome->content,
                                              std::numeric_limits<std::size_t>::max(), on_delta)
                                   : hand_out(step.partial, step.partial_pieces, on_delta);
  if (!wanted) co_return Error(Errc::cancelled, "the stream was ended by its reader");
  co_return std::move(step.outcome);
}

awaitable<Result<ai::EmbedReply>> ScriptedModel::do_embed(ai::EmbedRequest request) {
  embed_requests_.push_back(request);
  if (!embed_handler_) co_return Error(Errc::unsupported, name_ + " has no embeddings");
  auto reply = embed_handler_(request);
  if (reply && reply->model.empty()) reply->model = name_;
  co_return reply;
}

}  // namespace rwp::testing
