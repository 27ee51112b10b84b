"""How a message lies on the wire: its fields, little-endian, and the sizes both sides keep to."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from hil.link.codes import MessageType

PROTOCOL_MAJOR = 1
PROTOCOL_MINOR = 1
MAX_PAYLOAD_BYTES = 1024
MAX_RANK = 8
BUILD_ID_BYTES = 20
MODEL_HASH_BYTES = 32
TARGET_NAME_BYTES = 32


@dataclass(frozen=True)
class Field:
    """One field on the wire: `code` is its struct format, `length` that of an array."""

    name: str
    code: str
    length: int = 1

    @property
    def format(self) -> str:
        """Its part of a struct format string."""
        return f"{self.length}s" if self.code == "s" else f"{self.length}{self.code}"


@dataclass(frozen=True)
class Message:
    """A message body. Subclasses list the wire fields; `tail` takes the bytes after them."""

    TYPE: ClassVar[MessageType]
    LAYOUT: ClassVar[tuple[Field, ...]] = ()
    HAS_TAIL: ClassVar[bool] = False

    @classmethod
    def layout(cls) -> struct.Struct:
        """The fixed part on the wire."""
        return struct.Struct("<" + "".join(field.format for field in cls.LAYOUT))

    def pack(self) -> bytes:
        """The payload of a frame. Raises ValueError when it is longer than a frame may hold."""
        values: list[Any] = []
        for field in self.LAYOUT:
            value = getattr(self, field.name)
            if field.code != "s" and field.length > 1:
                values += [*value, *[0] * (field.length - len(value))]
            else:
                values.append(value)
        payload = self.layout().pack(*values) + self.tail_bytes()
        if len(payload) > MAX_PAYLOAD_BYTES:
            raise ValueError(f"{type(self).__name__} of {len(payload)} bytes exceeds a frame")
        return payload

    def tail_bytes(self) -> bytes:
        """What follows the fields: the attribute `tail` of messages that have one."""
        return bytes(getattr(self, "tail", b""))

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """The message in `payload`. Raises ValueError when the size does not fit."""
        layout = cls.layout()
        if len(payload) < layout.size or (len(payload) > layout.size and not cls.HAS_TAIL):
            raise ValueError(
                f"{cls.__name__} has {layout.size} bytes, but {len(payload)} were received"
            )
        raw = list(layout.unpack_from(payload))
        values: dict[str, Any] = {}
        for field in cls.LAYOUT:
            if field.code != "s" and field.length > 1:
                values[field.name] = tuple(raw[: field.length])
                del raw[: field.length]
            else:
                values[field.name] = raw.pop(0)
        if cls.HAS_TAIL:
            values["tail"] = payload[layout.size :]
        return cls(**values)
