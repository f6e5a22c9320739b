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

DASHES = ["-", "--", ":", "-."]
# Marks of what is distinguished within a program.
MARKS = "osD^vPX*"


def save(figure, path):
    """Writes the picture, with nothing in it that changes from one run to the next."""
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
    return path
