"""What pyproject.toml cannot say: the emulated board's C core, and resources inside the wheel."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

CORE = Path("hil/emulator/core")
# Found in the checkout by an editable installation (hil/resources.py), carried by the wheel.
RESOURCES = ("firmware_harness", "targets", "suites", "reports/templates")


class BuildWithResources(build_py):
    """Copies the resource folders into the wheel as `hil/_data`."""

    def run(self) -> None:
        """Builds the package, then adds the folders."""
        super().run()
        if self.editable_mode:
            return
        data = Path(self.build_lib) / "hil" / "_data"
        shutil.rmtree(data, ignore_errors=True)
        for folder in RESOURCES:
            shutil.copytree(folder, data / folder, ignore=shutil.ignore_patterns("__pycache__"))


class BuildPlainLibrary(build_ext):
    """Names the core without an interpreter's suffix: it is plain C, loaded by ctypes."""

    def get_ext_filename(self, fullname: str) -> str:
        """Path of the library within the package."""
        return f"{fullname.replace('.', '/')}.so"


class WheelForEveryPython(bdist_wheel):
    """One wheel of a platform serves all versions of Python."""

    def get_tag(self) -> tuple[str, str, str]:
        """Python, ABI and platform tag."""
        return ("py3", "none", super().get_tag()[2])


setup(
    cmdclass={
        "build_py": BuildWithResources,
        "build_ext": BuildPlainLibrary,
        "bdist_wheel": WheelForEveryPython,
    },
    ext_modules=[
        Extension(
            "hil.emulator._core",
            sources=sorted(str(path) for path in CORE.glob("*.c")),
            depends=sorted(str(path) for path in CORE.glob("*.h")),
            extra_compile_args=["-std=gnu11", "-O2", "-Wall", "-Wextra", "-fvisibility=default"],
            libraries=["dl"],
            # Without a compiler hil still installs: real boards do not need the core.
            optional=True,
        )
    ],
)
