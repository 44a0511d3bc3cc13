"""The program, as `gateway` or `python -m gateway`: the command line, with all it needs.

Nothing of what is imported becomes garbage. To look for some meanwhile takes a tenth of a start,
and to look through it ever after takes more than that; so it is put aside (`gc.freeze`).
"""

import gc

gc.disable()

from gateway.cli import main  # noqa: E402 - while none is looked for

gc.freeze()
gc.enable()

if __name__ == "__main__":
    main()
