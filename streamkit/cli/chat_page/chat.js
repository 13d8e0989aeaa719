// One conversation, over server-sent events or a WebSocket.
//
// An answer is a series of [name, value]: those of the `split` on the server, and at its end "done" or "error". What a model, a tool
// or a user has said goes onto the page as text (`textContent`, `appendData`), and never as HTML.

const $ = (id) => document.getElementById(id);

// -- how an answer comes ---------------------------------------------------------------------------------------

async function* overSSE(messages, signal) {
  const headers = { "content-type": "application/json" };
  const response = await fetch("sse", { method: "POST", headers, body: JSON.stringify({ messages }), signal });
  if (!response.ok) throw new Error((await response.json().catch(() => ({}))).message ?? `HTTP ${response.status}`);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let unread = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const frames = (unread + value).split(/\r\n\r\n|\n\n/);
    unread = frames.pop();
    for (const frame of frames) {
      const lines = frame.split(/\r\n|\n/);
      const field = (name) => lines.filter((line) => line.startsWith(name)).map((line) => line.slice(name.length).trimStart());
      const data = field("data:").join("\n");
      if (data) yield [field("event:")[0] ?? "message", JSON.parse(data)]; // a frame without data keeps the connection open
    }
  }
}

async function* overWebSocket(messages, signal) {
  const socket = new WebSocket(new URL("ws", location.href.replace(/^http/, "ws")));
  const waiting = [];
  let wake = () => {};
  const arrived = (item) => { waiting.push(item); wake(); };
  socket.onopen = () => socket.send(JSON.stringify({ messages }));
  socket.onmessage = ({ data }) => arrived(JSON.parse(data));
  socket.onclose = () => arrived(null);
  signal.addEventListener("abort", () => socket.readyState === WebSocket.OPEN ? socket.send('{"type": "stop"}') : socket.close());
  try {
    for (;;) {
      if (!waiting.length) await new Promise((resolve) => { wake = resolve; });
      const item = waiting.shift();
      if (item === null) return;
      if (item.type === "complete") yield ["done", item];
      else yield [item.type, item.error ?? item.content];
    }
  } finally {
    socket.close();
  }
}

const WAYS = { sse: ["Server-sent events", overSSE], websocket: ["WebSocket", overWebSocket] };

// -- how an answer is shown --------------------------------------------------------------------------------------

function make(name, className, text) {
  const element = document.createElement(name);
  element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function write(element, piece) {
  if (element.lastChild) element.lastChild.appendData(piece);
  else element.append(piece);
}

const shown = (value) => typeof value === "string" ? value : JSON.stringify(value, null, 2);

class Answer {
  element = make("article", "answer");
  said = ""; // what the next request tells the model that it has said
  ended = false;
  #begun = performance.now();
  #cards = new Map(); // by the call's id
  #open = new Map(); // by the block's index in its message
  #sources = make("ul", "sources");
  #usage = make("footer", "", "…");

  constructor() {
    this.element.append(this.#sources, this.#usage);
  }

  receive(name, value) {
    const show = {
      text: () => this.#text(value),
      thinking: () => this.#thinking(value),
      block: () => this.#block(value),
      input: () => this.#input(value),
      call: () => this.#call(value),
      result: () => this.#result(value),
      found: () => this.#result(value.block),
      source: () => this.#source(value),
      usage: () => this.#figures(value),
      restarted: () => this.#startOver(),
      done: () => this.end(value.kind === "complete" && value.stop_reason || value.kind, value.usage),
      error: () => this.fail(value.message),
    }[name];
    show?.();
  }

  end(why, usage) {
    if (this.ended) return;
    this.ended = true;
    this.element.classList.add("ended");
    const seconds = ((performance.now() - this.#begun) / 1000).toFixed(1);
    if (usage) this.#figures(usage);
    else if (this.#usage.textContent === "…") this.#usage.textContent = "";
    this.#usage.append(this.#usage.textContent && " · ", `${seconds} s · ${why.replaceAll("_", " ")}`);
    for (const card of this.#cards.values()) card.state.dataset.state ||= card.called ? "done" : "failed";
    this.#endThought();
  }

  fail(message) {
    this.#add(make("p", "error", message));
    this.end("failed");
  }

  #startOver() {
    this.said = "";
    this.#sources.replaceChildren();
    this.element.replaceChildren(this.#sources, this.#usage);
    this.#cards.clear();
    this.#open.clear();
  }

  #endThought() {
    const last = this.#sources.previousElementSibling;
    if (last?.matches("details.thinking")) last.firstChild.textContent = "Thought";
  }

  #add(element) {
    this.#endThought();
    this.#sources.before(element);
    return element;
  }

  #last(selector, begin) {
    const last = this.#sources.previousElementSibling;
    return last?.matches(selector) ? last : this.#add(begin());
  }

  #text(piece) {
    this.said += piece;
    write(this.#last("p.text", () => make("p", "text")), piece);
  }

  #thinking(piece) {
    const thought = this.#last("details.thinking", () => {
      const details = make("details", "thinking");
      details.append(make("summary", "", "Thinking…"), make("p", ""));
      return details;
    });
    write(thought.lastChild, piece);
  }

  #block({ index, content_block: { id, name } }) {
    this.#open.delete(index);
    if (id && name) this.#open.set(index, this.#card(id, name));
  }

  #input({ index, delta }) {
    const card = this.#open.get(index);
    if (card && delta.partial_json) write(card.input, delta.partial_json);
  }

  #card(id, name) {
    const card = { element: make("section", "card"), state: make("i", ""), input: make("pre", "input") };
    const title = make("h2", "");
    title.append(card.state, name);
    card.element.append(title, card.input);
    this.#cards.set(id, card);
    this.#add(card.element);
    return card;
  }

  #call({ id, name, input, raw, reason }) {
    const card = this.#cards.get(id) ?? this.#card(id, name); // some servers send a message as a whole, without its blocks
    card.called = true;
    card.input.textContent = reason ? raw : shown(input);
    if (reason) this.#outcome(card, `Not called: its input is ${reason.replaceAll("_", " ")}`, "failed");
  }

  #result({ tool_use_id: id, content, is_error }) {
    const card = this.#cards.get(id);
    if (!card) return;
    const texts = Array.isArray(content) ? content.map((part) => part?.text ?? part?.title ?? shown(part)) : [shown(content)];
    const failed = is_error || String(content?.type).endsWith("_error");
    this.#outcome(card, texts.join("\n"), failed ? "failed" : "done");
  }

  #outcome(card, text, state) {
    card.state.dataset.state = state;
    card.element.append(make("pre", `result ${state}`, text));
  }

  #source({ url, title, document_title, source, document_index }) {
    const name = title ?? document_title ?? url ?? source ?? `Document ${document_index + 1}`;
    const is_link = /^https?:/i.test(url); // and not one that would run something
    const shown = make(is_link ? "a" : "span", "", name);
    if (is_link) Object.assign(shown, { href: url, target: "_blank", rel: "noopener noreferrer" });
    const entry = make("li", "");
    entry.append(shown);
    const known = [...this.#sources.children].some((other) => other.isEqualNode(entry));
    if (!known) this.#sources.append(entry);
  }

  #figures({ input_tokens: read, output_tokens: written }) {
    this.#usage.textContent = `${read} tokens in · ${written} out`;
  }
}

// -- the conversation --------------------------------------------------------------------------------------------

const messages = [];
let stop = null; // while an answer comes

let follows = true; // until the reader scrolls up
let scrolls = 0;

addEventListener("scroll", () => { follows = innerHeight + scrollY >= document.body.scrollHeight - 80; });

function follow() {
  if (follows) scrolls ||= requestAnimationFrame(() => { scrolls = 0; scrollTo(0, document.body.scrollHeight); });
}

async function ask(question) {
  messages.push({ role: "user", content: question });
  const answer = new Answer();
  $("conversation").append(make("p", "question", question), answer.element);
  follows = true;
  follow();

  stop = new AbortController();
  busy(true);
  try {
    const [, items] = WAYS[$("way").value];
    for await (const [name, value] of items(messages, stop.signal)) {
      answer.receive(name, value);
      follow();
    }
    if (!answer.ended) answer.fail("The connection broke.");
  } catch (error) {
    if (stop.signal.aborted) answer.end("stopped");
    else answer.fail(error.message);
  }
  if (answer.said) messages.push({ role: "assistant", content: answer.said });
  else messages.pop();
  stop = null;
  busy(false);
}

function busy(yes) {
  $("send").textContent = yes ? "Stop" : "Send";
  $("send").classList.toggle("stop", yes);
  $("conversation").ariaBusy = String(yes);
  for (const button of $("questions").children) button.disabled = yes;
}

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  if (stop) return stop.abort();
  const question = $("question").value.trim();
  $("question").value = "";
  if (question) ask(question);
});

$("question").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    if (!stop) $("ask").requestSubmit();
  }
});

// What the server has to say of itself, which ways it serves, and what one could ask it.
const about = await (await fetch("about")).json();
$("note").textContent = about.note;
for (const way of about.ways) $("way").append(new Option(WAYS[way][0], way));
$("way").hidden = about.ways.length < 2;
for (const question of about.questions) {
  const button = make("button", "", question);
  button.type = "button";
  button.addEventListener("click", () => ask(question));
  $("questions").append(button);
}
