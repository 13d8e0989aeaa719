// One question and its answer. The address has both: where the answer is, and what was asked. So it can be loaded again, and opened
// in another window.

const $ = (id) => document.getElementById(id);

let source = null;

function follow(id, question) {
  source?.close();
  source = new EventSource(`answers/${encodeURIComponent(id)}`); // which connects again by itself, behind the last event that it has
  $("question").textContent = question;
  $("answer").textContent = "";
  show("writing");

  source.addEventListener("message", ({ data }) => {
    const { type, delta } = JSON.parse(data); // an event of Claude's
    if (type === "content_block_delta" && delta.text) $("answer").append(delta.text);
  });
  source.addEventListener("restarted", () => { $("answer").textContent = ""; }); // what came before is void
  source.addEventListener("done", ({ data }) => end({ complete: "done", cancelled: "stopped" }[JSON.parse(data).kind] ?? "ended"));
  source.addEventListener("error", ({ data }) => {
    if (data) end(JSON.parse(data).message); // the answer has failed
    else if (source?.readyState === EventSource.CLOSED) end("there is no such answer");
    else show("connecting"); // the connection has
  });
  source.addEventListener("open", () => show("writing"));
}

function end(state) {
  source.close();
  source = null;
  show(state);
}

function show(state) {
  $("state").textContent = state;
  $("stop").hidden = !source;
  $("send").hidden = Boolean(source);
}

function followAddress() {
  const [id, question] = location.hash.slice(1).split("/").map(decodeURIComponent);
  if (id) follow(id, question ?? "");
}

$("ask").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (source) return;
  const question = $("text").value.trim();
  const body = JSON.stringify({ messages: [{ role: "user", content: question }] });
  const response = await fetch("answers", { method: "POST", headers: { "content-type": "application/json" }, body });
  if (!response.ok) return show("the question was refused");
  const { id } = await response.json();
  location.hash = `${encodeURIComponent(id)}/${encodeURIComponent(question)}`;
});

$("stop").addEventListener("click", () => fetch(`answers/${location.hash.slice(1).split("/")[0]}/stop`, { method: "POST" }));

addEventListener("hashchange", followAddress);
followAddress();
