"""Where the bundled demo lies: beside the package, in the checkout."""

from __future__ import annotations

from pathlib import Path

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "demo"
GARDEN = ASSETS / "garden"  # garden/{train,val,test}/CLASS/CLASS_01.jpg
WEIGHTS = ASSETS / "shufflenet_v2_x0_5_signs.safetensors"
