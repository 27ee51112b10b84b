"""Further latencies of two images on one board, in turn, so that drift favours neither."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from elftools.elf.elffile import ELFFile

from hil.bench.board import Board, blamed_on
from hil.data import Vectors
from hil.device import start_device
from hil.errors import BuildError
from hil.firmware.cache import Cache
from hil.firmware.image import Image, read_image
from hil.model.flatbuffer import parse_model
from hil.model.info import ModelInfo
from hil.progress import silent
from hil.record import BothLatencies
from hil.rounds import RoundPolicy
from hil.stream import stream
from hil.target import Target

MODEL_SECTION = ".model"


@dataclass(frozen=True)
class Side:
    """An image and the vectors it runs."""

    image: Image
    model: ModelInfo
    vectors: Vectors


@dataclass(frozen=True)
class Repeats:
    """Takes one latency per vector of each image; `before` is None where its image is gone."""

    board: Board
    target: Target
    before: Side | None
    after: Side

    def __call__(self) -> BothLatencies:
        """Latencies of both, in cycles. Raises HilError."""
        before = self._latencies(self.before) if self.before is not None else ()
        return BothLatencies(before=before, after=self._latencies(self.after))

    def _latencies(self, side: Side) -> tuple[int, ...]:
        with blamed_on(self.board):
            device = start_device(self.board, side.image, self.target)
            try:
                streamed = stream(
                    device,
                    self.board,
                    side.model,
                    side.vectors,
                    self.target.clock.core_clock_hz,
                    RoundPolicy(min_rounds=side.vectors.count, max_time_s=0.0),
                    silent,
                )
            finally:
                device.close()
        left_out = set(streamed.impossible)
        return tuple(c for i, c in enumerate(streamed.cycles) if i not in left_out)


def cached_image(cache: Cache, build_id: str) -> Image | None:
    """The image with that build id (hex), if the cache still has it; it then stays there."""
    for path in sorted((cache.root / "image").glob("*/image.elf")):
        try:
            image = read_image(path)
        except BuildError:
            continue
        if image.build_id_hex == build_id and cache.use("image", path.parent.name):
            return image
    return None


def model_in(image: Image) -> ModelInfo:
    """The model that an image holds."""
    content = _section(image.path, MODEL_SECTION)
    return parse_model(content[: image.manifest["model_bytes"]], image.path.parent.name)


def _section(path: Path, name: str) -> bytes:
    with path.open("rb") as file:
        section = ELFFile(file).get_section_by_name(name)
        data: bytes = section.data()
        return data
