/* The least that PostgreSQL itself needs to keep jobs: a unique 16-byte id, the payload, and after
 * the end the row with its state and a result of 20 bytes. Plain libpq.
 *
 * usage: baseline_libpq_loop URL COMMAND [COUNT [BYTES]]
 *
 * - prepare, clear: the tables, empty
 * - load: COPY, 1,000 rows a commit, two connections in turn
 * - drain: batch claim, batch complete, pipelined on two connections
 * - pickup: insert, NOTIFY, claim; microseconds, one a line
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
    "DROP TABLE IF EXISTS job, ended;"
    "CREATE TABLE job (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " id uuid NOT NULL UNIQUE, payload text NOT NULL);"
    "CREATE TABLE ended (id uuid PRIMARY KEY, state smallint NOT NULL, result text NOT NULL);";
/* Claim and completion are one transaction, which stays open while the jobs run. */
static const char kClaim[] =
    "DELETE FROM job WHERE seq IN (SELECT seq FROM job ORDER BY seq LIMIT 1000"
    " FOR UPDATE SKIP LOCKED) RETURNING id, payload";
static const char kComplete[] =
    "INSERT INTO ended SELECT unnest($1::uuid[]), 2, 'rrrrrrrrrrrrrrrrrrrr'";
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
  if (PQsendQueryPrepared(connection, name, parameters, values, NULL, NULL, 0) != 1) {
    fail(connection, name);
  }
}

static void ask_for_claim(PGconn* connection) {
  send(connection, "claim", 0, NULL);
  if (PQsendFlushRequest(connection) != 1 || PQflush(connection) < 0) fail(connection, "claim");
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

/* Completes what was claimed, which commits, and claims on. */
static void complete(PGconn* connection, const PGresult* claimed, char* ids) {
  const int rows = PQntuples(claimed);
  char* out = ids;
  *out++ = '{';
  for (int i = 0; i < rows; ++i) {
    if (i > 0) *out++ = ',';
    memcpy(out, PQgetvalue(claimed, i, 0), 36);
    out += 36;
  }
  *out++ = '}';
  *out = 0;
  const char* values[1] = {ids};
  send(connection, "complete", 1, values);
  if (PQpipelineSync(connection) != 1) fail(connection, "complete");
  ask_for_claim(connection);
}

static void drain(const char* url, int count) {
  PGconn* connections[2];
  struct pollfd sockets[2];
  for (int i = 0; i < 2; ++i) {
    connections[i] = connect_to(url);
    prepare(connections[i], "claim", kClaim);
    prepare(connections[i], "complete", kComplete);
    if (PQenterPipelineMode(connections[i]) != 1) fail(connections[i], "pipeline");
    PQsetnonblocking(connections[i], 1);
  }
  char* ids = malloc(MAX_IDS);
  const double began = now();
  for (int i = 0; i < 2; ++i) ask_for_claim(connections[i]);
  int completed = 0;
  while (completed < count) {
    for (int i = 0; i < 2; ++i) {
      sockets[i].fd = PQsocket(connections[i]);
      sockets[i].events = PQflush(connections[i]) > 0 ? POLLIN | POLLOUT : POLLIN;
    }
    if (poll(sockets, 2, 60000) <= 0) {
      fprintf(stderr, "libpq_loop: drain: no answer\n");
      exit(1);
    }
    for (int i = 0; i < 2; ++i) {
      if (PQconsumeInput(connections[i]) != 1) fail(connections[i], "drain");
      PGresult* result = NULL;
      while ((result = next_result(connections[i])) != NULL) {
        if (PQresultStatus(result) == PGRES_TUPLES_OK) {
          complete(connections[i], result, ids);
        } else {
          completed += atoi(PQcmdTuples(result));
        }
        PQclear(result);
      }
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
    execute(worker, "BEGIN");
    PGresult* claimed = PQexecPrepared(worker, "claim", 0, NULL, NULL, NULL, 0);
    if (PQntuples(claimed) != 1) fail(worker, "claim");
    printf("%.3f\n", (now() - began) * 1e6);
    char id[40];
    snprintf(id, sizeof id, "{%.36s}", PQgetvalue(claimed, 0, 0));
    PQclear(claimed);
    const char* ended[1] = {id};
    PQclear(PQexecPrepared(worker, "complete", 1, ended, NULL, NULL, 0));
    execute(worker, "COMMIT");
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
  /* Two runs within a second must not make the same ids. */
  struct timespec seed;
  clock_gettime(CLOCK_REALTIME, &seed);
  srandom((unsigned)seed.tv_sec * 1000003U ^ (unsigned)seed.tv_nsec);
  if (strcmp(command, "prepare") == 0) {
    execute(connect_to(url), kPrepare);
  } else if (strcmp(command, "clear") == 0) {
    execute(connect_to(url), "TRUNCATE job, ended");
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
