"""``python -m cephkit.torchrun``: torchrun with the same arguments, but without its traceback.

torchrun answers Ctrl-C, SIGTERM and a failed process with a traceback of its own and status 1. Here only the processes'
own messages are printed, and their status is returned: 130 after Ctrl-C, 143 after SIGTERM, 2 after an error that the
user can act on.
"""

import sys


def main(argv: list[str] | None = None) -> int:
    """Start the processes, wait for them, and return the exit status."""
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import parse_args, run

    try:
        run(parse_args(sys.argv[1:] if argv is None else argv))
    except SignalException as error:  # the processes received it too, and have printed their message
        return 128 + error.sigval
    except ChildFailedError as error:
        status: int = error.get_first_failure()[1].exitcode
        return status if status > 0 else 128 - status  # negative: the number of the signal that killed it
    return 0


if __name__ == "__main__":
    sys.exit(main())
