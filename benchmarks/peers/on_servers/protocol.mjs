// A peer's side of the protocol (see run.py): requests and answers are lines of JSON.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

export const seconds = () => Number(process.hrtime.bigint()) / 1e9;
export const micros = () => Number(process.hrtime.bigint()) / 1e3;
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The installed version of a package. */
export const version = (name) => JSON.parse(
  readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url), "utf-8")).version;

/** A payload of `bytes` bytes as JSON; `n` tells jobs apart. */
export function payload(bytes, n = 0) {
  const bare = JSON.stringify({ n, data: "" }).length;
  return { n, data: "x".repeat(Math.max(0, bytes - bare)) };
}

/** Calls `submit(n)` `count` times from `callers` callers at once; how long it took. */
export async function submitSingly(count, callers, submit) {
  const began = seconds();
  let next = 0;
  await Promise.all(Array.from({ length: callers }, async () => {
    while (next < count) await submit(next++);
  }));
  return { seconds: seconds() - began };
}

/** A handler that counts; `done` resolves once it has been called `count` times. */
export function counter(count) {
  const state = { seen: 0, began: seconds(), last: 0 };
  state.done = new Promise((resolve) => {
    state.handle = (jobs = 1) => {
      state.seen += jobs;
      if (state.seen < count) return;
      state.last = seconds();
      resolve();
    };
  });
  return state;
}

/** Serves `peer`, whose methods are the requests' names. */
export async function serve(peer) {
  console.log = console.error;  // What libraries say is no answer.
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    let answer;
    try {
      answer = { ok: true, ...(await peer[request.do](request)) };
    } catch (error) {
      answer = { error: String(error?.stack ?? error) };
    }
    process.stdout.write(JSON.stringify(answer) + "\n");
  }
  process.exit(0);
}
