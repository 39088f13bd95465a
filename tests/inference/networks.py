"""What the made-up networks of the tests have in common."""

from torch import Tensor, nn


class Network(nn.Module):
    """A network whose signature of a film is its brightness."""

    def with_signature(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Maps and (B, 1), as ``LandmarkModel.with_signature``."""
        return self(images), images.mean((-2, -1))
