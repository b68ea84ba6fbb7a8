// Drives an ai_pod with the official SDK and tells what failed.
//
// usage: node drive.mjs BASE_URL KEY OTHER_KEY LIMITED_URL BROKEN_URL PASSING_URL CHATS_URL
//   KEY may use the pod, OTHER_KEY may not; the two other pods stand in front of a service that
//   limits rates, and of one that breaks its streams off; PASSING_URL in front of one that speaks the
//   protocol itself (openai_sdk_test.py); CHATS_URL in front of one that knows chats alone.

import assert from "node:assert/strict";
import OpenAI from "openai";

const [baseURL, apiKey, otherKey, limitedURL, brokenURL, passingURL, chatsURL] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 20_000 });
const messages = [
  { role: "system", content: "Summarise." },
  { role: "user", content: "Nurse wanted in Leeds. Night shifts. Good pay and a pension." },
];
const model = "rwp-local";

async function raised(type, call) {
  try {
    await call();
  } catch (error) {
    assert.ok(error instanceof type, `${type.name} expected, got ${error.constructor.name}: ${error.message}`);
    return error;
  }
  assert.fail(`${type.name} expected, and nothing was raised`);
}

const cases = {
  async chat() {
    const { data, request_id } = await client.chat.completions.create({ model, messages }).withResponse();
    assert.equal(data.object, "chat.completion");
    assert.equal(data.model, model);
    assert.equal(data.choices[0].finish_reason, "stop");
    assert.match(data.choices[0].message.content, /Nurse wanted in Leeds/);
    assert.equal(data.usage.total_tokens, data.usage.prompt_tokens + data.usage.completion_tokens);
    assert.ok(request_id, "no x-request-id");
    assert.equal(data._request_id, request_id);
  },

  async "answer is handed back as a message"() {
    const first = await client.chat.completions.create({ model, messages });
    const next = [...messages, first.choices[0].message, { role: "user", content: "And in York?" }];
    const second = await client.chat.completions.create({ model, messages: next });
    assert.equal(second.choices.length, 1);
  },

  async "structured output"() {
    const schema = {
      type: "object",
      properties: { location: { type: ["string", "null"] } },
      required: ["location"],
      additionalProperties: false,
    };
    const reply = await client.chat.completions.create({
      model,
      messages: [{ role: "user", content: "Location: Leeds\n\nNurse wanted." }],
      response_format: { type: "json_schema", json_schema: { name: "ad", strict: true, schema } },
    });
    assert.equal(JSON.parse(reply.choices[0].message.content).location, "Leeds");
  },

  async stream() {
    const whole = await client.chat.completions.create({ model, messages });
    const stream = await client.chat.completions.create({
      model, messages, stream: true, stream_options: { include_usage: true },
    });
    let content = "", chunks = 0, reason = null, usage = null;
    for await (const chunk of stream) {
      ++chunks;
      if (chunk.usage) usage = chunk.usage;
      content += chunk.choices[0]?.delta?.content ?? "";
      reason = chunk.choices[0]?.finish_reason ?? reason;
    }
    assert.equal(content, whole.choices[0].message.content);
    assert.ok(chunks > 3, `only ${chunks} chunks`);
    assert.equal(reason, "stop");
    assert.deepEqual(usage, whole.usage);
  },

  async "stream helper"() {
    const runner = client.chat.completions.stream({ model, messages });
    assert.match(await runner.finalContent(), /Nurse wanted/);
  },

  async "stream that is given up leaves the pod well"() {
    const stream = await client.chat.completions.create({ model, messages, stream: true });
    for await (const chunk of stream) {
      assert.ok(chunk.id);
      break;
    }
    assert.ok(await client.models.list());
  },

  async "embeddings without a format"() {
    const plain = await client.embeddings.create({ model, input: ["nurse", "welder"] });
    const floats = await client.embeddings.create({ model, input: "nurse", encoding_format: "float" });
    assert.equal(plain.data.length, 2);
    assert.equal(plain.data[0].embedding.length, 256);
    plain.data[0].embedding.forEach((number, i) => {
      assert.ok(Math.abs(number - floats.data[0].embedding[i]) < 1e-6, `at ${i}`);
    });
    const length = Math.hypot(...plain.data[1].embedding);
    assert.ok(Math.abs(length - 1) < 1e-3, `length ${length}`);
    const short = await client.embeddings.create({ model, input: "nurse", dimensions: 8 });
    assert.equal(short.data[0].embedding.length, 8);
  },

  async models() {
    const names = [];
    for await (const one of client.models.list()) names.push(one.id);
    assert.deepEqual(names, [model]);
    assert.equal((await client.models.retrieve(model)).id, model);
  },

  async "wrong key"() {
    const wrong = new OpenAI({ baseURL, apiKey: "sk-wrong", maxRetries: 0 });
    const error = await raised(OpenAI.AuthenticationError, () => wrong.models.list());
    assert.equal(error.status, 401);
    assert.equal(error.code, "invalid_api_key");
    assert.ok(!error.message.includes("sk-wrong"));
  },

  async "key without the scope"() {
    const other = new OpenAI({ baseURL, apiKey: otherKey, maxRetries: 0 });
    const error = await raised(OpenAI.PermissionDeniedError, () => other.models.list());
    assert.equal(error.status, 403);
  },

  async "unknown model"() {
    for (const call of [
      () => client.chat.completions.create({ model: "gpt-4o", messages }),
      () => client.embeddings.create({ model: "gpt-4o", input: "x" }),
      () => client.models.retrieve("org/some:model"),
    ]) {
      const error = await raised(OpenAI.NotFoundError, call);
      assert.equal(error.code, "model_not_found");
      assert.ok(error.requestID);
    }
  },

  async "bad requests name the parameter"() {
    const error = await raised(OpenAI.BadRequestError, () =>
      client.chat.completions.create({ model, messages, temperature: 3 }));
    assert.equal(error.param, "temperature");
    assert.equal(error.type, "invalid_request_error");
    const unknown = await raised(OpenAI.BadRequestError, () =>
      client.chat.completions.create({ model, messages, colour: "red" }));
    assert.match(unknown.message, /Unrecognized request argument supplied: colour/);
    const tokens = await raised(OpenAI.BadRequestError, () =>
      client.embeddings.create({ model, input: [1, 2, 3] }));
    assert.equal(tokens.param, "input[0]");
  },
};

if (limitedURL) {
  cases["rate limit"] = async () => {
    const limited = new OpenAI({ baseURL: limitedURL, apiKey, maxRetries: 0 });
    const error = await raised(OpenAI.RateLimitError, () =>
      limited.chat.completions.create({ model: "any", messages }));
    assert.equal(error.code, "rate_limit_exceeded");
    assert.ok(Number(error.headers.get("retry-after")) >= 1);
  };
}
if (brokenURL) {
  cases["stream that breaks"] = async () => {
    const broken = new OpenAI({ baseURL: brokenURL, apiKey, maxRetries: 0 });
    let content = "";
    await raised(OpenAI.APIError, async () => {
      const stream = await broken.chat.completions.create({ model: "any", messages, stream: true });
      for await (const chunk of stream) content += chunk.choices[0]?.delta?.content ?? "";
    });
    assert.ok(content.length > 0, "it broke before its first piece");
  };
}

if (passingURL) {
  const passing = new OpenAI({ baseURL: passingURL, apiKey, maxRetries: 0, timeout: 20_000 });
  const called = "gpt-4o";
  const tools = [{
    type: "function",
    function: {
      name: "find_ad", strict: true,
      parameters: { type: "object", properties: { town: { type: "string" } }, required: ["town"], additionalProperties: false },
    },
  }];
  cases["tools"] = async () => {
    const reply = await passing.chat.completions.create({ model: called, messages, tools });
    const [call] = reply.choices[0].message.tool_calls;
    assert.equal(reply.choices[0].finish_reason, "tool_calls");
    assert.equal(call.function.name, "find_ad");
    assert.equal(JSON.parse(call.function.arguments).town, "Leeds");
    const answer = await passing.chat.completions.create({
      model: called, tools,
      messages: [...messages, reply.choices[0].message, { role: "tool", tool_call_id: call.id, content: "one ad" }],
    });
    assert.equal(answer.choices[0].message.content, "heard: one ad");
  };
  cases["streamed tools"] = async () => {
    const runner = passing.chat.completions.stream({ model: called, messages, tools });
    const message = await runner.finalMessage();
    assert.equal(JSON.parse(message.tool_calls[0].function.arguments).town, "Leeds");
  };
  cases["structured output that is parsed"] = async () => {
    const schema = {
      type: "object", properties: { town: { type: "string" } }, required: ["town"], additionalProperties: false,
    };
    const reply = await passing.chat.completions.parse({
      model: called, messages,
      response_format: { type: "json_schema", json_schema: { name: "ad", strict: true, schema } },
    });
    assert.equal(JSON.parse(reply.choices[0].message.content).town, "Leeds");
  };
  cases["responses"] = async () => {
    const reply = await passing.responses.create({ model: called, input: "hi" });
    assert.equal(reply.output_text, "hello");
    assert.equal(reply.usage.output_tokens, 1);
    let text = "", last = null;
    for await (const event of await passing.responses.create({ model: called, input: "hi", stream: true })) {
      if (event.type === "response.output_text.delta") text += event.delta;
      last = event.type;
    }
    assert.equal(text, "hello");
    assert.equal(last, "response.completed");
  };
  cases["stream that is aborted"] = async () => {
    const controller = new AbortController();
    const stream = await passing.chat.completions.create(
      { model: called, messages: [{ role: "user", content: "endless" }], stream: true },
      { signal: controller.signal });
    let pieces = 0;
    for await (const chunk of stream) {
      assert.equal(chunk.choices[0].delta.content, "on ");
      if (++pieces === 3) controller.abort();
    }
    // What had come already is still handed out; the stream has no end, and this loop has.
    assert.ok(pieces >= 3);
  };
  cases["error of the service in its own words"] = async () => {
    const error = await raised(OpenAI.BadRequestError, () =>
      passing.chat.completions.create({ model: called, messages, tools: [{ type: "odd" }] }));
    assert.equal(error.param, "tools[0].type");
    assert.equal(error.code, "odd_tool");
  };
}

if (chatsURL) {
  // In front of a service that knows chats and nothing else.
  const chats = new OpenAI({ baseURL: chatsURL, apiKey, maxRetries: 0, timeout: 20_000 });
  const called = "gpt-4o";
  const schema = {
    type: "object", properties: { town: { type: "string" } }, required: ["town"], additionalProperties: false,
  };
  const tools = [{ type: "function", name: "find_ad", strict: true, parameters: schema }];
  cases["responses over chats"] = async () => {
    const reply = await chats.responses.create({
      model: called, instructions: "Summarise.", input: [{ role: "user", content: [{ type: "input_text", text: "hi" }] }],
      max_output_tokens: 100, metadata: { run: "1" },
    });
    assert.equal(JSON.parse(reply.output_text).town, "Leeds");
    assert.equal(reply.status, "completed");
    assert.deepEqual(reply.usage.total_tokens, 2);
    assert.deepEqual(reply.metadata, { run: "1" });
  };
  cases["responses over chats, parsed"] = async () => {
    const reply = await chats.responses.parse({
      model: called, input: "hi", text: { format: { type: "json_schema", name: "ad", strict: true, schema } },
    });
    assert.equal(JSON.parse(reply.output_text).town, "Leeds");
  };
  cases["responses over chats, with tools"] = async () => {
    const first = await chats.responses.create({ model: called, input: "find", tools, tool_choice: "auto" });
    const [call] = first.output;
    assert.equal(call.type, "function_call");
    assert.equal(JSON.parse(call.arguments).town, "Leeds");
    const second = await chats.responses.create({
      model: called, tools,
      input: [{ role: "user", content: "find" }, ...first.output,
        { type: "function_call_output", call_id: call.call_id, output: "one ad" }],
    });
    assert.equal(second.output_text, "heard: one ad");
  };
  cases["responses over chats, streamed"] = async () => {
    const runner = chats.responses.stream({ model: called, input: "find", tools });
    const types = [];
    for await (const event of runner) types.push(event.type);
    const final = await runner.finalResponse();
    assert.deepEqual(types.slice(0, 2), ["response.created", "response.in_progress"]);
    assert.equal(types.filter((type) => type === "response.function_call_arguments.delta").length, 2);
    assert.equal(types.at(-1), "response.completed");
    assert.equal(JSON.parse(final.output[0].arguments).town, "Leeds");
  };
  cases["streamed response that is aborted"] = async () => {
    const controller = new AbortController();
    const stream = await chats.responses.create(
      { model: called, input: "endless", stream: true }, { signal: controller.signal });
    let pieces = 0;
    for await (const event of stream) {
      if (event.type === "response.output_text.delta" && ++pieces === 3) controller.abort();
    }
    assert.ok(pieces >= 3);
  };
  cases["response that chats cannot give"] = async () => {
    const error = await raised(OpenAI.BadRequestError, () =>
      chats.responses.create({ model: called, input: "hi", tools: [{ type: "web_search" }] }));
    assert.equal(error.param, "tools[0].type");
  };
}

cases["streamed response of the local model"] = async () => {
  let text = "";
  const whole = await client.responses.create({ model, input: messages[1].content });
  for await (const event of await client.responses.create({ model, input: messages[1].content, stream: true })) {
    if (event.type === "response.output_text.delta") text += event.delta;
  }
  assert.equal(text, whole.output_text);
};

cases["files and batches"] = async () => {
  const lines = [1, 2, 3].map((number) => JSON.stringify({
    custom_id: `line-${number}`, method: "POST", url: "/v1/chat/completions",
    body: { model, messages: [{ role: "user", content: `Nurse wanted in ward ${number}.` }] },
  }));
  const file = await client.files.create({
    file: await OpenAI.toFile(Buffer.from(lines.join("\n")), "in.jsonl"), purpose: "batch",
    expires_after: { anchor: "created_at", seconds: 3600 },
  });
  assert.equal(file.filename, "in.jsonl");
  let batch = await client.batches.create({
    input_file_id: file.id, endpoint: "/v1/chat/completions", completion_window: "24h", metadata: { run: "1" },
  });
  const until = Date.now() + 20_000;
  while (batch.status !== "completed") {
    assert.ok(Date.now() < until, `it stays ${batch.status}`);
    await new Promise((done) => setTimeout(done, 50));
    batch = await client.batches.retrieve(batch.id);
  }
  const content = await (await client.files.content(batch.output_file_id)).text();
  const ids = content.trim().split("\n").map((line) => JSON.parse(line).custom_id).sort();
  assert.deepEqual(ids, ["line-1", "line-2", "line-3"]);
  const found = [];
  for await (const one of client.batches.list({ limit: 1 })) found.push(one.id);
  assert.deepEqual(found, [batch.id]);
  const names = [];
  for await (const one of client.files.list({ limit: 1, order: "asc" })) names.push(one.filename);
  assert.deepEqual(names.sort(), [`${batch.id}_output.jsonl`, "in.jsonl"]);
  await raised(OpenAI.ConflictError, () => client.batches.cancel(batch.id));
  assert.equal((await client.files.delete(file.id)).deleted, true);
  await raised(OpenAI.NotFoundError, () => client.files.retrieve(file.id));
};

let failed = 0;
for (const [name, run] of Object.entries(cases)) {
  try {
    await run();
    console.log(`ok      ${name}`);
  } catch (error) {
    ++failed;
    console.log(`FAILED  ${name}: ${error.stack}`);
  }
}
process.exitCode = failed ? 1 : 0;
