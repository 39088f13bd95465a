"""``python -m cephkit.torchrun``: torchrun with the same arguments, which ends without its traceback.

torchrun answers Ctrl-C, SIGTERM and a process that failed with a traceback of its own and status 1. Here the processes'
own messages stand, and their status: 130 after Ctrl-C, 143 after SIGTERM, 2 after an error that the user can act on.
"""

import sys


def main(argv: list[str] | None = None) -> int:
    """Start the processes and wait for them; the exit status."""
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import parse_args, run

    try:
        run(parse_args(sys.argv[1:] if argv is None else argv))
    except SignalException as error:  # the processes have had it too, and have said what there is to say
        return 128 + error.sigval
    except ChildFailedError as error:
        status: int = error.get_first_failure()[1].exitcode
        return status if status > 0 else 128 - status  # one that was killed has its signal's number, negative
    return 0


if __name__ == "__main__":
    sys.exit(main())
