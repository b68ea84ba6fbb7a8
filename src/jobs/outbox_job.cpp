#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/core/sha256.hpp>
#include <rwp/jobs/checked_job.hpp>
#include <rwp/jobs/outbox_job.hpp>

#include <map>
#include <utility>

namespace rwp::jobs {
namespace {

constexpr std::string_view kKindPrefix = "rwp.outbox.";
/// Of a message beside its body and topic: names, id, punctuation.
constexpr std::size_t kFrameBytes = 80;

NewJob to_job(const std::string& topic, const std::string& subject,
              const std::vector<OutboxMessage>& messages) {
  JsonWriter out;
  out.begin_object().key("messages").begin_array();
  for (const OutboxMessage& message : messages) {
    out.begin_object()
        .member("id", message.id.to_string())
        .member("topic", message.topic)
        .member("body", message.body)
        .end_object();
  }
  out.end_array().end_object();
  NewJob job;
  job.kind = outbox_kind(topic);
  job.queue = std::string(kOutboxQueue);
  job.payload = out.finish();
  if (!subject.empty()) job.tags.push_back(subject_tag(subject));
  return job;
}

/// Messages of one topic, closed into a job whenever the next would not fit.
struct Gathered {
  std::vector<OutboxMessage> messages{};
  std::size_t bytes = 0;
};

class JobOutbox final : public Outbox {
 public:
  explicit JobOutbox(std::shared_ptr<JobStore> store) : store_(std::move(store)) {}

  boost::asio::awaitable<Result<void>> emit(std::vector<OutboxMessage> messages) override {
    auto jobs = make_outbox_jobs(std::move(messages));
    if (!jobs) co_return jobs.error();
    if (jobs->empty()) co_return Result<void>();
    for (NewJob& job : *jobs) {
      // The messages' ids are in the payload, so the same messages make the same key.
      job.idempotency_key = "rwp.outbox/" + to_hex(sha256(job.payload.view()));
    }
    auto inserted = co_await store_->insert(std::move(*jobs));
    if (!inserted) co_return inserted.error();
    for (const auto& answer : *inserted) {
      if (!answer) co_return answer.error();
    }
    co_return Result<void>();
  }

 private:
  const std::shared_ptr<JobStore> store_;
};

}  // namespace

std::string subject_tag(std::string_view subject) { return "subject:" + std::string(subject); }

std::string outbox_kind(std::string_view topic) { return std::string(kKindPrefix).append(topic); }

Result<std::vector<NewJob>> make_outbox_jobs(std::vector<OutboxMessage> messages) {
  std::vector<NewJob> jobs;
  using TopicAndSubject = std::pair<std::string, std::string>;
  std::map<TopicAndSubject, Gathered> topics;
  const auto close = [&jobs](const TopicAndSubject& of, Gathered& gathered) {
    jobs.push_back(to_job(of.first, of.second, gathered.messages));
    gathered = Gathered();
  };
  for (OutboxMessage& message : messages) {
    if (message.topic.empty()) return Error(Errc::invalid_argument, "\"topic\" is empty");
    if (auto ok = check_name("topic", outbox_kind(message.topic)); !ok) return ok.error();
    if (message.id.is_nil()) message.id = Uuid::make_v7();
    const TopicAndSubject of(message.topic, message.subject);
    Gathered& gathered = topics[of];
    const std::size_t bytes = message.body.size() + of.first.size() + kFrameBytes;
    const bool full =
        gathered.messages.size() >= kMaxOutboxMessages || gathered.bytes + bytes > kMaxOutboxBytes;
    if (full && !gathered.messages.empty()) close(of, gathered);
    gathered.bytes += bytes;
    gathered.messages.push_back(std::move(message));
  }
  for (auto& [of, gathered] : topics) close(of, gathered);
  return jobs;
}

Result<std::vector<OutboxMessage>> read_outbox_job(const JsonText& payload) {
  const Error bad(Errc::invalid_argument, "the payload is not that of an outbox job");
  const JsonDocument document(payload);
  const auto list = document.root().find("messages");
  if (!list || list->kind() != JsonKind::array) return bad;
  std::vector<OutboxMessage> messages;
  messages.reserve(list->size());
  for (std::size_t i = 0; i < list->size(); ++i) {
    const JsonView item = list->at(i);
    const auto id = item.find("id");
    const auto topic = item.find("topic");
    const auto body = item.find("body");
    if (!id || !topic || !body || !id->as_string() || !topic->as_string()) return bad;
    auto parsed = Uuid::parse(*id->as_string());
    if (!parsed) return parsed.error().with_context("outbox message");
    messages.push_back(
        {.id = *parsed, .topic = std::string(*topic->as_string()), .body = body->text()});
  }
  return messages;
}

std::shared_ptr<Outbox> make_job_outbox(std::shared_ptr<JobStore> store) {
  return std::make_shared<JobOutbox>(std::move(store));
}

}  // namespace rwp::jobs
