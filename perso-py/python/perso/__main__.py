"""The ``perso`` command: compiles policies, judges calls, and says why."""

import signal
import sys

from perso._perso import command


def main() -> int:
    # The command does not come back to Python before it is done, and should stop when it is told to.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return command(["perso", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
