"""A WebSocket echo server of the `websockets` library, without compression."""
import asyncio
import sys

from websockets.asyncio.server import serve


async def echo(socket):
    async for message in socket:
        await socket.send(message)


async def main(host, port):
    async with serve(echo, host, port, max_size=None, compression=None, ping_interval=None) as server:
        await server.serve_forever()


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
