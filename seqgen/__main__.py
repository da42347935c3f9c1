"""`python -m seqgen` is the same as the `seqgen` command; torchrun starts it this way."""

from seqgen.commands.main import main

if __name__ == "__main__":
    raise SystemExit(main())
