"""``cephkit doctor``: is anything wrong with this machine, this data set or these settings?"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from cephkit.config import TrainConfig
from cephkit.doctor.checks import Check, Report, exit_status, refused, to_json, warning
from cephkit.doctor.nvidia import Smi, ask_nvidia_smi
from cephkit.doctor.software import driver_check, python_check, tensorboard_check, torch_check, torch_import_check
from cephkit.errors import CephkitError
from cephkit.settings.options import above
from cephkit.settings.reading import parse_with_file

Checking = Callable[[], Check | list[Check] | None]


@dataclass(frozen=True, kw_only=True)
class DoctorOptions(TrainConfig):
    """Go through the guide's checklist on this machine and data set; nothing is trained.

    Takes every flag of cephkit train, with the same meaning and default, and judges the run that they would start.
    Exit status 0 if all is well, 1 with warnings, 2 with failures.
    """

    vram: Annotated[float | None, above(0)] = None
    """Judge for a card of this many GiB, even if there is none; default: what this machine's card has free."""
    timing: bool = True
    """Rehearse a training pass to estimate how long the run would take."""
    json: bool = False
    """Print JSON: checks with name, status, found and remedy, and a summary."""


def main(argv: list[str]) -> int:
    """Run ``cephkit doctor``; the status is 0 if all is well, 1 with warnings, 2 with failures.

    Raises:
        SettingsError: invalid settings.
    """
    options = parse_with_file(DoctorOptions, argv, "cephkit doctor")
    report = Report(quiet=options.json)
    go_through(options, report)
    report.end()
    if options.json:
        print(json.dumps(to_json(report.checks), indent=2, ensure_ascii=False))
    return exit_status(report.checks)


def go_through(options: DoctorOptions, report: Report) -> None:
    """Make every check, and add its lines to ``report``."""
    smi = ask_nvidia_smi()  # before this process itself uses the card
    report.heading("Software")
    report.add(python_check())
    if (missing := torch_import_check()) is not None:
        report.add(missing)
        return  # nothing else can be checked
    report.add(torch_check(smi))
    report.add(guarded("driver", lambda: driver_check(smi)))
    report.add(guarded("TensorBoard", tensorboard_check))
    hardware_and_data(options, report, smi)


def hardware_and_data(options: DoctorOptions, report: Report, smi: Smi) -> None:
    """Make the checks that need torch."""
    import torch

    from cephkit.data.cache import film_cache
    from cephkit.device import choose_device
    from cephkit.doctor import card as cards
    from cephkit.doctor import dataset, guide, machine, plan, timing
    from cephkit.memory.recover import Packing

    device = torch.device("cpu")
    card: cards.Card | None = None
    examined = dataset.Examination()
    packing = Packing(guide.BATCH, guide.ACCUMULATION)

    def device_lines() -> list[Check]:
        nonlocal device, card
        device = choose_device(options.device, lambda line: None)
        card = cards.read_card(device, smi) if device.type == "cuda" else None
        lines = [cards.device_check(options.device, device, card)]
        if card is not None:
            half = cards.half_check(card, options.mixed_precision)
            lines += [cards.video_memory_check(card, options.vram), *([half] if half else [])]
        return lines

    def data_lines() -> list[Check]:
        nonlocal examined
        examined = dataset.examine(options)
        return examined.checks

    report.heading("Device")
    report.add(guarded("device", device_lines))
    report.heading("Data set")
    report.add(guarded("data set", data_lines))
    films, landmarks = examined.train + examined.valid, examined.landmarks
    needs_of = partial(machine.Needs.of, options, films, detail=examined.detail)

    def settings_lines() -> list[Check]:
        nonlocal packing
        packing = plan.packing_of(options, device, options.vram, landmarks)
        return guide.settings_checks(options, packing, films)

    def disk_lines() -> list[Check]:
        cache_folder = film_cache(options.cache_dir)
        needs = needs_of(machine.parameter_count(options, landmarks))
        return machine.disk_checks(options, cache_folder, needs)

    report.heading("Settings (flags as for cephkit train)")
    report.add(guarded("settings", settings_lines))
    report.heading("Machine")
    report.add(guarded("memory", lambda: machine.memory_check(options, needs_of(0))))
    report.add(guarded("page file", lambda: machine.page_file_check(options)))
    report.add(guarded("/dev/shm", lambda: machine.shared_memory_check(options, packing.batch_size)))
    report.add(guarded("workers", lambda: machine.cores_check(options)))
    report.add(guarded("disk", disk_lines))
    report.heading("The run")
    room = plan.room_of(options, card, options.vram)
    report.add(guarded("peak memory", lambda: plan.peak_check(options, packing, room, landmarks)))
    if options.timing and films:
        check = partial(timing.time_check, options, packing, examined.train, examined.valid, landmarks)
        report.add(guarded("time", check))


def guarded(name: str, check: Checking) -> list[Check]:
    """Run ``check``; an error becomes a line too, so that the other checks still run."""
    try:
        found = check()
    except CephkitError as error:
        return [refused(name, error, "see the message")]
    except Exception as error:  # machines differ in more ways than can be foreseen
        reason = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"
        return [warning(name, f"could not be checked ({reason})", "try training; if that fails too, report this line")]
    return [found] if isinstance(found, Check) else found or []
