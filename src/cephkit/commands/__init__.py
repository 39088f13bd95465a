"""The commands, one file each: its options, and what it does with them.

This table serves ``cephkit --help``, docs/flags.py and the tests. A command's module is imported only when it is used,
so that help is printed at once.
"""

import importlib
from typing import Any, NamedTuple


class Command(NamedTuple):
    """One command of ``cephkit``."""

    module: str
    """In this package; it has ``main(argv) -> exit status``."""
    options: str
    """The class of its options, in that module."""
    summary: str

    def main(self, argv: list[str]) -> int:
        """Run the command; returns its exit status."""
        status: int = self._module().main(argv)
        return status

    def options_class(self) -> type[Any]:
        """Return the class of its options."""
        options: type[Any] = getattr(self._module(), self.options)
        return options

    def _module(self) -> Any:
        return importlib.import_module(f"cephkit.commands.{self.module}")


COMMANDS = {
    "train": Command("train", "TrainConfig", "train a landmark model on a data set in the Aariz layout"),
    "evaluate": Command("evaluate", "EvaluateOptions", "score a checkpoint or a file of predictions, in millimetres"),
    "compare": Command("compare", "CompareOptions", "find which of two models or files of predictions is better"),
    "refine": Command("refine", "RefineOptions", "add a second stage, working on crops of the film, to a checkpoint"),
    "tune": Command("tune", "TuneOptions", "search for better settings of train, in many trials"),
    "calibrate": Command("calibrate", "CalibrateOptions", "measure how large the errors of a model or an ensemble are"),
    "predict": Command("predict", "PredictOptions", "find the landmarks on films: JSON, CSV and overlay pictures"),
    "review": Command("review", "ReviewOptions", "check, correct and measure landmarks on a page in the browser"),
    "measure": Command("measure", "MeasureOptions", "angles, distances and ratios of faces, from their landmarks"),
    "export": Command("export", "ExportOptions", "landmarks for other tools: CSV, COCO, Label Studio, CVAT, DICOM"),
    "publish": Command("publish", "PublishOptions", "a model as a folder to hand on, with a card; or on the hub"),
    "import": Command("import_labels", "ImportOptions", "landmarks from Label Studio, COCO or CVAT, as label files"),
    "convert": Command("convert", "ConvertOptions", "a data set of any layout, in the Aariz layout or as COCO"),
    "check": Command("check", "CheckOptions", "every doubtful label of data sets, on a page with its film"),
    "synthesize": Command("synthesize", "SynthesizeOptions", "write a synthetic data set in the Aariz layout"),
    "plan": Command("plan", "PlanOptions", "which batch size and recomputation fit a card, without needing one"),
    "doctor": Command("doctor", "DoctorOptions", "check this machine, the data set and the settings before a run"),
    "demo": Command("demo", "DemoOptions", "run all of it once, small: synthesize, train, evaluate, predict, measure"),
}
