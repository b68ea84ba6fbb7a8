#include "pods/ctl/context.hpp"
#include <rwp/core/url.hpp>
#include <rwp/jobs_postgres/postgres_job_store.hpp>
#include <rwp/pods/ctl.hpp>

#include <string>

namespace rwp::pods::ctl {
namespace {

/// Of a `tiered:` URL the record's; Redis' URL is the last that follows a comma, as its opener
/// reads it.
std::string record_of(const std::string& text) {
  const std::size_t begin = std::string("tiered:").size();
  std::size_t end = text.size();
  for (std::size_t at = text.find(",redis"); at != std::string::npos;
       at = text.find(",redis", at + 1)) {
    if (text.find("://", at) != std::string::npos) end = at;
  }
  return text.substr(begin, end - begin);
}

}  // namespace

int migrate_store(Context& context) {
  const std::string& text = context.configuration().jobs_url;
  auto url = Url::parse(text);
  if (!url) return fail(context, url.error());
  if (url->scheme() == "tiered") {
    // The record has a schema, Redis none.
    url = Url::parse(record_of(text));
    if (!url) return fail(context, url.error());
  }
  if (url->scheme() == "postgres" || url->scheme() == "postgresql") {
    const auto done = jobs_postgres::migrate(context.runtime, *url);
    if (!done) return fail(context, done.error());
  } else {
    // A file is brought up to date by whoever opens it.
    const auto opened = open_store(context, true);
    if (!opened) return fail(context, opened.error());
  }
  context.out.line("the schema of " + url->masked() + " is up to date");
  return kExitSuccess;
}

}  // namespace rwp::pods::ctl
