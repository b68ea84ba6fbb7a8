// BullMQ at its documented settings for rate: many jobs at once in one worker, finished jobs removed.
import { Queue, Worker } from "bullmq";
import { counter, micros, payload, seconds, serve, sleep, submitSingly, version } from "./protocol.mjs";

const CONCURRENCY = 100;
const CHUNK = 1000;
const name = "noop";
let connection;
let queue;
const jobOptions = { removeOnComplete: true, removeOnFail: true };

serve({
  async hello(request) {
    const url = new URL(request.redis);
    connection = { host: url.hostname, port: Number(url.port), maxRetriesPerRequest: null };
    queue = new Queue(name, { connection, defaultJobOptions: jobOptions });
    await queue.waitUntilReady();
    return { version: version("bullmq"), settings: `concurrency ${CONCURRENCY}, removeOnComplete, addBulk of ${CHUNK}` };
  },
  async load({ count, bytes }) {
    const began = seconds();
    for (let n = 0; n < count; n += CHUNK) {
      const length = Math.min(CHUNK, count - n);
      await queue.addBulk(Array.from({ length }, (_, i) => ({ name, data: payload(bytes, n + i) })));
    }
    return { seconds: seconds() - began };
  },
  async drain({ count }) {
    const ran = counter(count);
    const worker = new Worker(name, async () => ran.handle(), { connection, concurrency: CONCURRENCY });
    await ran.done;
    await worker.close();
    return { seconds: ran.last - ran.began };
  },
  submit({ count, bytes, callers }) {
    return submitSingly(count, callers, (n) => queue.add(name, payload(bytes, n)));
  },
  async pickup({ count, bytes, gap_ms }) {
    let started;
    const worker = new Worker(name, async () => started(micros()), { connection });
    await worker.waitUntilReady();
    await sleep(500);
    const us = [];
    for (let n = 0; n < count; ++n) {
      const start = new Promise((resolve) => { started = resolve; });
      const asked = micros();
      await queue.add(name, payload(bytes, n));
      us.push((await start) - asked);
      await sleep(gap_ms);
    }
    await worker.close();
    return { us };
  },
  async clear() {
    await queue.obliterate({ force: true });
  },
});
