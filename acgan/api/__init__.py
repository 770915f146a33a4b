"""Train, sample, classify: compositions of the parts, for the command line and for Python."""

from acgan.api.classifier import evaluate_classifier, predict, train_classifier
from acgan.api.comparison import compare_with_synthetic
from acgan.api.data import DataSummary, pack_data, show_data, verify_cache
from acgan.api.evaluate import Evaluated, evaluate
from acgan.api.evaluate_options import EvaluateOptions
from acgan.api.evaluation_files import write_evaluation
from acgan.api.fid import FidResult, fid
from acgan.api.gan import train
from acgan.api.inputs import resolve, resolve_config, tell_skipped
from acgan.api.judging import check_scored, judging_commands, run_command, scoring_way
from acgan.api.opening import TrainOptions, TrainResult
from acgan.api.report import write_report
from acgan.api.results import load_results
from acgan.api.run_directory import WITHOUT_SYNTHETIC
from acgan.assembly.images import load_data
from acgan.predicting import load_classifier
from acgan.sampling import load_generator

__all__ = [
    "WITHOUT_SYNTHETIC",
    "DataSummary",
    "EvaluateOptions",
    "Evaluated",
    "FidResult",
    "TrainOptions",
    "TrainResult",
    "check_scored",
    "compare_with_synthetic",
    "evaluate",
    "evaluate_classifier",
    "fid",
    "judging_commands",
    "load_classifier",
    "load_data",
    "load_generator",
    "load_results",
    "pack_data",
    "predict",
    "resolve",
    "resolve_config",
    "run_command",
    "scoring_way",
    "show_data",
    "tell_skipped",
    "train",
    "train_classifier",
    "verify_cache",
    "write_evaluation",
    "write_report",
]
