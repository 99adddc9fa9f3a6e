"""The package is taken from its sources; what tests share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "Sources" / "Python"))

# Models of a few thousand weights: threads would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
