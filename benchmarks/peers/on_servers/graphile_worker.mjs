// graphile-worker as its page on performance has it: a local queue, completions in batches.
import { createRequire } from "node:module";
import { counter, micros, payload, seconds, serve, sleep, submitSingly, version } from "./protocol.mjs";

const require = createRequire(import.meta.url);
const { Logger, makeWorkerUtils, run } = require("graphile-worker");
const pg = require("pg");

const CONCURRENCY = 24;
const LOCAL_QUEUE = 500;
const CHUNK = 10000;
const silent = new Logger(() => () => {});
let pgPool;
let utils;

const start = (task, batching) => run({
  pgPool,
  logger: silent,
  taskList: { noop: task },
  noHandleSignals: true,
  preset: { worker: { concurrentJobs: CONCURRENCY, ...(batching
    ? { localQueue: { size: LOCAL_QUEUE }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } : {}) } },
});

serve({
  async hello(request) {
    pgPool = new pg.Pool({ connectionString: request.postgres, max: 64 });
    pgPool.on("error", (error) => console.error(error));
    pgPool.on("connect", (client) => client.on("error", (error) => console.error(error)));
    utils = await makeWorkerUtils({ pgPool, logger: silent });
    await utils.migrate();
    return { version: version("graphile-worker"), settings: `concurrentJobs ${CONCURRENCY}, ` +
      `localQueue ${LOCAL_QUEUE}, completeJobBatchDelay 0, add_jobs of ${CHUNK}, pool 64` };
  },
  async load({ count, bytes }) {
    const began = seconds();
    for (let n = 0; n < count; n += CHUNK) {
      const length = Math.min(CHUNK, count - n);
      await utils.addJobs(Array.from({ length }, (_, i) =>
        ({ identifier: "noop", payload: payload(bytes, n + i) })));
    }
    return { seconds: seconds() - began };
  },
  async drain({ count }) {
    const ran = counter(count);
    const runner = await start(async () => ran.handle(), true);
    await ran.done;
    await runner.stop();
    return { seconds: ran.last - ran.began };
  },
  submit({ count, bytes, callers }) {
    return submitSingly(count, callers, (n) => utils.addJob("noop", payload(bytes, n)));
  },
  async pickup({ count, bytes, gap_ms }) {
    let started;
    // A local queue makes idle workers slower to see a job.
    const runner = await start(async () => started(micros()), false);
    await sleep(500);
    const us = [];
    for (let n = 0; n < count; ++n) {
      const begun = new Promise((resolve) => { started = resolve; });
      const asked = micros();
      await utils.addJob("noop", payload(bytes, n));
      us.push((await begun) - asked);
      await sleep(gap_ms);
    }
    await runner.stop();
    return { us };
  },
  async clear() {
    await pgPool.query("TRUNCATE graphile_worker._private_jobs");
  },
});
