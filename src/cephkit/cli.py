"""The command table. A command's room is imported only when it is called, so that help comes at once."""

import importlib
import io
import os
import sys

COMMANDS: dict[str, tuple[str, str]] = {
    "train": ("cephkit.commands.train", "train a landmark model on a data set in the Aariz layout"),
    "evaluate": ("cephkit.commands.evaluate", "score a checkpoint or a file of predictions, in millimetres"),
    "compare": ("cephkit.commands.compare", "which of two models or files of predictions is better"),
    "refine": (
        "cephkit.commands.refine",
        "add a second stage that looks at crops of the film to a checkpoint",
    ),
    "calibrate": ("cephkit.commands.calibrate", "teach a checkpoint or an ensemble how large its errors are"),
    "predict": ("cephkit.commands.predict", "find the landmarks on films: JSON, CSV and overlay pictures"),
    "measure": ("cephkit.commands.measure", "angles, distances and ratios of faces, from their landmarks"),
    "export": ("cephkit.commands.export", "landmarks for other tools: CSV, COCO, Label Studio, CVAT, DICOM"),
    "import": ("cephkit.commands.import_labels", "landmarks from Label Studio, COCO or CVAT, as label files"),
    "synthesize": ("cephkit.commands.synthesize", "write a synthetic data set in the Aariz layout"),
    "plan": ("cephkit.commands.plan", "which batch size and recomputation fit a card, without having one"),
    "doctor": ("cephkit.commands.doctor", "check this machine, the data set and the settings before a run"),
    "demo": ("cephkit.commands.demo", "all of the above once, small: synthesize, train, evaluate, predict, measure"),
}
"""Command -> (module with ``main(argv) -> exit status``, what it does)."""

USAGE_ERROR = 2


def main(argv: list[str] | None = None) -> int:
    """Run ``cephkit COMMAND ...``; the exit status is 0, 1 where a part failed, 2 for wrong usage or input."""
    arguments = sys.argv[1:] if argv is None else argv
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a Windows pipe cannot write every film's name
            stream.reconfigure(errors="replace")
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return 0 if arguments else USAGE_ERROR
    name, *rest = arguments
    if name == "--version":
        from cephkit.notice import VERSION

        print(f"cephkit {VERSION}")
        return 0
    if name not in COMMANDS:
        import difflib

        near = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        print(f"cephkit: there is no command {name!r}{hint}\n\n{usage()}", file=sys.stderr)
        return USAGE_ERROR
    return run_command(COMMANDS[name][0], rest)


def run_command(module: str, argv: list[str]) -> int:
    """``module.main(argv)``; an error that the user can act on becomes a message and status 2.

    Ctrl-C ends it with status 130, SIGTERM with 143.
    """
    from cephkit import interrupt
    from cephkit.errors import CephkitError
    from cephkit.shortage import shortage

    try:
        with interrupt.sigterm_like_ctrl_c():
            status: int = importlib.import_module(module).main(argv)
    except interrupt.Stopped as stopped:
        print(stopped)
        return stopped.status
    except KeyboardInterrupt as error:
        terminated = isinstance(error, interrupt.Terminated)
        if interrupt.is_first_process():
            print("terminated" if terminated else "interrupted", file=sys.stderr)
        return interrupt.TERMINATED if terminated else interrupt.INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except CephkitError as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE_ERROR
    except (RuntimeError, OSError, MemoryError) as error:
        short = shortage(error)
        if short is None:
            raise
        print(f"error: {short}", file=sys.stderr)
        return USAGE_ERROR
    return status


def usage() -> str:
    """The text of ``cephkit --help``."""
    lines = [
        "usage: cephkit COMMAND [OPTIONS]",
        "",
        "Landmarks on lateral cephalograms, on your own machine.",
        "",
    ]
    lines += [f"  {name:<12}{text}" for name, (_, text) in COMMANDS.items()]
    lines += ["", "cephkit COMMAND --help shows a command's options; cephkit --version the version."]
    lines += ["Research use only; not a medical device."]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
