/* The loop alone, as rows for the table:
 *   baseline_sqlite_loop [--filter TEXT] [--directory DIRECTORY] [--long] */
#define _GNU_SOURCE
#include "baseline/sqlite_loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { kSingles = 2000, kBatched = 100000, kSubmitBatch = 1000, kRounds = 500 };

#define PREFIX "baseline/sqlite_loop/"
static const char* const kNames[] = {PREFIX "submit_to_start_p50", PREFIX "submit_to_start_p99",
                                     PREFIX "submit_single", PREFIX "submit_batch_1000",
                                     PREFIX "drain_100000"};
enum { kP50, kP99, kSingle, kBatch, kDrain, kNameCount };

static void print_rate(int name, const sqlite_loop_cost* cost) {
  const double jobs = (double)cost->jobs;
  printf(
      "{\"name\":\"%s\",\"value\":%.1f,\"unit\":\"jobs/s\","
      "\"baseline\":null,\"ratio\":null,\"goal\":null,"
      "\"cpu_us_per_job\":%.2f,\"bytes_written_per_job\":%.0f}\n",
      kNames[name], jobs / cost->wall_seconds, cost->cpu_seconds * 1e6 / jobs,
      (double)cost->written_bytes / jobs);
}

static void print_latency(int name, double microseconds) {
  printf(
      "{\"name\":\"%s\",\"value\":%.1f,\"unit\":\"us\","
      "\"baseline\":null,\"ratio\":null,\"goal\":null}\n",
      kNames[name], microseconds);
}

/* The rows are measured together: all, when one is wanted. The table leaves out the rest. */
static int is_wanted(const char* filter) {
  for (int i = 0; i < kNameCount; ++i) {
    if (strstr(kNames[i], filter) != NULL) return 1;
  }
  return 0;
}

static int by_value(const void* left, const void* right) {
  const double a = *(const double*)left;
  const double b = *(const double*)right;
  return (a > b) - (a < b);
}

static int measure(sqlite_loop* loop) {
  sqlite_loop_cost cost;
  static double microseconds[kRounds];
  int code = sqlite_loop_latency(loop, kRounds, microseconds, &cost);
  if (code != 0) return code;
  qsort(microseconds, kRounds, sizeof *microseconds, by_value);
  print_latency(kP50, microseconds[kRounds / 2]);
  print_latency(kP99, microseconds[kRounds * 99 / 100]);

  code = sqlite_loop_submit(loop, kSingles, 1, &cost);
  if (code != 0) return code;
  print_rate(kSingle, &cost);
  code = sqlite_loop_drain(loop, kSqliteLoopDrainBatch, &cost);
  if (code != 0) return code;

  code = sqlite_loop_submit(loop, kBatched, kSubmitBatch, &cost);
  if (code != 0) return code;
  print_rate(kBatch, &cost);
  code = sqlite_loop_drain(loop, kSqliteLoopDrainBatch, &cost);
  if (code != 0) return code;
  print_rate(kDrain, &cost);
  return 0;
}

int main(int argc, char** argv) {
  const char* parent = ".";
  for (int i = 1; i + 1 < argc; ++i) {
    if (strcmp(argv[i], "--directory") == 0) parent = argv[i + 1];
    if (strcmp(argv[i], "--filter") == 0 && !is_wanted(argv[i + 1])) return 0;
  }
  char directory[512];
  char path[600];
  snprintf(directory, sizeof directory, "%s/sqlite_loop.XXXXXX", parent);
  if (mkdtemp(directory) == NULL) {
    fprintf(stderr, "baseline_sqlite_loop: cannot make a directory in %s\n", parent);
    return 1;
  }
  snprintf(path, sizeof path, "%s/loop.db", directory);
  sqlite_loop* loop = NULL;
  int code = sqlite_loop_open(path, &loop);
  if (code == 0) code = measure(loop);
  if (code != 0) fprintf(stderr, "baseline_sqlite_loop: %s\n", sqlite_loop_message(loop));
  sqlite_loop_close(loop);
  unlink(path);
  rmdir(directory);
  return code == 0 ? 0 : 1;
}
