"""utrlm: a 5' UTR language model that a lab can run."""

import os
from importlib.metadata import PackageNotFoundError, version

# onnxruntime 1.29 and newer tells its makers of every session unless this is set before it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

try:
    __version__ = version("utrlm")
except PackageNotFoundError:  # a checkout on the path, not installed
    __version__ = "0+unknown"
