"""The firmware's `protocol.h`, generated from the message registry at build time."""

from __future__ import annotations

import re

from hil.link import codes, wire
from hil.link.messages import MESSAGES
from hil.link.wire import Field, Message

_C_TYPES = {
    "B": "uint8_t",
    "H": "uint16_t",
    "I": "uint32_t",
    "i": "int32_t",
    "Q": "uint64_t",
    "f": "float",
    "s": "uint8_t",
}
_ENUMS = (
    ("HIL_MESSAGE", codes.MessageType),
    ("HIL_REJECT", codes.RejectReason),
    ("HIL_ALLOCATE", codes.AllocateStatus),
    ("HIL_DIRECTION", codes.Direction),
    ("HIL_TRACE", codes.TraceFlag),
    ("HIL_CACHE", codes.Cache),
    ("HIL_CRASH", codes.CrashKind),
    ("HIL_RESET", codes.ResetCause),
)
_CONSTANTS = {
    "HIL_PROTOCOL_MAJOR": wire.PROTOCOL_MAJOR,
    "HIL_PROTOCOL_MINOR": wire.PROTOCOL_MINOR,
    "HIL_MAX_PAYLOAD_BYTES": wire.MAX_PAYLOAD_BYTES,
    "HIL_MAX_RANK": wire.MAX_RANK,
    "HIL_BUILD_ID_BYTES": wire.BUILD_ID_BYTES,
    "HIL_MODEL_HASH_BYTES": wire.MODEL_HASH_BYTES,
    "HIL_TARGET_NAME_BYTES": wire.TARGET_NAME_BYTES,
}


def protocol_header() -> str:
    """Text of `protocol.h`: constants, enumerations and one packed struct per message."""
    parts = [
        "// Generated from hil/link/messages.py. Little-endian.",
        "#ifndef HIL_PROTOCOL_H",
        "#define HIL_PROTOCOL_H",
        "",
        "#include <stdint.h>",
        "",
        *[f"#define {name} {value}" for name, value in _CONSTANTS.items()],
        "",
    ]
    for prefix, enum in _ENUMS:
        members = ", ".join(f"{prefix}_{member.name} = {member.value:#x}" for member in enum)
        parts += [f"enum {{ {members} }};", ""]
    parts += [_struct(message) for message in MESSAGES if message.LAYOUT]
    parts += ["#endif", ""]
    return "\n".join(parts)


def _struct(message: type[Message]) -> str:
    name = "Hil" + message.__name__
    body = "".join(f"  {_member(field)};\n" for field in message.LAYOUT)
    size = message.layout().size
    return (
        f"// {_first_line(message)}\n"
        f"typedef struct __attribute__((packed)) {{\n{body}}} {name};\n"
        f"#ifdef __cplusplus\n"
        f'static_assert(sizeof({name}) == {size}, "wire size of {name}");\n'
        f"#endif\n"
    )


def _member(field: Field) -> str:
    array = f"[{field.length}]" if field.length > 1 or field.code == "s" else ""
    return f"{_C_TYPES[field.code]} {field.name}{array}"


def _first_line(message: type[Message]) -> str:
    return re.split(r"\n", (message.__doc__ or "").strip())[0]
