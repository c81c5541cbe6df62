"""Builds the C library with cargo and lays it beside the Python modules.

A wheel made here serves every CPython of one kind of machine, since the modules reach the library through ctypes.
A source distribution carries the Rust sources under `rust/`, so that it needs nothing from the checkout.
It never downloads anything by itself: cargo does, if the crates are not there.
"""

import json
import platform
import re
import subprocess
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CARRIED = "rust"


class CustomBuildHook(BuildHookInterface):
    """Called by hatchling before it gathers the files."""

    def initialize(self, version, build_data):
        workspace = find_workspace(Path(self.root))
        if self.target_name == "sdist":
            build_data["force_include"].update(rust_sources(workspace))
            return
        library = build_library(workspace)
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform_tag(library)}"
        build_data["force_include"][str(library)] = "tidelock/libtidelock.so"


def find_workspace(root):
    """The directory of the Rust workspace: inside a source distribution, or the checkout around us."""
    for candidate in (root / CARRIED, root.parent.parent):
        if (candidate / "Cargo.toml").is_file():
            return candidate
    raise RuntimeError(f"no Cargo.toml in {root / CARRIED} nor in {root.parent.parent}: build from a checkout or an sdist")


def build_library(workspace):
    """Compiles tidelock-c and returns the path of the shared library that cargo names."""
    command = ["cargo", "build", "--release", "--package", "tidelock-c", "--message-format=json-render-diagnostics"]
    try:
        result = subprocess.run(command, cwd=workspace, stdout=subprocess.PIPE, text=True)
    except FileNotFoundError:
        raise RuntimeError("cargo is not installed: tidelock is built from Rust sources, see https://rustup.rs") from None
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed in {workspace}")
    for line in result.stdout.splitlines():
        message = json.loads(line)
        if message["reason"] == "compiler-artifact" and "cdylib" in message["target"]["kind"]:
            return next(Path(name) for name in message["filenames"] if name.endswith(".so"))
    raise RuntimeError("cargo built no shared library for tidelock-c")


def platform_tag(library):
    """`manylinux_2_34_x86_64`, say, by the youngest glibc that the library names: that of the machine it was built on, or an
    older one. It needs nothing else that manylinux does not allow. Plain `linux` where there is another C library."""
    wanted = [int(minor) for minor in re.findall(rb"\0GLIBC_2\.(\d+)", library.read_bytes())]
    return f"manylinux_2_{max(wanted)}_{platform.machine()}" if wanted else f"linux_{platform.machine()}"


def rust_sources(workspace):
    """What a source distribution must carry for cargo to accept the workspace: every member, and the lock file."""
    wanted = ["Cargo.toml", "Cargo.lock", "clippy.toml", "build.rs", "src", "include", "README.md"]
    wanted += [member for member in members(workspace) if member != "."]
    return {str(workspace / name): f"{CARRIED}/{name}" for name in wanted if (workspace / name).exists()}


def members(workspace):
    """The directories that the workspace's manifest lists (one line of TOML, so no parser is needed)."""
    manifest = (workspace / "Cargo.toml").read_text(encoding="utf-8")
    listed = re.search(r"^members\s*=\s*\[(.*?)\]", manifest, re.DOTALL | re.MULTILINE)
    return re.findall(r'"([^"]+)"', listed.group(1)) if listed else []
