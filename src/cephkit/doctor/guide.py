"""The guide's settings, and what it means to deviate from them."""

from cephkit.config import TrainConfig
from cephkit.doctor.checks import Check, gib, ok, warning
from cephkit.memory.recover import Packing

BATCH, ACCUMULATION, SIDE = 2, 3, 1024
MODELS = ("hrnet", "hrnet_w32")


def settings_checks(config: TrainConfig, packing: Packing, films: int) -> list[Check]:
    """Check batch, precision, input size, model and film cache against the guide."""
    return [
        _batch(config, packing), _precision(config), _image_size(config), _model(config), _film_cache(config, films),
    ]  # fmt: skip


def _batch(config: TrainConfig, packing: Packing) -> Check:
    batch, steps = packing.batch_size, packing.accumulation
    found = f"{batch} x {steps}: effective batch {batch * steps}"
    if (batch, steps) == (BATCH, ACCUMULATION):
        return ok("batch", f"{found}, as in the guide")
    if config.batch_size == "auto" and batch * steps == BATCH * ACCUMULATION:
        return ok("batch", f"{found}, as in the guide; chosen by --batch_size auto")
    if batch * steps != BATCH * ACCUMULATION:
        return warning(
            "batch", f"{found}; the guide's is {BATCH} x {ACCUMULATION} = {BATCH * ACCUMULATION}",
            f"--gradient_accumulation_steps {max(1, BATCH * ACCUMULATION // batch)} comes close; a larger effective "
            "batch needs a larger --lr, a smaller one a smaller --lr",
        )  # fmt: skip
    means = (
        "less video memory, but batch normalisation works on one film at a time"
        if batch == 1
        else f"which learns the same with more video memory than {BATCH} x {ACCUMULATION}"
    )
    return warning("batch", f"{found}, {means}", f"--batch_size {BATCH} --gradient_accumulation_steps {ACCUMULATION}")


def _precision(config: TrainConfig) -> Check:
    if config.mixed_precision:
        return ok("mixed precision", "on, as in the guide")
    return warning(
        "mixed precision",
        "off: needs over 50 % more video memory, and is slower on any RTX card",
        "add --mixed_precision",
    )


def _image_size(config: TrainConfig) -> Check:
    height, width = config.image_size
    found = f"{height} x {width}"
    share = height * width / SIDE**2
    if share == 1 and height == width:
        return ok("image size", f"{found}, as in the guide")
    means = (
        f"{share:.2g} of the guide's pixels, which saves memory and time but makes landmarks less exact"
        if share < 1
        else f"{share:.2g} times the guide's pixels, and as many times its memory and time"
    )
    return warning("image size", f"{found}: {means}", f"--image_size {SIDE} {SIDE}, unless that is what you want")


def _model(config: TrainConfig) -> Check:
    if config.model in MODELS:
        return ok("model", f"{config.model}, as in the guide")
    return warning(
        "model", f"{config.model}; the guide's is hrnet (hrnet_w32)",
        "--model hrnet, unless that is what you want; the guide's figures for memory and time do not apply to it",
    )  # fmt: skip


def _film_cache(config: TrainConfig, films: int) -> Check:
    each = config.image_size[0] * config.image_size[1]
    size = f"{gib(films * each)} for {films} films" if films else f"{gib(each)} a film"
    if config.use_ram_cache:
        return ok("film cache", f"on, {size}, as in the guide")
    held = min(config.hold or 0, films)
    found = f"on for {held} of {films} films: the others are" if held else "off: every film is"
    return warning("film cache", f"{found} decoded again in every epoch", f"--use_ram_cache takes {size}")
