"""What the networks made up for tests have in common."""

from torch import Tensor, nn


class Looking(nn.Module):
    """A network that says of a film on the whole how bright it is."""

    def look(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Maps and (B, 1), as of ``LandmarkModel.look``."""
        return self(images), images.mean((-2, -1))
