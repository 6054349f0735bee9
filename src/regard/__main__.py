"""python -m regard."""

from regard.cli.main import entry

if __name__ == "__main__":
    entry()
