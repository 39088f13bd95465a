"""Scripts behind the figures in docs/; none of them is part of the package."""
