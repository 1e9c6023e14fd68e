"""An installation: the program runs from it, and the guide's program is built with its headers and archives."""
import os
import pathlib
import re
import shutil
import subprocess
import unittest

import support
from support import ROOT, PROGRAM

BUILD = pathlib.Path(PROGRAM).parents[1]


def cached(name):
    """A variable of the build's CMake cache, or None."""
    cache = BUILD / "CMakeCache.txt"
    found = re.search(rf"^{name}:\w+=(.*)$", cache.read_text(), re.MULTILINE) if cache.exists() else None
    return found[1] if found else None


@unittest.skipUnless((BUILD / "pages/stamp").exists() and (BUILD / "lib/libllc_runtime.a").exists(), "the build is not complete")
@unittest.skipIf(cached("LLC_SANITIZE"), "archives with sanitizers are not for others")
class Installation(support.Case):
    def setUp(self):
        super().setUp()
        subprocess.run(["cmake", "--install", BUILD, "--prefix", self.folder / "usr"], check=True, stdout=subprocess.DEVNULL)
        self.program = self.folder / "usr/bin/llc-model"
        self.artifact = self.folder / "story.so"

    def test_program_and_library(self):
        # Beside no build tree: the built-in model and the archive for executables are those of the installation.
        text = self.good("run", "-p", "Once upon a time", "-n", 20, "--temp", 0, "-q", program=self.program).out
        story = self.folder / "story"
        self.good("compile", "-o", story, "-q", program=self.program)
        self.assertEqual(self.good("run", "-p", "Once upon a time", "-n", 20, "--temp", 0, program=story).out, text)
        self.assertEqual(self.built("Once upon a time"), text)

    def built(self, text):
        """What the guide's program prints."""
        if not shutil.which("pkg-config"):
            self.skipTest("no pkg-config here")
        guide = (ROOT / "docs/guides/use-the-library.md").read_text()
        source, program = self.folder / "generate.cpp", self.folder / "generate"
        source.write_text(re.search(r"```cpp\n(.*?)```", guide, re.DOTALL)[1])
        self.good("compile", "-o", self.artifact, "--format", "so", "-q", program=self.program)
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "llc-model"], capture_output=True, text=True, check=True,
                               env={**os.environ, "PKG_CONFIG_PATH": str(self.folder / "usr/lib/pkgconfig")}).stdout.split()
        subprocess.run([cached("CMAKE_CXX_COMPILER"), "-std=c++20", source, *flags, "-o", program], check=True)
        return self.good(self.artifact, text, program=program).out


if __name__ == "__main__":
    support.main()
