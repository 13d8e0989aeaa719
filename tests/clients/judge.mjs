// Reads answers as a front-end does, with the libraries of front-ends, and tells what it ends with.
//
// stdin: a line of JSON for each case, {"judge", "url", "steps"}. A step is a user's message, {"say", "files"}, what the tools of the
// page have given, {"outputs": [{"tool", "id", "output", "error"}]}, or what the user has said to a tool, {"answers": [{"id", "approved",
// "reason"}]}; without steps one question is asked. stdout: a line for each, in the order in which they are done:
// {"case", "end", "errors", "told", "finished", "failed", "chunks"}: what the client ends with, what it complains of, the errors that
// the server has told it, the last chunk or event of the protocol, and how many it has read.

import { AsyncLocalStorage } from "node:async_hooks";
import { registerHooks } from "node:module";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";

const AT_ONCE = 8;

// The AI SDK lets fields pass that its schema of chunks does not know, so that clients may be older than servers. Here they are errors.
registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!/\/ai-\d+\/dist\/index\.m?js$/.test(url)) return loaded;
    const [before, schema, ...after] = String(loaded.source).split(/(?=(?:const|var) uiMessageChunkSchema = )|(?=function isDataUIMessageChunk\()/);
    const strict = schema.replaceAll(/[\w$]+\.looseObject\(/g, "strictObject(");
    if (after.length === 0 || strict === schema) throw new Error(`${url}: the schema of chunks is not where it was`);
    return { ...loaded, source: ['import { strictObject } from "zod/v4";', before, strict, ...after].join("\n") };
  },
});

const current = new AsyncLocalStorage();
console.log = console.info = console.debug = console.error = () => {}; // stdout has the answers alone, and errors are raised too
console.warn = (...words) => current.getStore()?.errors.push(words.join(" ")); // AG-UI warns of what it strips

const { HttpAgent } = await import("@ag-ui/client");
const { stream } = await import("@durable-streams/client");
const [ai6, ai7] = [await import("ai-6"), await import("ai-7")];

const QUESTION = { id: "question", role: "user", parts: [{ type: "text", text: "Hi" }] };

async function readWithAiSdk(ai, url, seen) {
  const transport = new ai.DefaultChatTransport({ api: url });
  const chunks = await transport.sendMessages({ trigger: "submit-message", chatId: "chat", messages: [QUESTION] });
  const watched = chunks.pipeThrough(new TransformStream({
    transform(chunk, controller) {
      seen.chunks++;
      if (chunk.type === "error") seen.told.push(chunk.errorText);
      if (chunk.type === "abort") seen.told.push("abort");
      if (chunk.type === "finish") seen.finished = chunk.finishReason ?? true;
      controller.enqueue(chunk);
    },
  }));
  const complain = (error) => seen.told.includes(error.message) || seen.errors.push(`${error.name}: ${error.message}`);
  for await (const message of ai.readUIMessageStream({ stream: watched, onError: complain })) seen.end = message;
}

async function readWithAgUi(url, seen) {
  const agent = new HttpAgent({ url, threadId: "thread", initialMessages: [{ id: "question", role: "user", content: "Hi" }] });
  try {
    await agent.runAgent({ runId: "run" }, {
      onEvent: () => void seen.chunks++,
      onRunErrorEvent: ({ event }) => void (seen.told.push(event.message), seen.failed = event),
      onRunFinishedEvent: ({ event }) => void (seen.finished = event),
    });
  } finally {
    seen.end = agent.messages.filter((message) => message.id !== "question");
  }
}

// It ends with the items of the run, or with its text, and is finished where it was told that the run is closed.
async function readDurableStream(live, url, seen) {
  const response = await stream({ url, live, warnOnHttp: false });
  response.closed.catch(() => {}); // the reading below raises it too
  const isJson = response.contentType === "application/json";
  seen.end = isJson ? [] : "";
  for await (const piece of isJson ? response.jsonStream() : response.textStream()) {
    seen.chunks++;
    seen.end = seen.end.concat(isJson ? [piece] : piece);
  }
  seen.finished = response.streamClosed;
}

// -- conversations ---------------------------------------------------------------------------------------------------------------

// What `useChat` keeps in the state of its framework.
class ChatState {
  status = "ready";
  error = undefined;
  messages = [];
  pushMessage = (message) => { this.messages = [...this.messages, message]; };
  popMessage = () => { this.messages = this.messages.slice(0, -1); };
  replaceMessage = (index, message) => { this.messages = this.messages.with(index, message); };
  snapshot = structuredClone;
}

async function talkWithAiSdk(ai, url, steps, seen) {
  class Chat extends ai.AbstractChat {}
  const chat = new Chat({
    state: new ChatState(),
    transport: new ai.DefaultChatTransport({ api: url }),
    sendAutomaticallyWhen: (given) =>
      ai.lastAssistantMessageIsCompleteWithToolCalls(given) || ai.lastAssistantMessageIsCompleteWithApprovalResponses(given),
    onError: (error) => void seen.errors.push(`${error.name}: ${error.message}`),
  });
  for (const { say, files, outputs, answers } of steps) {
    if (say) await chat.sendMessage({ text: say, files });
    for (const { tool, id: toolCallId, output, error } of outputs ?? []) {
      const given = error ? { state: "output-error", errorText: error } : { output };
      await chat.addToolOutput({ tool, toolCallId, ...given });
    }
    for (const answer of answers ?? []) await chat.addToolApprovalResponse(answer);
    while (chat.status === "submitted" || chat.status === "streaming") await setTimeout(1);
  }
  seen.end = chat.messages;
}

async function talkWithAgUi(url, steps, seen) {
  const agent = new HttpAgent({ url, threadId: "thread" });
  for (const [number, { say, files, outputs }] of steps.entries()) {
    const content = files ? [{ type: "text", text: say }, ...files] : say;
    if (say) agent.addMessage({ id: `question-${number}`, role: "user", content });
    for (const { id: toolCallId, output, error } of outputs ?? []) {
      agent.addMessage({ id: `output-${toolCallId}`, role: "tool", toolCallId, content: output ?? "", ...(error && { error }) });
    }
    await agent.runAgent({ runId: `run-${number}` }, { onRunErrorEvent: ({ event }) => void seen.errors.push(event.message) });
  }
  seen.end = agent.messages;
}

// -- all of it -------------------------------------------------------------------------------------------------------------------

const JUDGES = {
  "ai-6": (url, steps, seen) => steps ? talkWithAiSdk(ai6, url, steps, seen) : readWithAiSdk(ai6, url, seen),
  "ai-7": (url, steps, seen) => steps ? talkWithAiSdk(ai7, url, steps, seen) : readWithAiSdk(ai7, url, seen),
  "durable-once": (url, _, seen) => readDurableStream(false, url, seen),
  "durable-long-poll": (url, _, seen) => readDurableStream("long-poll", url, seen),
  "durable-sse": (url, _, seen) => readDurableStream("sse", url, seen),
  "ag-ui": (url, steps, seen) => steps ? talkWithAgUi(url, steps, seen) : readWithAgUi(url, seen),
};

async function judged({ judge, url, steps }) {
  const seen = { end: null, errors: [], told: [], finished: null, failed: null, chunks: 0 };
  await current.run(seen, async () => {
    try {
      await JUDGES[judge](url, steps, seen);
    } catch (error) {
      if (!seen.told.includes(error.message)) seen.errors.push(`${error.name}: ${error.message}`);
    }
  });
  return seen;
}

const cases = [];
for await (const line of createInterface({ input: process.stdin })) cases.push(JSON.parse(line));

let next = 0;
async function work() {
  while (next < cases.length) {
    const number = next++;
    process.stdout.write(JSON.stringify({ case: number, ...await judged(cases[number]) }) + "\n");
  }
}
await Promise.all(Array.from({ length: AT_ONCE }, work));
