"""A WebSocket echo server and a visitor, both by the `websockets` library."""
import asyncio
import sys

import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve


async def echo(socket):
    async for message in socket:
        if message == "close":
            await socket.close(4321, "as asked")
            return
        await socket.send(message)


async def serve_forever(host, port):
    async with serve(echo, host, port, max_size=None) as server:
        await server.serve_forever()


async def visit(host, port, name):
    seen = []
    uri = f"ws://{name}:{port}/socket?x=1"
    async with connect(uri, host=host, port=port, max_size=None) as socket:
        await socket.send("hello")
        assert await socket.recv() == "hello"
        seen.append("text")
        await socket.send(bytes(range(256)))
        assert await socket.recv() == bytes(range(256))
        seen.append("binary")
        large = bytes(3 * 1024 * 1024)
        await socket.send(large)
        assert await socket.recv() == large
        seen.append("large")
        await asyncio.wait_for(await socket.ping(b"are you there"), 20)
        seen.append("ping")
        await socket.send("close")
        try:
            await socket.recv()
        except websockets.ConnectionClosed as end:
            seen.append(f"close-{end.rcvd.code}")
            assert end.rcvd.reason == "as asked"
    print(" ".join(seen))


async def echo_once(host, port, name):
    async with connect(f"ws://{name}:{port}/ws", host=host, port=port) as socket:
        await socket.send("through the tunnel and back")
        for _ in range(10):
            if "through the tunnel and back" in str(await asyncio.wait_for(socket.recv(), 20)):
                return
        raise SystemExit("no echo came")


if sys.argv[1] == "serve":
    asyncio.run(serve_forever(sys.argv[2], int(sys.argv[3])))
elif sys.argv[1] == "echo":
    asyncio.run(echo_once(sys.argv[2], int(sys.argv[3]), sys.argv[4]))
else:
    asyncio.run(visit(sys.argv[2], int(sys.argv[3]), sys.argv[4]))
