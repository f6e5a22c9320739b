"""How pictures look: SVG, readable for the colour-blind and in a README."""

import matplotlib

matplotlib.use("Agg")
matplotlib.rcParams.update({
    "svg.hashsalt": "recur-perf",  # the same picture from the same data
    "svg.fonttype": "none",
    "font.size": 10,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "axes.spines.top": False,
    "axes.spines.right": False,
})
import matplotlib.pyplot as plt  # noqa: E402  after the choice of a backend

# Okabe and Ito's, which colour-blind readers tell apart; markers and dashes say the same again.
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"]
MARKERS = "osD^vPX"
DASHES = ["-", "--", ":", "-."]


def save(figure, path):
    """Writes the picture, with nothing in it that changes from one run to the next."""
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
    return path
