#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/core/outbox.hpp>
#include <rwp/jobs/job.hpp>
#include <rwp/jobs/job_store.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// How messages for other systems travel: as jobs of the store, so that they are as durable as the
/// jobs that emitted them and are delivered by ordinary handlers.
///
/// An outbox job has the kind "rwp.outbox." + topic, stands in the queue "outbox", and carries
///
///     {"messages":[{"id":"0190…","topic":"analytics","body":{…}}, …]}
namespace rwp::jobs {

constexpr std::string_view kOutboxQueue = "outbox";
/// Most messages of one outbox job, and about the most bytes.
constexpr std::size_t kMaxOutboxMessages = 500;
constexpr std::size_t kMaxOutboxBytes = 900'000;

/// The tag of jobs that are about somebody (OutboxMessage::subject).
std::string subject_tag(std::string_view subject);

/// The kind that a worker handles to deliver this topic's messages.
std::string outbox_kind(std::string_view topic);

/// As few jobs as hold these messages, one topic and one subject each, in the messages' order. A
/// message's nil id is made here; a job's id is left to the insert. `Errc::invalid_argument`: a
/// topic that makes no kind (see NewJob::kind).
Result<std::vector<NewJob>> make_outbox_jobs(std::vector<OutboxMessage> messages);

/// The messages of an outbox job. `Errc::invalid_argument`: the payload is none of such a job.
Result<std::vector<OutboxMessage>> read_outbox_job(const JsonText& payload);

/// Emits outside a job: each call inserts its messages' jobs. Messages that come again with the
/// same ids, all of them and in the same order, are inserted once.
///
/// Threads: confined to the store's I/O thread. Lifetime: keeps the store.
std::shared_ptr<Outbox> make_job_outbox(std::shared_ptr<JobStore> store);

}  // namespace rwp::jobs
