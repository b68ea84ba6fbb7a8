// pg-boss with batches fetched and completed at once, fetching on while batches are full, and
// LISTEN/NOTIFY.
import { PgBoss } from "pg-boss";
import { counter, micros, payload, seconds, serve, sleep, submitSingly, version } from "./protocol.mjs";

const BATCH = 1000;
const CONCURRENCY = 4;
const CHUNK = 5000;
const name = "noop";
let boss;

serve({
  async hello(request) {
    boss = new PgBoss({ connectionString: request.postgres, max: 64, useListenNotify: true,
                        schedule: false });
    boss.on("error", (error) => console.error(error));
    await boss.start();
    await boss.createQueue(name, { notify: true });
    return { version: version("pg-boss"), settings: `batchSize ${BATCH}, localConcurrency ${CONCURRENCY}, ` +
      `burstWhenBatchFull, notify, insert of ${CHUNK}, pool 64` };
  },
  async load({ count, bytes }) {
    const began = seconds();
    for (let n = 0; n < count; n += CHUNK) {
      const length = Math.min(CHUNK, count - n);
      await boss.insert(name, Array.from({ length }, (_, i) => ({ data: payload(bytes, n + i) })));
    }
    return { seconds: seconds() - began };
  },
  async drain({ count }) {
    const ran = counter(count);
    const id = await boss.work(name, { batchSize: BATCH, localConcurrency: CONCURRENCY,
                                       burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 },
                               async (jobs) => ran.handle(jobs.length));
    await ran.done;
    await boss.offWork(name, { id, wait: true });
    return { seconds: ran.last - ran.began };
  },
  submit({ count, bytes, callers }) {
    return submitSingly(count, callers, (n) => boss.send(name, payload(bytes, n)));
  },
  async pickup({ count, bytes, gap_ms }) {
    let started;
    const id = await boss.work(name, { batchSize: 1, pollingIntervalSeconds: 0.5 },
                               async () => started(micros()));
    await sleep(1500);
    const us = [];
    for (let n = 0; n < count; ++n) {
      const begun = new Promise((resolve) => { started = resolve; });
      const asked = micros();
      await boss.send(name, payload(bytes, n));
      us.push((await begun) - asked);
      await sleep(gap_ms);
    }
    await boss.offWork(name, { id, wait: true });
    return { us };
  },
  async clear() {
    await boss.deleteAllJobs(name);
  },
});
