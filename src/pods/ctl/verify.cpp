#include "pods/ctl/context.hpp"
#include "pods/ctl/progress.hpp"
#include "pods/ctl/verify_objects.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/pods/ctl.hpp>

#include <filesystem>
#include <map>
#include <optional>
#include <utility>

namespace rwp::pods::ctl {
namespace {

std::vector<Column> columns() {
  std::vector<Column> all;
  all.push_back(member_column("FOUND", "kind"));
  all.push_back(member_column("JOB", "job_id"));
  all.push_back(member_column("DETAIL", "detail", kUncut));
  return all;
}

/// One run: walks, and keeps count.
class Verification {
 public:
  Verification(Context& context, std::shared_ptr<jobs::JobStore> store, std::size_t limit)
      : context_(context), store_(std::move(store)), limit_(limit) {}

  void use_objects(std::shared_ptr<storage::ObjectStore> objects) {
    objects_.emplace(ObjectChecks{.runtime = context_.runtime,
                                  .store = store_,
                                  .objects = std::move(objects),
                                  .on_finding = [this](const jobs::Finding& one) { found(one); }});
  }

  Result<void> run() {
    context_.out.begin_list("findings", columns());
    if (auto walked = walk_store(); !walked) return walked;
    if (!objects_) return {};
    ProgressBar bar("objects");
    if (auto strays = check_strays(*objects_, bar); !strays) return strays;
    return check_records(*objects_, bar);
  }

  /// Of a store that does not even open; answers the exit code.
  int cannot_open(const Error& error) {
    context_.out.begin_list("findings", columns());
    found({.kind = std::string(jobs::finding::store_corrupt), .detail = error.message()});
    (void)fail(context_, error);
    return finish(false);
  }

  /// `complete`: all has been looked at.
  int finish(bool complete) {
    context_.out.end_list({{"summary", summary(complete)}});
    std::string text = std::to_string(jobs_) + " jobs and " + std::to_string(rows_) + " rows";
    if (!objects_) text += ", without the object store";
    if (count_ > 0) {
      text += ": " + std::to_string(count_) + " findings";
    } else if (complete) {
      text += ": nothing is wrong";
    }
    context_.out.line(text);
    if (leases_ > 0) {
      context_.out.line(std::to_string(leases_) +
                        " leases wait for a worker to take them back, which is no damage");
    }
    if (to_hand_out_ > 0) {
      context_.out.line(std::to_string(to_hand_out_) +
                        " jobs wait to be handed out anew, since Redis has them not, which is no"
                        " damage");
    }
    return count_ == 0 ? kExitSuccess : kExitFindings;
  }

 private:
  Result<void> walk_store() {
    ProgressBar bar("verifying");
    std::string cursor;
    do {
      auto page = block_on(context_.runtime, store_->verify(cursor, limit_));
      if (!page) return page.error();
      for (const auto& one : page->findings) {
        bar.clear();
        found(one);
      }
      jobs_ += page->jobs;
      rows_ += page->rows;
      leases_ += page->leases_to_rescue;
      to_hand_out_ += page->jobs_to_hand_out;
      for (const auto& reference : page->payload_blobs) {
        if (!objects_) continue;
        auto checked = check_payload(*objects_, reference);
        if (!checked) return checked;
      }
      bar.show(rows_, 0, page->share);
      cursor = std::move(page->next_cursor);
    } while (!cursor.empty());
    return {};
  }

  void found(const jobs::Finding& one) {
    ++count_;
    ++kinds_[one.kind];
    JsonWriter out;
    out.begin_object().member("kind", one.kind);
    if (!one.job_id.is_nil()) out.member("job_id", one.job_id.to_string());
    out.member("detail", one.detail).end_object();
    context_.out.row(out.finish());
  }

  JsonText summary(bool complete) const {
    JsonWriter out;
    out.begin_object()
        .member("complete", complete)
        .member("findings", static_cast<std::uint64_t>(count_));
    out.key("kinds").begin_object();
    for (const auto& [kind, count] : kinds_) out.member(kind, static_cast<std::uint64_t>(count));
    out.end_object();
    out.member("jobs", static_cast<std::uint64_t>(jobs_));
    out.member("rows", static_cast<std::uint64_t>(rows_));
    out.member("leases_to_rescue", static_cast<std::uint64_t>(leases_));
    out.member("jobs_to_hand_out", static_cast<std::uint64_t>(to_hand_out_));
    out.member("objects_checked", objects_.has_value()).end_object();
    return out.finish();
  }

  Context& context_;
  const std::shared_ptr<jobs::JobStore> store_;
  const std::size_t limit_;
  std::optional<ObjectChecks> objects_;
  std::map<std::string, std::size_t> kinds_;
  std::size_t count_ = 0;
  std::size_t jobs_ = 0;
  std::size_t rows_ = 0;
  std::size_t leases_ = 0;
  std::size_t to_hand_out_ = 0;
};

/// The object store; null: there is none to look at.
Result<std::shared_ptr<storage::ObjectStore>> open_objects(Context& context) {
  const auto& url = context.configuration().objects_url;
  const auto path = file_path_of(url);
  std::error_code code;
  if (context.options.verify.no_objects) return std::shared_ptr<storage::ObjectStore>();
  if (!path.empty() && !std::filesystem::exists(path, code)) {
    tell("no object store at '" + path +
         "', so objects are not looked at; --objects-url or RWP_OBJECTS_URL names it");
    return std::shared_ptr<storage::ObjectStore>();
  }
  return context.schemes.open<storage::ObjectStore>(url, context.runtime);
}

}  // namespace

int run_verify(Context& context) {
  const auto limit = read_number("--page", context.options.verify.limit, 1, 10'000);
  if (!limit) return fail(context, limit.error());
  auto store = open_store(context, false);
  // A file that does not even open is what is looked for here.
  if (!store && store.error().code() == Errc::corrupt) {
    return Verification(context, nullptr, *limit).cannot_open(store.error());
  }
  if (!store) return fail(context, store.error());
  auto objects = open_objects(context);
  if (!objects) return fail(context, objects.error().with_context("object store"));
  Verification verification(context, std::move(*store), *limit);
  if (*objects) verification.use_objects(std::move(*objects));
  if (auto done = verification.run(); !done) {
    (void)verification.finish(false);
    return fail(context, done.error().with_context("not all could be looked at"));
  }
  return verification.finish(true);
}

}  // namespace rwp::pods::ctl
