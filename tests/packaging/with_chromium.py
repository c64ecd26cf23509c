"""Runs a command where chromium and its driver are installed, or says which is missing."""

import shutil
import subprocess
import sys

NEEDED = ("chromium", "chromedriver")


def main(*command: str) -> int:
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        print(f"SKIPPED: there is no {' and no '.join(missing)} (apt install chromium-driver).")
        return 0
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
