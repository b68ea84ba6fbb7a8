#include "jobadder/record_reader.hpp"
#include <rwp/jobadder/records.hpp>

#include <utility>

namespace rwp::jobadder {
namespace {

/// What was read, unless a member was not as it should be; the record moves in at the end, as the
/// reader looks into a document of its own.
template <class Record>
Result<Record> finish(const RecordReader& in, Record out, JsonText record) {
  if (in.failure()) return *in.failure();
  out.record = std::move(record);
  return out;
}

Candidate::Post read_post(JsonView element) {
  RecordReader in(element);
  Candidate::Post post;
  post.employer = in.text("employer");
  post.position = in.text("position");
  post.start = in.text("start");
  post.end = in.text("end");
  post.description = in.text("description");
  return post;
}

}  // namespace

Result<JobAd> JobAd::read(JsonText record) {
  const JsonDocument document(record);
  RecordReader in(document.root());
  JobAd ad;
  ad.ad_id = in.id(kId);
  ad.state = in.text("state");
  ad.title = in.text("title");
  ad.reference = in.text("reference");
  ad.summary = in.text("summary");
  ad.bullet_points = in.texts("bulletPoints");
  ad.description = in.text("description");
  ad.job_id = in.number("job.jobId");
  ad.company = in.text("company.name");
  ad.location = in.text("job.location.name");
  ad.posted_at = in.text("postAt");
  ad.expires_at = in.text("expireAt");
  return finish(in, std::move(ad), std::move(record));
}

Result<JobOrder> JobOrder::read(JsonText record) {
  const JsonDocument document(record);
  RecordReader in(document.root());
  JobOrder job;
  job.job_id = in.id(kId);
  job.title = in.text("jobTitle");
  job.company = in.text("company.name");
  job.location = in.text("location.name");
  job.status = in.text("status.name");
  job.active = in.flag("status.active");
  job.description = in.text("jobDescription");
  job.updated_at = in.time("updatedAt");
  return finish(in, std::move(job), std::move(record));
}

Result<Candidate> Candidate::read(JsonText record) {
  const JsonDocument document(record);
  RecordReader in(document.root());
  Candidate candidate;
  candidate.candidate_id = in.id(kId);
  candidate.first_name = in.text("firstName");
  candidate.last_name = in.text("lastName");
  candidate.email = in.text("email");
  candidate.phone = in.text("phone");
  candidate.mobile = in.text("mobile");
  candidate.city = in.text("address.city");
  candidate.status = in.text("status.name");
  candidate.summary = in.text("summary");
  Candidate::Post present;
  present.employer = in.text("employment.current.employer");
  present.position = in.text("employment.current.position");
  present.end = "present";
  if (!present.employer.empty() || !present.position.empty()) {
    candidate.posts.push_back(std::move(present));
  }
  for (const JsonView element : in.elements("employment.history")) {
    if (element.kind() == JsonKind::object) candidate.posts.push_back(read_post(element));
  }
  candidate.skill_tags = in.texts("skillTags");
  candidate.created_at = in.time("createdAt");
  candidate.updated_at = in.time("updatedAt");
  return finish(in, std::move(candidate), std::move(record));
}

Result<Application> Application::read(JsonText record) {
  const JsonDocument document(record);
  RecordReader in(document.root());
  Application application;
  application.application_id = in.id(kId);
  application.candidate_id = in.number("candidate.candidateId");
  application.ad_id = in.number("jobAd.adId");
  application.job_id = in.number("job.jobId");
  application.status = in.text("status.name");
  application.active = in.flag("status.active");
  application.is_first_status = in.flag("status.default");
  application.rejected = in.flag("status.rejected");
  application.source = in.text("source");
  application.created_at = in.time("createdAt");
  application.updated_at = in.time("updatedAt");
  return finish(in, std::move(application), std::move(record));
}

Result<Placement> Placement::read(JsonText record) {
  const JsonDocument document(record);
  RecordReader in(document.root());
  Placement placement;
  placement.placement_id = in.id(kId);
  placement.type = in.text("type");
  placement.candidate_id = in.number("candidate.candidateId");
  placement.job_id = in.number("job.jobId");
  placement.approved = in.flag("approved");
  placement.approved_at = in.time("approvedAt");
  placement.start_date = in.text("startDate");
  placement.end_date = in.text("endDate");
  placement.updated_at = in.time("updatedAt");
  return finish(in, std::move(placement), std::move(record));
}

Result<Attachment> Attachment::read(JsonText record) {
  const JsonDocument document(record);
  RecordReader in(document.root());
  Attachment attachment;
  attachment.attachment_id = in.id(kId);
  attachment.type = in.text("type");
  attachment.file_name = in.text("fileName");
  attachment.file_type = in.text("fileType");
  attachment.created_at = in.time("createdAt");
  return finish(in, std::move(attachment), std::move(record));
}

Result<Note> Note::read(JsonText record) {
  const JsonDocument document(record);
  RecordReader in(document.root());
  Note note;
  note.note_id = in.text(kId);
  note.type = in.text("type");
  note.text = in.text("text");
  note.reference = in.text("reference");
  note.created_at = in.time("createdAt");
  if (note.note_id.empty() && !in.failure()) {
    return Error(Errc::corrupt, "JobAdder's record: noteId is missing");
  }
  return finish(in, std::move(note), std::move(record));
}

}  // namespace rwp::jobadder
