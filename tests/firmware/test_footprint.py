"""Who owns how much of an image."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.firmware.build import Builder
from hil.firmware.footprint import Footprint, Owner, read_footprint
from hil.firmware.image import ImageSizes
from hil.model.info import ModelInfo
from hil.tflm.source import TflmSource

ALIGNMENT_MAX_BYTES = 512
MAP = """\
Discarded input sections

 .text.unused   0x00000000       0x40 libtflm.a(conv.cc.obj)

Linker script and memory map

 .text.conv     0x08000000      0x100 x/libtflm.a(conv.cc.obj)
 .text._ZN6tflite11a_very_long_name
                0x08000100       0x20 x/libtflm.a(micro_allocator.cc.obj)
 .rodata.str1.4 0x08000120       0x20 x/libharness.a(log.cc.obj)
 .rodata.str1.4 0x08000140       0x18 x/libharness.a(frame.cc.obj)
 .rodata.str1.4 0x08000140       0x30 x/libc_nano.a(printf.o)
 .model         0x08000160      0x400 image/CMakeFiles/image.elf.dir/model.S.obj
 .data.table    0x20000000       0x10 x/libtflm.a(conv.cc.obj)
 .bss.line      0x20000010      0x100 x/libharness.a(log.cc.obj)
 .debug_info    0x00000000     0x9999 x/libharness.a(log.cc.obj)
 .ARM.attributes
                0x00000030       0x33 x/libtflm.a(conv.cc.obj)
"""


def test_bytes_go_to_their_owners_once(tmp_path: Path) -> None:
    (tmp_path / "image.map").write_text(MAP)
    footprint = read_footprint(tmp_path / "image.elf", {"conv.cc"})
    assert footprint.flash_bytes == {
        Owner.KERNELS: 0x110,
        Owner.INTERPRETER: 0x20,
        Owner.HARNESS: 0x20,  # frame.cc's string is one of log.cc's too
        Owner.LIBRARY: 0x20,  # the rest of printf's strings are elsewhere
        Owner.MODEL: 0x400,
    }
    assert footprint.ram_bytes == {Owner.KERNELS: 0x10, Owner.HARNESS: 0x100}
    assert footprint.kernel_flash_bytes == {"conv.cc": 0x110}


def test_a_map_of_another_linker_gives_a_doubt_and_no_owner(tmp_path: Path) -> None:
    (tmp_path / "image.map").write_text("     VMA      LMA     Size Align Out     In      Symbol\n")
    footprint = read_footprint(tmp_path / "image.elf", {"conv.cc"})
    assert footprint.flash_bytes == {}
    sizes = ImageSizes(5000, 2000, 3000, 100, 1024, 4096, 2990, 10, 90)
    assert "accounts for 0 of 5,000 bytes" in footprint.doubt(sizes)


def test_padding_is_no_reason_to_doubt() -> None:
    sizes = ImageSizes(5000, 2000, 3000, 100, 1024, 4096, 2990, 10, 90)
    assert Footprint({Owner.MODEL: 2000, Owner.KERNELS: 1976}, {}).doubt(sizes) == ""
    assert Footprint({Owner.MODEL: 2000, Owner.KERNELS: 1975}, {}).doubt(sizes)


@pytest.mark.toolchain
def test_owners_add_up_to_the_image(
    builder: Builder, tflm: TflmSource, digits_int8: ModelInfo
) -> None:
    image = builder.build(digits_int8)
    footprint = read_footprint(image.path, tflm.kernel_files)
    rest = image.sizes.flash_bytes - sum(footprint.flash_bytes.values())
    assert 0 <= rest < ALIGNMENT_MAX_BYTES
    ram_rest = image.sizes.ram_static_bytes - sum(footprint.ram_bytes.values())
    assert 0 <= ram_rest < ALIGNMENT_MAX_BYTES
    assert footprint.flash_bytes[Owner.MODEL] == digits_int8.file_bytes
    assert set(footprint.flash_bytes) == set(Owner)
    kernels = footprint.kernel_flash_bytes
    assert sum(kernels.values()) == footprint.flash_bytes[Owner.KERNELS]
    assert "conv.cpp" in kernels
    sizes = image.sizes
    assert footprint.doubt(sizes) == ""
    assert sizes.data_bytes + sizes.bss_bytes == sizes.ram_static_bytes
    parts = sizes.text_bytes + sizes.model_bytes + sizes.data_bytes
    assert 0 <= sizes.flash_bytes - parts < ALIGNMENT_MAX_BYTES
    assert footprint.flash_bytes[Owner.HARNESS] < 10240  # with its own formatting of logs
    assert footprint.ram_bytes[Owner.HARNESS] < 4096
