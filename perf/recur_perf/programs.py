"""Programs and engines as tables and pictures know them: what each is called, and its colour and mark, which never change."""

import dataclasses

# Okabe and Ito's, which colour-blind readers tell apart; marks and dashes say the same again.
_BLUE, _VERMILION, _GREEN, _PURPLE, _ORANGE, _SKY, _BLACK = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"


@dataclasses.dataclass(frozen=True)
class Program:
    """How a program appears."""

    title: str
    colour: str
    mark: str


# No program is timed both on a CPU and as a GPU's engine beside one of its colour. New ones are added below, none is exchanged.
_PROGRAMS = {
    "cpu": Program("`cpu`", _BLUE, "o"),
    "onednn": Program("oneDNN", _VERMILION, "s"),
    "onnxruntime": Program("ONNX Runtime", _GREEN, "D"),
    "openvino": Program("OpenVINO", _PURPLE, "^"),
    "pytorch": Program("PyTorch", _ORANGE, "v"),
    "stepwise": Program("`stepwise`", _SKY, "P"),
    "cluster-resident": Program("`cluster-resident`", _BLACK, "X"),
    "fused": Program("`fused`", _PURPLE, "D"),
    "cudnn": Program("cuDNN", _VERMILION, "s"),
}
_UNKNOWN = "#777777"


def name_of(engine):
    """The program of a row's engine: a reference's algorithm is part of that one's name."""
    return engine.split()[0]


def program(engine):
    """How an engine appears; one that is not known is grey."""
    name = name_of(engine)
    return _PROGRAMS.get(name, Program(name, _UNKNOWN, "*"))
