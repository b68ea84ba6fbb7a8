// The same requests by OpenAI's own SDK for Node: node openai_sdk.mjs URL CALLS CONCURRENT
// (beside a node_modules with the package openai).
import OpenAI from "openai";

const [url, calls, concurrent] = process.argv.slice(2);
const client = new OpenAI({ baseURL: url, apiKey: "sk-none", maxRetries: 0 });
const content =
  "Title: Community Nurse\n\nWe are looking for a community nurse who visits people at home in " +
  "Leeds. You will plan care with patients and their families.";
let left = Number(calls);
let good = 0;
async function ask() {
  while (left-- > 0) {
    const reply = await client.chat.completions.create({
      model: "fake-gpt",
      messages: [{ role: "user", content }],
    });
    good += reply.choices[0].message.content ? 1 : 0;
  }
}
const before = process.cpuUsage();
const begun = process.hrtime.bigint();
await Promise.all(Array.from({ length: Number(concurrent) }, ask));
const used = process.cpuUsage(before);
console.log(
  JSON.stringify({
    good,
    cpu_seconds: (used.user + used.system) / 1e6,
    seconds: Number(process.hrtime.bigint() - begun) / 1e9,
  }),
);
