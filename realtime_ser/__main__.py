"""``python -m realtime_ser``."""

import sys

from realtime_ser.commands.main import main

if __name__ == "__main__":
    sys.exit(main())
