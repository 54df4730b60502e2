"""The ``perso`` command: compiles policies, judges calls and explains decisions."""

import signal
import sys

from perso._perso import command


def main() -> int:
    # Python handles signals only between bytecodes. The native command runs to its end without any, so Ctrl-C must end it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return command(["perso", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
