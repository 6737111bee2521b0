"""`python -m oxl.cli`: the command line without its console script."""

from oxl.cli.main import main

main()
