"""``python -m ganexp``."""

import sys

from ganexp.cli import main

sys.exit(main())
