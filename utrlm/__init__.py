"""utrlm: a 5' UTR language model that a lab can run."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("utrlm")
except PackageNotFoundError:  # a checkout on the path, not installed
    __version__ = "0+unknown"
