"""The wheel holds the library and the program: for Linux on this processor, and any Python."""

import platform

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Binaries(BuildHookInterface):
    def initialize(self, version, build_data):
        build_data["pure_python"] = False
        # ctypes: no version of Python's own interface is asked for.
        build_data["tag"] = f"py3-none-linux_{platform.machine()}"
