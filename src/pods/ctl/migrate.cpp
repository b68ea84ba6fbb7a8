#include "pods/ctl/context.hpp"
#include <rwp/core/url.hpp>
#include <rwp/jobs_postgres/postgres_job_store.hpp>
#include <rwp/pods/ctl.hpp>

#include <string>

namespace rwp::pods::ctl {

int migrate_store(Context& context) {
  const std::string& text = context.configuration().jobs_url;
  auto url = Url::parse(text);
  if (!url) return fail(context, url.error());
  if (url->scheme() == "tiered") {
    // The record has a schema, Redis none.
    const std::size_t begin = std::string("tiered:").size();
    url = Url::parse(text.substr(begin, text.rfind(",redis") - begin));
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
