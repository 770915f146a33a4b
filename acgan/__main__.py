import sys

from acgan.cli import main

sys.exit(main())
