"""A command that prints more than anyone reads."""


def main(argv: list[str]) -> int:
    """Print a million lines."""
    for number in range(1_000_000):
        print(number)
    return 0
