"""`python -m relay`: see --help."""

from __future__ import annotations

import sys

from relay.commands import main

sys.exit(main(sys.argv[1:]))
