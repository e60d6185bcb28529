"""A model small enough for any machine: a picture of one colour, late or never when it is told so."""

import os
import struct
import tempfile
import time
import zlib

from cog import BasePredictor, Input, Path


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(size: int, colour: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    rows = b"".join(b"\0" + colour * size for _ in range(size))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class Predictor(BasePredictor):
    def predict(
        self,
        prompt: str = Input(description="What to draw; only its colour is."),
        image: Path = Input(description="A picture whose size counts.", default=None),
        seconds: float = Input(description="How long to take.", default=0.0, ge=0, le=60),
        fail: bool = Input(description="Fail instead.", default=False),
        seed: int = Input(description="Nothing here depends on it.", default=None),
    ) -> Path:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.05)
        if fail:
            raise ValueError("it was told to fail")
        if prompt == "crash":
            os._exit(1)
        size = 32 if image is None else 8 + os.path.getsize(image) % 8
        made = Path(tempfile.mkdtemp()) / "made.png"
        made.write_bytes(png(size, bytes([zlib.crc32(prompt.encode()) % 256, 80, 160])))
        return made
