"""`python -m consumers …`: see --help."""

from __future__ import annotations

import sys

from consumers.commands import main

sys.exit(main(sys.argv[1:]))
