"""Run a command on this machine's redis-server, or on the embedded Valkey where there is none.

tox can skip a missing interpreter but not a missing server, and a fresh machine has none.
"""

import os
import shutil
import subprocess
import sys

server = "redis" if shutil.which("redis-server") else "valkey"
print(f"The server of these tests: {server}.", flush=True)
environment = os.environ | {"DRC_TEST_SERVER": server}
sys.exit(subprocess.run(sys.argv[1:], env=environment, check=False).returncode)
