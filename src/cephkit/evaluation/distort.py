"""Distorts films, each with the way back to the original.

A distortion takes a grey film (H, W) uint8 and returns another, of any size, with the 3x3 matrix from
the film's pixels to the distorted film's pixels (pixel centres at integers in both). Points predicted on the
distorted film are mapped back by its inverse and scored in the film's own pixels and millimetres.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from PIL.JpegImagePlugin import JpegImageFile

from cephkit.geometry import Matrix, Size, invert

Grey8: TypeAlias = NDArray[np.uint8]
Distorted: TypeAlias = tuple[Grey8, Matrix]

BLACK, WHITE = 0, 255
CAPTION_SHARE = 0.08
"""Height of the caption's bar as a share of the film's height."""
CAPTION = "PATIENT 0000000   LATERAL CEPHALOGRAM   01/01/2000"


@dataclass(frozen=True)
class Distortion:
    """One kind of distortion at one strength."""

    name: str
    strength: str
    """For people; empty where there is only one."""
    function: Callable[..., Distorted]
    """Film (H, W) uint8 to (distorted film, 3x3 matrix)."""
    is_random: bool = False
    """Whether the function takes a ``seed`` too."""

    def __call__(self, film: Grey8, seed: int = 0) -> Distorted:
        """The distorted film (h, w) uint8, and the matrix from pixels of ``film`` to its pixels.

        Raises:
            ValueError: ``film`` is not (H, W) uint8.
        """
        if film.ndim != 2 or film.dtype != np.uint8:
            raise ValueError(f"a film to distort must be (H, W) uint8, got {film.shape} {film.dtype}")
        return self.function(film, seed=seed) if self.is_random else self.function(film)


def unchanged(film: Grey8) -> Distorted:
    """The film as it is."""
    return film, _scaling(1, 1)


def mirror(film: Grey8) -> Distorted:
    """Left and right exchanged: the face looks to the other side."""
    return np.ascontiguousarray(film[:, ::-1]), np.array([[-1.0, 0, film.shape[1] - 1], [0, 1, 0], [0, 0, 1]])


def invert_grey(film: Grey8) -> Distorted:
    """Black and white exchanged."""
    return WHITE - film, _scaling(1, 1)


def rotate(film: Grey8, degrees: float) -> Distorted:
    """Turned about its centre, clockwise on screen, on a black canvas large enough to cut nothing off."""
    height, width = film.shape
    turn = np.deg2rad(degrees)
    cos, sin = np.cos(turn), np.sin(turn)
    # The small term keeps 100.0000001 from gaining a pixel by rounding.
    new_w = int(np.ceil(width * abs(cos) + height * abs(sin) - 1e-6))
    new_h = int(np.ceil(width * abs(sin) + height * abs(cos) - 1e-6))
    matrix = _shift((new_w - 1) / 2, (new_h - 1) / 2)
    matrix = matrix @ np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]) @ _shift((1 - width) / 2, (1 - height) / 2)
    return _warp(film, matrix, (new_h, new_w)), matrix


def crop(film: Grey8, share: float) -> Distorted:
    """Each border loses ``share`` of the film's width or height."""
    height, width = film.shape
    left, top = round(share * width), round(share * height)
    return film[top : height - top, left : width - left].copy(), _shift(-left, -top)


def frame(film: Grey8, share: float, grey: int) -> Distorted:
    """A border of one ``grey`` around the film, of ``share`` of its width or height on each side."""
    height, width = film.shape
    left, top = round(share * width), round(share * height)
    return np.pad(film, ((top, top), (left, left)), constant_values=grey), _shift(left, top)


def caption(film: Grey8) -> Distorted:
    """A white bar with black text over the top of the film."""
    height, width = film.shape
    bar = max(1, round(CAPTION_SHARE * height))
    picture = Image.fromarray(film)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, width - 1, bar - 1), fill=WHITE)
    middle = (width / 2, bar / 2)
    font_size = 0.5 * bar
    taken = draw.textlength(CAPTION, font=ImageFont.load_default(font_size))
    font = ImageFont.load_default(font_size * min(1.0, 0.9 * width / taken))
    draw.text(middle, CAPTION, fill=BLACK, font=font, anchor="mm")
    return np.array(picture), _scaling(1, 1)


def low_contrast(film: Grey8, share: float) -> Distorted:
    """Greys drawn towards their mean until ``share`` of their range is left."""
    levels = np.arange(256, dtype=np.float64)
    mean = film.mean()
    return _table(mean + share * (levels - mean))[film], _scaling(1, 1)


def gamma(film: Grey8, exponent: float) -> Distorted:
    """grey / 255 to the power of ``exponent``: above 1 is darker, below 1 is brighter."""
    return _table(255 * (np.arange(256) / 255) ** exponent)[film], _scaling(1, 1)


def blur(film: Grey8, share: float) -> Distorted:
    """Gaussian blur with a standard deviation of ``share`` of the film's height."""
    blurred = Image.fromarray(film).filter(ImageFilter.GaussianBlur(share * film.shape[0]))
    return np.array(blurred), _scaling(1, 1)


def noise(film: Grey8, sd: float, seed: int) -> Distorted:
    """Gaussian noise of ``sd`` grey levels, independent in every pixel; the same for the same ``seed``."""
    grain = np.random.default_rng(seed).standard_normal(film.shape, dtype=np.float32)
    return np.clip(np.rint(film + np.float32(sd) * grain), 0, 255).astype(np.uint8), _scaling(1, 1)


def resize(film: Grey8, factor: float) -> Distorted:
    """Scaled by ``factor``, bilinear, antialiased where it gets smaller; sides are rounded to whole pixels."""
    height, width = film.shape
    new_h, new_w = max(1, round(factor * height)), max(1, round(factor * width))
    resized = Image.fromarray(film).resize((new_w, new_h), Image.Resampling.BILINEAR)
    return np.array(resized), _scaling(new_w / width, new_h / height)


def jpeg(film: Grey8, quality: int) -> Distorted:
    """Saved as a JPEG of ``quality`` and read again."""
    file = io.BytesIO()
    Image.fromarray(film).save(file, "JPEG", quality=quality)
    # Not Image.open, which refuses huge films; see data.pixels.
    return np.array(JpegImageFile(io.BytesIO(file.getvalue()))), _scaling(1, 1)


NONE = Distortion("none", "", unchanged)

DISTORTIONS: tuple[Distortion, ...] = (
    NONE,
    Distortion("mirror", "", mirror),
    Distortion("invert", "", invert_grey),
    *(
        # A strength that began with a sign would get an apostrophe in the table: see tables.cell.
        Distortion("rotation", f"{abs(degrees)} degrees {side}", partial(rotate, degrees=degrees))
        for degrees, side in ((-20, "left"), (-10, "left"), (10, "right"), (20, "right"))
    ),
    *(Distortion("crop", f"{share:.0%} a side", partial(crop, share=share)) for share in (0.05, 0.10, 0.20)),
    *(Distortion("white frame", f"{share:.0%}", partial(frame, share=share, grey=WHITE)) for share in (0.05, 0.15)),
    *(Distortion("black frame", f"{share:.0%}", partial(frame, share=share, grey=BLACK)) for share in (0.05, 0.15)),
    Distortion("caption", f"top {CAPTION_SHARE:.0%}", caption),
    *(Distortion("low contrast", f"{share:.0%} left", partial(low_contrast, share=share)) for share in (0.50, 0.25)),
    Distortion("brighter", "gamma 0.4", partial(gamma, exponent=0.4)),
    Distortion("darker", "gamma 2.5", partial(gamma, exponent=2.5)),
    *(Distortion("blur", f"sd {share:.1%} height", partial(blur, share=share)) for share in (0.002, 0.004)),
    *(Distortion("noise", f"sd {sd} greys", partial(noise, sd=sd), is_random=True) for sd in (10, 25)),
    Distortion("size", "x2", partial(resize, factor=2.0)),
    Distortion("size", "x0.5", partial(resize, factor=0.5)),
    Distortion("jpeg", "quality 10", partial(jpeg, quality=10)),
)
"""Those of ``cephkit evaluate --stress``, in the order of its table."""


def _warp(film: Grey8, matrix: Matrix, size: Size) -> Grey8:
    """``film`` under ``matrix`` on a black canvas of ``size``, bilinear."""
    # Pillow maps output to input, in pixel edges: half a pixel from the centres that matrix is about.
    back = _shift(0.5, 0.5) @ invert(matrix) @ _shift(-0.5, -0.5)
    height, width = size
    warped = Image.fromarray(film).transform(
        (width, height),
        Image.Transform.AFFINE,
        tuple(back[:2].ravel().tolist()),
        resample=Image.Resampling.BILINEAR,
        fillcolor=BLACK,
    )
    return np.array(warped)


def _scaling(x: float, y: float) -> Matrix:
    # Edges, not centres, keep their place at 0; hence the half-pixel shift, as in geometry.
    return np.array([[x, 0, 0.5 * x - 0.5], [0, y, 0.5 * y - 0.5], [0, 0, 1]], dtype=np.float64)


def _shift(x: float, y: float) -> Matrix:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], dtype=np.float64)


def _table(greys: NDArray[np.float64]) -> Grey8:
    return np.clip(np.rint(greys), 0, 255).astype(np.uint8)
