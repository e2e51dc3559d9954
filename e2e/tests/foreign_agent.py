"""An agent of another make: says hello by the bytes of docs/PROTOCOL.md and prints the gateway's answer as JSON."""
import asyncio
import json
import struct
import sys
import uuid

from websockets.asyncio.client import connect

PREFACE = b"OCTOMUX\x01"
DATA = 0x10


def pack(value):
    if value is None:
        return b"\xc0"
    if isinstance(value, int):
        return struct.pack("B", value) if value < 128 else b"\xce" + struct.pack(">I", value)
    if isinstance(value, str):
        raw = value.encode()
        return b"\xda" + struct.pack(">H", len(raw)) + raw
    if isinstance(value, list):
        return b"\xdc" + struct.pack(">H", len(value)) + b"".join(map(pack, value))
    pairs = b"".join(pack(key) + pack(item) for key, item in value.items())
    return b"\xde" + struct.pack(">H", len(value)) + pairs


class Reader:
    """As much of MessagePack as the gateway's answers have."""

    def __init__(self, raw):
        self.raw = raw

    def take(self, count):
        taken, self.raw = self.raw[:count], self.raw[count:]
        return taken

    def number(self, count):
        return int.from_bytes(self.take(count), "big")

    def value(self):
        kind = self.number(1)
        if kind < 0x80:
            return kind
        if kind < 0x90:
            return {self.value(): self.value() for _ in range(kind & 0xF)}
        if kind < 0xA0:
            return [self.value() for _ in range(kind & 0xF)]
        if kind < 0xC0:
            return self.take(kind & 0x1F).decode()
        if kind in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[kind]
        if 0xCC <= kind <= 0xCF:
            return self.number(1 << (kind - 0xCC))
        if 0xD9 <= kind <= 0xDB:
            return self.take(self.number(1 << (kind - 0xD9))).decode()
        raise SystemExit(f"unexpected MessagePack {kind:#x}")


async def main(gateway, key, versions, features):
    hello = {
        "type": "hello",
        "versions": json.loads(versions),
        "features": json.loads(features),
        "name": "foreign",
        "instance": str(uuid.uuid4()),
        "agent_version": "9.9.9",
    }
    body = pack(hello)
    message = b"\x00" + len(body).to_bytes(3, "big") + body
    frame = bytes([DATA]) + len(message).to_bytes(3, "big") + bytes(4) + message
    headers = {"Authorization": f"Bearer {key}"}
    async with connect(f"ws://{gateway}/tunnel", additional_headers=headers) as socket:
        await socket.send(PREFACE + frame)
        raw = control = b""
        while len(control) < 4 or len(control) < 4 + int.from_bytes(control[1:4], "big"):
            raw += await asyncio.wait_for(socket.recv(), 20)
            if raw.startswith(PREFACE):
                raw = raw[len(PREFACE):]
            while len(raw) >= 8 and len(raw) >= 8 + int.from_bytes(raw[1:4], "big"):
                length = int.from_bytes(raw[1:4], "big")
                kind, payload, raw = raw[0], raw[8:8 + length], raw[8 + length:]
                if kind == DATA:
                    control += payload
        assert control[0] == 0, "a short answer is not compressed"
        print(json.dumps(Reader(control[4:]).value()))


asyncio.run(main(*sys.argv[1:]))
