"""`python -m lab` es lo mismo que `stacklab`."""

from lab.cli import main

main()
