#!/usr/bin/env python3
"""Makes assets/demo/photo.jpg and assets/demo/manual.pdf again. Their sources are scripts/demo_assets/.

    python3 -m venv /tmp/demo-assets
    /tmp/demo-assets/bin/pip install -r scripts/demo_assets/requirements.txt
    /tmp/demo-assets/bin/python scripts/make-demo-assets.py
"""

import argparse
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(description="make the demo's photograph and manual")
    parser.add_argument("what", nargs="*", help="photo, manual; both when not said")
    parser.add_argument("--samples", type=int, default=196, help="light paths per pixel of the photograph")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent.parent / "assets" / "demo")
    wanted = parser.parse_args()
    what = wanted.what or ["photo", "manual"]
    if set(what) - {"photo", "manual"}:
        parser.error("photo and manual can be made, nothing else")
    if "photo" in what:
        from demo_assets import photo

        photo.make(wanted.out / "photo.jpg", wanted.samples)
    if "manual" in what:
        from demo_assets import manual

        manual.make(wanted.out / "manual.pdf")


if __name__ == "__main__":
    main()
