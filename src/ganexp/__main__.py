"""``python -m ganexp``."""

import sys

from ganexp.cli.main import main

sys.exit(main())
