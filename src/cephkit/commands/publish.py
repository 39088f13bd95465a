"""``cephkit publish``: a model as a folder that can be handed on."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import tyro

from cephkit.errors import SettingsError
from cephkit.hub import REPOSITORY, check_login, upload
from cephkit.notice import NOTICE
from cephkit.settings.options import Overwrite
from cephkit.settings.reading import parse


@dataclass(frozen=True, kw_only=True)
class PublishOptions(Overwrite):
    """Write a model as a folder that can be handed on: weights, settings, ONNX, and a card that says what it is.

    Every --checkpoint takes the folder, and hf:owner/name once it is uploaded. Research use only; not a medical device.
    """

    checkpoint: tyro.conf.Positional[Path]
    """A checkpoint_*.pth of cephkit train or its folder, or a published folder."""
    out: Path = Path("published")
    """Folder for the model; its name is the model's in the card."""
    repo: str | None = None
    """Also upload it to this repository of the Hugging Face hub, owner/name; needs its login or HF_TOKEN."""
    private: bool = False
    """Make a new repository private."""
    licence: str | None = None
    """Licence of the weights, such as apache-2.0 or cc-by-4.0; default: the card says that none is stated."""
    data_licence: tuple[str, ...] = ()
    """Licences of data sets that cephkit does not know, each as "NAME: TEXT"; NAME is the data set's in the card."""
    evaluation: Path | None = None
    """A folder of cephkit evaluate with this checkpoint: its figures per data set and machine go into the card."""
    onnx: bool = True
    """Write model.onnx, too."""

    def contradictions(self) -> Iterator[str]:
        """Yield settings that do not work together."""
        yield from super().contradictions()
        if self.repo is not None and not REPOSITORY.fullmatch(self.repo):
            yield f"--repo {self.repo}: write owner/name"
        if self.private and self.repo is None:
            yield "--private needs --repo"


def main(argv: list[str]) -> int:
    """Run ``cephkit publish``; the status is 0.

    Raises:
        CephkitError: see ``publish``.
    """
    publish(parse(PublishOptions, argv, "cephkit publish"))
    return 0


def publish(options: PublishOptions) -> None:
    """Write the folder, and upload it if asked to.

    Raises:
        CephkitError: see ``cephkit.publishing.publish.publish``; or the model is not to be handed on, or not uploaded.
    """
    from cephkit.checkpoint import read_checkpoint  # torch, which help and wrong settings do not need
    from cephkit.model_paths import one_checkpoint
    from cephkit.publishing.licences import parsed
    from cephkit.publishing.publish import data_facts
    from cephkit.publishing.publish import publish as write

    stated = parsed(options.data_licence)
    path = one_checkpoint(options.checkpoint)
    if options.repo is not None:
        facts = data_facts(read_checkpoint(path), stated)
        if facts.held_back_by:
            titles = " and ".join(terms.title for terms in facts.held_back_by)
            raise SettingsError(
                f"--repo {options.repo}: not uploaded, because this model was trained or calibrated on {titles}: "
                f"{facts.held_back_by[0].text} Leave --repo out to write the folder for yourself"
            )
        if facts.unknown:
            raise SettingsError(
                f"--repo {options.repo}: the licence of {facts.unknown[0]} is not known, which the model was trained "
                f'on; state it with --data_licence "{facts.unknown[0]}: ..."'
            )
        check_login()
    facts = write(
        path, options.out, licence=options.licence, stated=stated, evaluation=options.evaluation, onnx=options.onnx,
        overwrite=options.overwrite, repository=options.repo or "",
    )  # fmt: skip
    for file in sorted(options.out.iterdir()):
        print(f"{file}: {file.stat().st_size / 2**20:.1f} MiB")
    for terms in facts.held_back_by:
        print(f"NOT TO BE HANDED ON: trained or calibrated on {terms.title}. {terms.text}")
    for name in facts.unknown:
        print(f'the licence of {name} is not known, and the card says so; state it with --data_licence "{name}: ..."')
    if options.repo is not None:
        print(f"uploaded: {upload(options.out, options.repo, options.private)}; use it as hf:{options.repo}")
    print(NOTICE)
