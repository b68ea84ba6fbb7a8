/* The least that PostgreSQL itself needs to keep jobs: a unique 16-byte id, the payload, and after
 * the end the row with its state and a result of 20 bytes. Plain libpq.
 *
 *   baseline_libpq_loop URL prepare|clear
 *   baseline_libpq_loop URL load COUNT BYTES      COPY, 1,000 rows a commit, two connections in
 * turn baseline_libpq_loop URL drain COUNT           batch claim, batch complete, pipelined
 *   baseline_libpq_loop URL pickup COUNT BYTES    insert, NOTIFY, claim; microseconds, one a line
 *
 * Prints seconds, or the times. There are no leases, retries, priorities, ledger or counts here. */
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH = 1000, MAX_IDS = BATCH * 40 };

static const char kPrepare[] =
    "DROP TABLE IF EXISTS job;"
    "CREATE TABLE job (id uuid PRIMARY KEY, seq bigint GENERATED ALWAYS AS IDENTITY,"
    " state smallint NOT NULL DEFAULT 0, payload text NOT NULL, result text);"
    "CREATE INDEX job_ready ON job (seq) WHERE state = 0;";
static const char kClaim[] =
    "UPDATE job SET state = 1 WHERE id IN (SELECT id FROM job WHERE state = 0 ORDER BY seq"
    " LIMIT 1000 FOR UPDATE SKIP LOCKED) RETURNING id, payload";
static const char kComplete[] =
    "UPDATE job SET state = 2, result = 'rrrrrrrrrrrrrrrrrrrr' WHERE id = ANY($1::uuid[])"
    " AND state = 1";
static const char kInsert[] = "INSERT INTO job (id, payload) VALUES (gen_random_uuid(), $1)";

static void fail(PGconn* connection, const char* doing) {
  fprintf(stderr, "libpq_loop: %s: %s", doing, PQerrorMessage(connection));
  exit(1);
}

static PGconn* connect_to(const char* url) {
  PGconn* connection = PQconnectdb(url);
  if (PQstatus(connection) != CONNECTION_OK) fail(connection, "connect");
  return connection;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void execute(PGconn* connection, const char* sql) {
  PGresult* result = PQexec(connection, sql);
  const ExecStatusType status = PQresultStatus(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) fail(connection, sql);
  PQclear(result);
}

static char* payload_of(int bytes) {
  /* {"text":"…"} */
  char* text = malloc((size_t)bytes + 1);
  memset(text, 'a', (size_t)bytes);
  memcpy(text, "{\"text\":\"", 9);
  memcpy(text + bytes - 2, "\"}", 3);
  return text;
}

/* A version 4 UUID; random() is good enough for a measurement. */
static void print_uuid(char* out) {
  const unsigned a = (unsigned)random();
  const unsigned b = (unsigned)random();
  const unsigned c = (unsigned)random();
  const unsigned d = (unsigned)random();
  snprintf(out, 37, "%08x-%04x-4%03x-8%03x-%04x%08x", a, b & 0xFFFFU, b >> 20U, c & 0xFFFU,
           (c >> 12U) & 0xFFFFU, d);
}

static void begin_copy(PGconn* connection, const char* payload, int rows) {
  PGresult* result = PQexec(connection, "COPY job (id, payload) FROM STDIN");
  if (PQresultStatus(result) != PGRES_COPY_IN) fail(connection, "COPY");
  PQclear(result);
  char line[4096];
  for (int i = 0; i < rows; ++i) {
    print_uuid(line);
    const int size = snprintf(line + 36, sizeof line - 36, "\t%s\n", payload) + 36;
    if (PQputCopyData(connection, line, size) != 1) fail(connection, "COPY");
  }
  if (PQputCopyEnd(connection, NULL) != 1) fail(connection, "COPY");
}

static void end_copy(PGconn* connection) {
  PGresult* result = NULL;
  while ((result = PQgetResult(connection)) != NULL) {
    if (PQresultStatus(result) != PGRES_COMMAND_OK) fail(connection, "COPY");
    PQclear(result);
  }
}

static void load(const char* url, int count, const char* payload) {
  PGconn* connections[2] = {connect_to(url), connect_to(url)};
  int copying[2] = {0, 0};
  const double began = now();
  int turn = 0;
  for (int sent = 0; sent < count; sent += BATCH, turn = 1 - turn) {
    /* While one commits, the other is fed. */
    if (copying[turn]) end_copy(connections[turn]);
    begin_copy(connections[turn], payload, count - sent < BATCH ? count - sent : BATCH);
    copying[turn] = 1;
  }
  for (int i = 0; i < 2; ++i) {
    if (copying[i]) end_copy(connections[i]);
  }
  printf("%.6f\n", now() - began);
}

static void prepare(PGconn* connection, const char* name, const char* sql) {
  PGresult* result = PQprepare(connection, name, sql, 0, NULL);
  if (PQresultStatus(result) != PGRES_COMMAND_OK) fail(connection, name);
  PQclear(result);
}

static void send(PGconn* connection, const char* name, int parameters, const char* const* values) {
  if (PQsendQueryPrepared(connection, name, parameters, values, NULL, NULL, 0) != 1 ||
      PQpipelineSync(connection) != 1 || PQflush(connection) < 0) {
    fail(connection, name);
  }
}

/* The next result that is there; null when there is none yet. */
static PGresult* next_result(PGconn* connection) {
  while (!PQisBusy(connection)) {
    PGresult* result = PQgetResult(connection);
    /* Null ends a query; of an empty pipeline there is nothing more. */
    if (result == NULL) {
      if (PQisBusy(connection)) return NULL;
      result = PQgetResult(connection);
      if (result == NULL) return NULL;
    }
    const ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return result;
    if (status != PGRES_PIPELINE_SYNC) fail(connection, "pipeline");
    PQclear(result);
  }
  return NULL;
}

static void drain(const char* url, int count) {
  PGconn* claims = connect_to(url);
  PGconn* completions = connect_to(url);
  /* A claim that is lost is made again; a completion is not. */
  execute(claims, "SET synchronous_commit = off");
  prepare(claims, "claim", kClaim);
  prepare(completions, "complete", kComplete);
  if (PQenterPipelineMode(claims) != 1 || PQenterPipelineMode(completions) != 1) exit(1);
  PQsetnonblocking(claims, 1);
  PQsetnonblocking(completions, 1);
  char* ids = malloc(MAX_IDS);
  const double began = now();
  int claimed = 0;
  int asked = 0;
  int completed = 0;
  while (completed < count) {
    /* Two claims ahead. */
    while (asked < 2 && claimed + asked * BATCH < count) {
      send(claims, "claim", 0, NULL);
      ++asked;
    }
    struct pollfd sockets[2] = {{.fd = PQsocket(claims), .events = POLLIN, .revents = 0},
                                {.fd = PQsocket(completions), .events = POLLIN, .revents = 0}};
    if (PQflush(claims) > 0) sockets[0].events |= POLLOUT;
    if (PQflush(completions) > 0) sockets[1].events |= POLLOUT;
    if (poll(sockets, 2, 60000) <= 0) {
      fprintf(stderr, "libpq_loop: drain: no answer\n");
      exit(1);
    }
    if (PQconsumeInput(claims) != 1) fail(claims, "claim");
    if (PQconsumeInput(completions) != 1) fail(completions, "complete");
    PGresult* result = NULL;
    while ((result = next_result(claims)) != NULL) {
      const int rows = PQntuples(result);
      --asked;
      claimed += rows;
      char* out = ids;
      *out++ = '{';
      for (int i = 0; i < rows; ++i) {
        memcpy(out, PQgetvalue(result, i, 0), 36);
        out += 36;
        *out++ = i + 1 < rows ? ',' : '}';
      }
      *out = 0;
      PQclear(result);
      const char* values[1] = {ids};
      if (rows > 0) send(completions, "complete", 1, values);
    }
    while ((result = next_result(completions)) != NULL) {
      completed += atoi(PQcmdTuples(result));
      PQclear(result);
    }
  }
  printf("%.6f\n", now() - began);
  free(ids);
}

static void wait_readable(PGconn* connection) {
  struct pollfd socket = {.fd = PQsocket(connection), .events = POLLIN, .revents = 0};
  if (poll(&socket, 1, 60000) <= 0 || PQconsumeInput(connection) != 1) fail(connection, "LISTEN");
}

static void pickup(const char* url, int count, const char* payload) {
  PGconn* submits = connect_to(url);
  PGconn* worker = connect_to(url);
  execute(worker, "LISTEN job_ready");
  prepare(submits, "insert", kInsert);
  prepare(submits, "notify", "SELECT pg_notify('job_ready', '')");
  prepare(worker, "claim", kClaim);
  prepare(worker, "complete", kComplete);
  const char* values[1] = {payload};
  for (int i = 0; i < count; ++i) {
    const double began = now();
    PGresult* inserted = PQexecPrepared(submits, "insert", 1, values, NULL, NULL, 0);
    if (PQresultStatus(inserted) != PGRES_COMMAND_OK) fail(submits, "insert");
    PQclear(inserted);
    PQclear(PQexecPrepared(submits, "notify", 0, NULL, NULL, NULL, 0));
    PGnotify* notified = NULL;
    while ((notified = PQnotifies(worker)) == NULL) wait_readable(worker);
    PQfreemem(notified);
    PGresult* claimed = PQexecPrepared(worker, "claim", 0, NULL, NULL, NULL, 0);
    if (PQntuples(claimed) != 1) fail(worker, "claim");
    printf("%.3f\n", (now() - began) * 1e6);
    char id[40];
    snprintf(id, sizeof id, "{%.36s}", PQgetvalue(claimed, 0, 0));
    PQclear(claimed);
    const char* ended[1] = {id};
    PQclear(PQexecPrepared(worker, "complete", 1, ended, NULL, NULL, 0));
    const struct timespec gap = {.tv_sec = 0, .tv_nsec = 10 * 1000 * 1000};
    nanosleep(&gap, NULL);
  }
}

int main(int argc, char** argv) {
  if (argc < 3) {
    fprintf(stderr,
            "usage: baseline_libpq_loop URL prepare|clear|load|drain|pickup [COUNT [BYTES]]\n");
    return 2;
  }
  const char* url = argv[1];
  const char* command = argv[2];
  const int count = argc > 3 ? atoi(argv[3]) : 0;
  char* payload = payload_of(argc > 4 ? atoi(argv[4]) : 200);
  srandom((unsigned)time(NULL));
  if (strcmp(command, "prepare") == 0) {
    execute(connect_to(url), kPrepare);
  } else if (strcmp(command, "clear") == 0) {
    execute(connect_to(url), "TRUNCATE job");
  } else if (strcmp(command, "load") == 0) {
    load(url, count, payload);
  } else if (strcmp(command, "drain") == 0) {
    drain(url, count);
  } else if (strcmp(command, "pickup") == 0) {
    pickup(url, count, payload);
  } else {
    fprintf(stderr, "libpq_loop: no command %s\n", command);
    return 2;
  }
  free(payload);
  return 0;
}
