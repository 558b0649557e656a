"""A real HTTP server on loopback that behaves as badly as it is told to."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Behaviour:
    """How one request is answered.

    Attributes:
        body: The file, as the server has it now.
        status: Answer with this status and nothing else.
        cut: Send so many bytes of the answer's body and close the connection.
        claim: Announce so many bytes more than there are.
        ranges: Whether range requests are understood.
        shift: Start that many bytes away from where was asked.
        headers: Sent besides.
    """

    body: bytes = b""
    status: int | None = None
    cut: int | None = None
    claim: int = 0
    ranges: bool = True
    shift: int = 0
    tag: str | None = '"one"'
    length: bool = True
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Server:
    """`requests` are the Range headers of the requests it got, empty where there was none."""

    url: str
    requests: list[str]


@contextmanager
def serving(answer: Callable[[int, str], Behaviour]) -> Iterator[Server]:
    """Serve `answer(number of the request, path)`."""
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            behaviour = answer(len(requests), self.path)
            requests.append(self.headers.get("Range", ""))
            _answer(self, behaviour)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Server(f"http://127.0.0.1:{server.server_address[1]}", requests)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(handler: BaseHTTPRequestHandler, how: Behaviour) -> None:
    if how.status is not None:
        handler.send_response(how.status)
        for name, value in how.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return
    asked = handler.headers.get("Range", "")
    condition = handler.headers.get("If-Range")
    start = 0
    if asked and how.ranges and (condition is None or condition == how.tag):
        start = int(asked.removeprefix("bytes=").rstrip("-")) + how.shift
        if start >= len(how.body):
            handler.send_response(416)
            handler.send_header("Content-Range", f"bytes */{len(how.body)}")
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        handler.send_response(206)
        total = len(how.body) + how.claim
        handler.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
    else:
        handler.send_response(200)
    body = how.body[start:]
    if how.length:
        handler.send_header("Content-Length", str(len(body) + how.claim))
    if how.tag is not None:
        handler.send_header("ETag", how.tag)
    for name, value in how.headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body if how.cut is None else body[: how.cut])
    handler.close_connection = True
