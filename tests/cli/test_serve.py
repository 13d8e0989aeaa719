"""
`streamkit serve`: what an application gets from it, what it says, and how it stops.
"""

from __future__ import annotations

import signal
import socket
from contextlib import contextmanager
from itertools import cycle
from typing import TYPE_CHECKING, Any, Self

import anthropic
import anyio
import httpx2
import pytest

import streamkit as sk
from streamkit.cli.commands.serve import TEXT, serve
from streamkit.cli.page_server import PageServer
from streamkit.testing import Drop, FakeClaude, Reply, Stall, reply, text
from tests.serving.asgi import parsed
from tests.support.patience import PATIENCE, patience

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Generator
    from pathlib import Path

    from streamkit.testing import Request

    from .conftest import Command, Process

SECRET = "the recipe is a secret"
ASK: Any = {"model": "claude-opus-5", "max_tokens": 64, "messages": [{"role": "user", "content": SECRET}]}


HELLO = reply(text("Hello"))


class Served:
    """
    A server that runs, and a client that asks it.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.first = self.line()
        self.url = self.first.split()[0].removeprefix("ANTHROPIC_BASE_URL=")
        transport = httpx2.HTTPTransport(verify=False)
        self.client = anthropic.Anthropic(
            api_key="anything",
            base_url=self.url,
            max_retries=0,
            http_client=anthropic.DefaultHttpxClient(
                transport=transport, timeout=httpx2.Timeout(PATIENCE, read=2)
            ),
        )

    def line(self) -> str:
        """
        The next line that it says.
        """
        assert self._process.stdout is not None
        return self._process.stdout.readline().decode()

    def ask(self, messages: Any = ASK["messages"]) -> tuple[str, str]:
        """
        The text that came, and how that ended.
        """
        said: list[str] = []
        try:
            asked: Any = {**ASK, "messages": messages}
            with self.client.messages.create(**asked, stream=True) as stream:
                for item in stream:
                    if item.type == "content_block_delta" and item.delta.type == "text_delta":
                        said.append(item.delta.text)
                    elif item.type == "message_stop":
                        return "".join(said), "complete"
        except Exception as error:
            return "".join(said), type(error).__name__
        return "".join(said), "truncated"


@contextmanager
def serving(process: Process, *args: object) -> Generator[Served]:
    with process("serve", "--port", 0, *args) as running:
        try:
            served = Served(running)
            with served.client:
                yield served
        finally:
            running.send_signal(signal.SIGINT)
            rest, complaint = running.communicate(timeout=PATIENCE)
    assert (running.returncode, rest, complaint) == (130, b"", b"")


@pytest.fixture
def recordings(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "one.sse", tmp_path / "two.sse"]
    for number, path in enumerate(paths, 1):
        path.write_bytes(reply(text(f"number {number}", " and more")).body)
    return paths


def test_says_where_it_is_and_answers_with_a_text_that_says_what_it_is(process: Process) -> None:
    with serving(process, "--speed", "20") as served:
        assert served.first == f"ANTHROPIC_BASE_URL={served.url} ANTHROPIC_API_KEY=anything\n"
        said, how = served.ask()
        assert (said.startswith("This is `streamkit serve`, not Claude."), how) == (True, "complete")
        assert served.line() == "   1  claude-opus-5  built-in text\n"
        message = served.client.messages.create(model="claude-opus-5", max_tokens=64, messages=[])
        assert message.model == "claude-opus-5"
        assert served.line() == "   2  claude-opus-5  built-in text\n"


def test_the_built_in_text_streams_at_a_pace(process: Process) -> None:
    with serving(process, "--speed", "4") as served:
        with served.client.messages.create(**ASK, stream=True) as stream:
            response: Any = stream.response
            sizes = [len(chunk) for chunk in response.iter_raw()]
        served.line()
    assert len(sizes) > 50


def test_recordings_are_played_round_and_round(process: Process, recordings: list[Path]) -> None:
    with serving(process, *recordings, "--speed", "100") as served:
        said = [served.ask() for _ in range(3)]
        lines = [served.line() for _ in said]
    assert said == [(f"number {number} and more", "complete") for number in (1, 2, 1)]
    assert lines == [
        "   1  claude-opus-5  one.sse\n",
        "   2  claude-opus-5  two.sse\n",
        "   3  claude-opus-5  one.sse\n",
    ]


FAILURES = {
    "overloaded": ("number 1", "APIStatusError"),
    "drop": ("number 1", "RemoteProtocolError"),
    "truncate": ("number 1", "truncated"),
    "stall": ("number 1", "ReadTimeout"),
    "garbage": ("number 1", "JSONDecodeError"),
    "overloaded-http": ("", "OverloadedError"),
    "rate-limit": ("", "RateLimitError"),
    "ok": ("number 1 and more", "complete"),
}


def test_every_failure_is_one(process: Process, recordings: list[Path]) -> None:
    failures = [argument for name in FAILURES for argument in ("--fail", name)]
    with serving(process, recordings[0], "--speed", "100", *failures) as served:
        ends = {name: served.ask() for name in FAILURES}
        lines = [served.line() for _ in FAILURES]
    assert ends == FAILURES
    told = {
        name: "one.sse" if name == "ok" else f"one.sse, {name} halfway" if said else name
        for name, (said, _) in FAILURES.items()
    }
    assert lines == [f"{number:>4}  claude-opus-5  {each}\n" for number, each in enumerate(told.values(), 1)]


def test_successive_requests_get_successive_failures(process: Process, recordings: list[Path]) -> None:
    failures = ["--fail", "rate-limit", "--fail", "ok", "--fail", "truncate"]
    with serving(process, *recordings, "--speed", "100", *failures) as served:
        ends = [served.ask() for _ in range(5)]
        for _ in ends:
            served.line()
    assert ends == [
        ("", "RateLimitError"),
        ("number 1 and more", "complete"),
        ("number 2", "truncated"),
        ("", "RateLimitError"),
        ("number 1 and more", "complete"),
    ]


def test_an_error_before_the_stream_says_when_to_come_back(process: Process) -> None:
    with serving(process, "--fail", "overloaded-http") as served:
        with pytest.raises(anthropic.APIStatusError) as caught:
            served.client.messages.create(**ASK, stream=True)
        served.line()
    assert (caught.value.status_code, caught.value.response.headers["retry-after"]) == (529, "1")


def test_a_cassette_breaks_off_where_the_connection_did(process: Process, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    head = '{"streamkit": "cassette", "version": 1}\n'
    path.write_text(head + '{"at": 0, "data": ": data:\\n\\n"}\n{"at": 0.01, "end": "dropped"}\n')
    assert Reply.file(path).steps[-1] == Drop()
    with serving(process, path) as served:
        assert served.ask() == ("", "RemoteProtocolError")
        served.line()


def test_other_requests_are_told_too_and_no_prompt_is(process: Process) -> None:
    with serving(process, "--speed", "100") as served:
        with pytest.raises(anthropic.NotFoundError):
            served.client.models.list()
        told = served.line()
        served.ask()
        assert SECRET not in served.line()
    assert told == "   1  ?  404, for GET /v1/models\n"


async def test_it_keeps_no_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[FakeClaude] = []
    ready = anyio.Event()

    def one(request: Request) -> tuple[str, Reply]:
        return "one", HELLO

    class Watched(FakeClaude):
        async def __aenter__(self) -> Self:
            await super().__aenter__()
            made.append(self)
            ready.set()
            return self

    monkeypatch.setattr("streamkit.cli.commands.serve.FakeClaude", Watched)
    async with anyio.create_task_group() as group:
        group.start_soon(serve, 0, one, cycle(["ok"]))
        await ready.wait()
        [server] = made
        for _ in range(2):
            await server.client().messages.create(**ASK)
        assert len(server.requests) == 2
        assert SECRET not in str([server.requests, [each.requests for each in server.connections]])
        group.cancel_scope.cancel()


def test_ctrl_c_ends_it_in_the_middle_of_an_answer(process: Process) -> None:
    with serving(process, "--fail", "stall", "--speed", "100") as served:
        assert served.ask()[1] == "ReadTimeout"
        served.line()
        request = served.client.messages.create(**ASK, stream=True)
        served.line()
    request.close()


def test_a_port_in_use_is_told_in_one_line(command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        complaint = f"streamkit: --port {port} cannot be used: Address already in use; --port 0 takes any that is free\n"
        assert command("serve", "--port", port) == (2, "", complaint)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nowhere.sse"], "there is no file 'nowhere.sse'"),
        (["."], "'.' is a directory"),
        (["--port", "-1"], "give a port, 0 to 65535, not '-1'"),
        (["--port", "65536"], "give a port, 0 to 65535, not '65536'"),
        (["--port", "http"], "give a port, 0 to 65535, not 'http'"),
        (["--speed", "0"], "give a number above 0, such as 1 or 2.5, not '0'"),
        (["--fail", "everything"], "invalid choice: 'everything'"),
    ],
)
def test_a_slip_is_told_in_one_line(command: Command, arguments: list[str], complaint: str) -> None:
    status, out, err = command("serve", *arguments)
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert err.startswith("streamkit serve: ")
    assert complaint in err


@pytest.mark.parametrize("content", [b"", b"# A heading\n", b"\x7fELF\x00\xff\xfe", b'{"a": 1}\n'])
def test_a_file_that_holds_no_stream_is_refused(command: Command, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    status, out, err = command("serve", path)
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert err.startswith(f"streamkit: {path} holds no recorded stream: ")


def test_a_reader_that_goes_is_no_complaint(process: Process) -> None:
    with process("serve", "--port", 0, "--speed", "100") as running:
        served = Served(running)
        with served.client:
            assert running.stdout is not None
            assert running.stderr is not None
            running.stdout.close()
            assert served.ask()[1] != "complete"
            complaint = running.stderr.read()
    assert (running.returncode, complaint) == (141, b"")


@pytest.mark.parametrize("model", ["claude-opus-5", "claude-haiku-4-5"])
def test_an_application_that_goes_on_gets_the_rest(process: Process, model: str) -> None:
    async def ask_and_go_on(url: str) -> str:
        policy = sk.RetryPolicy(base=0, resume="continue")
        asked: Any = {**ASK, "model": model}
        async with anthropic.AsyncAnthropic(api_key="anything", base_url=url) as client:
            chat = sk.messages(client, retry=policy, **asked)
            return await (chat | sk.text() | sk.sinks.join())

    with serving(process, "--speed", 50, "--fail", "drop", "--fail", "ok") as served:
        assert anyio.run(ask_and_go_on, served.url) == TEXT
        assert served.line().split()[-2:] == ["drop", "halfway"]
        assert served.line().endswith("built-in text\n")


@pytest.mark.parametrize("answered", [TEXT, TEXT[:20]])
def test_a_new_question_is_answered_from_the_beginning(process: Process, answered: str) -> None:
    """
    Whether the answer before it was whole, or was stopped.
    """
    messages: Any = [*ASK["messages"], {"role": "assistant", "content": answered}, *ASK["messages"]]
    with serving(process, "--speed", 100) as served:
        assert served.ask(messages) == (TEXT, "complete")
        served.line()


# -- the page ------------------------------------------------------------------------------------------------


def test_the_page_asks_and_shows_what_is_answered(process: Process, recordings: list[Path]) -> None:
    with serving(process, *recordings, "--ui", "--speed", "100") as served:
        assert served.line() == f"{served.url}/ is a page to watch the answers on\n"
        with httpx2.Client(base_url=served.url, trust_env=False, timeout=PATIENCE) as browser:
            page = browser.get("/")
            assert page.headers["content-type"] == "text/html; charset=utf-8"
            for name, kind in {"chat.js": "text/javascript", "chat.css": "text/css"}.items():
                assert f'"{name}"' in page.text
                assert browser.get(f"/{name}").headers["content-type"] == f"{kind}; charset=utf-8"
            assert browser.get("/about").json()["questions"] == ["one.sse", "two.sse"]
            for name in ("two.sse", "anything"):
                asked = {"messages": [{"role": "user", "content": name}]}
                events = parsed(browser.post("/sse", json=asked).text)
                assert [data for event, data in events if event == "text"][1] == '" and more"'
                assert events[-1][0] == "done"
            odd: list[Any] = [
                [],
                "Hi",
                [5],
                [{"role": "user", "content": [[]]}],
                [{"role": "?", "content": "Hi"}],
            ]
            for messages in odd:
                assert browser.post("/sse", json={"messages": messages}).status_code == 400
            half = browser.post("/sse", content=b'{"messages": [{"role": "user", "content": "\\ud83d"}]}')
            assert parsed(half.text)[-1][0] == "done"
            assert browser.get("/elsewhere").status_code == 404
        lines = [served.line() for _ in range(4)]
    assert lines == [
        "   1  claude-sonnet-5  two.sse\n",
        "   2  claude-sonnet-5  one.sse\n",
        "   3  claude-sonnet-5  two.sse\n",
        "   4  ?  404, for GET /elsewhere\n",
    ]


def test_there_is_no_page_unless_it_is_asked_for(process: Process) -> None:
    with serving(process, "--speed", "100") as served:
        assert httpx2.get(served.url, trust_env=False).status_code == 404
        served.line()


async def test_a_page_that_goes_ends_its_request() -> None:
    asked = b'{"messages": [{"role": "user", "content": "Hi"}]}'
    head = f"POST /sse HTTP/1.1\r\nHost: here\r\nContent-Length: {len(asked)}\r\n\r\n".encode()
    async with PageServer(lambda _: reply(text("Once", Stall())), port=0, questions=[]) as server:
        with patience():
            async with await anyio.connect_tcp("127.0.0.1", int(server.url.rpartition(":")[2])) as browser:
                await browser.send(head + asked)
                came = b""
                while b"Once" not in came:
                    came += await browser.receive()
            await server.connection_closed(0)
            await server.connection_closed(1)
        assert [request.path for request in server.requests] == ["/sse", "/v1/messages"]


def test_the_page_needs_what_frames_its_events(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def find_nothing(name: str) -> None: ...

    monkeypatch.setattr("streamkit.cli.commands.serve.find_spec", find_nothing)
    complaint = 'streamkit: --ui needs sse-starlette: pip install "claude-streamkit[sse]"\n'
    assert command("serve", "--ui") == (2, "", complaint)
