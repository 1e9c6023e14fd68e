# Every .mlir file under tests/compiler with a RUN line is a test.
import os

import lit.formats

config.name = "llc-model"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir"]
config.excludes = ["pipelines"]  # programs that gtest files read
config.environment["PATH"] = os.environ.get("PATH", "")
