"""Pure: error rates of independent trials, their exact intervals, and what they can carry.

Clopper and Pearson, 1934: the rates under which what was seen is not too unlikely. No error in
29,956 trials carries "at most 1 in 10,000" with 95 % confidence; in 29,955 it does not.
"""

import math
from dataclasses import dataclass

DOUBT = 0.05


@dataclass(frozen=True)
class Rate:
    """So many errors in so many trials."""

    errors: int
    trials: int

    @property
    def share(self) -> float:
        """Errors as a part of trials; 0 if there were none."""
        return self.errors / self.trials if self.trials else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The exact two-sided 95 % interval, true of independent trials only."""
        return interval(self.errors, self.trials)

    def supports(self, target: float) -> bool:
        """Whether, with 95 % confidence, the true rate is at most `target` (one-sided, exact)."""
        return self.trials > 0 and _at_most(self.errors, self.trials, target) <= DOUBT


def interval(errors: int, trials: int) -> tuple[float, float]:
    """Give the exact two-sided 95 % interval for a rate (Clopper and Pearson)."""
    if not trials:
        return 0.0, 1.0
    return 1 - _upper(trials - errors, trials), _upper(errors, trials)


def trials_needed(target: float) -> int:
    """Say how many independent trials without an error it takes to claim a rate, at 95 %."""
    return math.ceil(math.log(DOUBT) / math.log1p(-target))


def _at_most(errors: int, trials: int, rate: float) -> float:
    """Give the probability of at most so many errors in so many independent trials."""
    if errors >= trials or rate <= 0:
        return 1.0
    if rate >= 1:
        return 0.0
    if 2 * errors > trials:
        return 1 - _at_most(trials - errors - 1, trials, 1 - rate)
    whole = math.lgamma(trials + 1)
    return math.fsum(
        math.exp(
            whole
            - math.lgamma(k + 1)
            - math.lgamma(trials - k + 1)
            + k * math.log(rate)
            + (trials - k) * math.log1p(-rate)
        )
        for k in range(errors + 1)
    )


def _upper(errors: int, trials: int) -> float:
    """Find by halving the rate at which so few errors have a probability of only 2.5 %."""
    low, high = errors / trials, 1.0
    if errors == trials:
        return 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (
            (middle, high) if _at_most(errors, trials, middle) > DOUBT / 2 else (low, middle)
        )
    return high
