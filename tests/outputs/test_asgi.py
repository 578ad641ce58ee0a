"""The server beside the session: who gets in, and what it says to those who do not."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from realtime_ser.base.errors import OutputError, UsageError
from realtime_ser.outputs.asgi import Access, WebServer

TOKEN = "a secret that is long enough"


async def greet(_request):
    return PlainTextResponse("hello")


async def echo(socket):
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(text)


APP = Starlette(routes=[Route("/", greet), WebSocketRoute("/live", echo)])


@pytest.fixture
def serve():
    servers = []

    def start(**access):
        servers.append(WebServer(APP, Access(**access)))
        servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def get(server, path="/", **headers):
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_program_of_this_computer_gets_in(serve):
    server = serve()
    assert get(server) == (200, "hello")
    with connect(f"ws://127.0.0.1:{server.port}/live") as client:
        client.send("one")
        assert client.recv() == "one"


@pytest.mark.parametrize("origin", ["http://localhost:5500", "http://127.0.0.1", "http://[::1]:1"])
def test_a_page_of_this_computer_gets_in(serve, origin):
    assert get(serve(), Origin=origin) == (200, "hello")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://example.org"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1.example.org"},
        {"Host": "example.org"},
        {"Host": "127.0.0.1.example.org:8765"},
        {"Host": "["},
    ],
)
def test_a_page_of_the_web_does_not(serve, headers):
    status, said = get(serve(), **headers)
    assert status == 403
    assert said.endswith(".")


def test_a_page_of_the_web_opens_no_socket(serve):
    server = serve()
    with pytest.raises(InvalidStatus) as refused:
        connect(f"ws://127.0.0.1:{server.port}/live", origin="https://example.org")
    assert refused.value.response.status_code == 403


def test_with_a_token_those_who_know_it_get_in_from_wherever(serve):
    server = serve(token=TOKEN)
    assert get(server)[0] == 401
    assert get(server, "/?token=a%20secret")[0] == 401
    said = get(server, "/?token=a%20secret%20that%20is%20long%20enough", Origin="https://a.org")
    assert said == (200, "hello")
    assert get(server, Authorization=f"Bearer {TOKEN}") == (200, "hello")
    with pytest.raises(InvalidStatus) as refused:
        connect(f"ws://127.0.0.1:{server.port}/live?token=wrong")
    assert b"token is missing or wrong" in refused.value.response.body


def test_other_computers_need_a_token():
    with pytest.raises(UsageError, match="give a token"):
        Access(host="0.0.0.0")
    with pytest.raises(UsageError, match="16 characters"):
        Access(token="short")
    assert Access(host="::1").token is None


def test_a_port_that_is_taken_is_one_sentence(serve):
    port = serve().port
    with pytest.raises(OutputError, match=f"Cannot listen at port {port} of 127.0.0.1: .*in use"):
        serve(port=port)


def test_a_stopped_server_lets_go_of_its_port_and_of_its_listeners(serve):
    server = serve()
    with connect(f"ws://127.0.0.1:{server.port}/live"):
        server.stop()
    assert get(serve(port=server.port)) == (200, "hello")
