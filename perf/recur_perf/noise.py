"""Medians, how sure they are, and when to stop measuring: the rules of perf/statistics.hpp."""

import dataclasses
import math


def quantile(ascending, q):
    """The q-quantile of ascending values, linear between neighbours."""
    position = q * (len(ascending) - 1)
    below = int(position)
    above = min(below + 1, len(ascending) - 1)
    return ascending[below] + (position - below) * (ascending[above] - ascending[below])


def median_interval(ascending):
    """A 95 % confidence interval of the median, from ranks alone."""
    count = len(ascending)
    reach = 1.96 * math.sqrt(count) / 2
    low = max(math.floor(count / 2 - reach) - 1, 0)
    high = min(math.ceil(count / 2 + reach), count - 1)
    return ascending[low], ascending[high]


def summarize(seconds):
    """The fields of a row that say what a series of times was."""
    ascending = sorted(seconds)
    median = quantile(ascending, 0.5)
    low, high = median_interval(ascending)
    return {
        "seconds": median,
        "seconds_low": low,
        "seconds_high": high,
        "seconds_lowest": ascending[0],
        "seconds_p99": quantile(ascending, 0.99),
        "spread": (quantile(ascending, 0.75) - quantile(ascending, 0.25)) / median,
        "samples": len(ascending),
    }


@dataclasses.dataclass
class StoppingRule:
    """When a series has been measured for long enough."""

    fewest: int = 9
    most: int = 20000
    tolerance: float = 0.02
    least_seconds: float = 0.1
    most_seconds: float = 1.0

    def judge(self, seconds, spent):
        """"settled", "given up", or "go on"."""
        if len(seconds) >= self.most:
            return "settled"
        if len(seconds) >= self.fewest and spent >= self.least_seconds:
            summary = summarize(seconds)
            if summary["seconds_high"] - summary["seconds_low"] <= self.tolerance * summary["seconds"]:
                return "settled"
        late = len(seconds) >= self.fewest and spent >= self.most_seconds
        much_later = len(seconds) >= 3 and spent >= 4 * self.most_seconds
        return "given up" if late or much_later else "go on"
