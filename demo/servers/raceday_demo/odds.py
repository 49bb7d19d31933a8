"""Pari-mutuel odds: the pool, less the takeout, shared by those who backed the winner."""

from collections.abc import Mapping

TAKEOUT_PERCENT = 20
"""What the operator keeps of a win pool."""
LOWEST_TENTHS = 10
"""A winner is paid at least the stake: odds of 1.0."""


def win_odds(totals: Mapping[int, int]) -> dict[int, float | None]:
    """The odds per runner from the won on each; None where nobody has bet.

    Counted in whole tenths and rounded down, as the operator's rules have it.
    """
    pool = sum(totals.values())
    return {
        runner: _tenths(pool, staked) / 10 if staked else None for runner, staked in totals.items()
    }


def win_payout(totals: Mapping[int, int], winner: int, amount: int) -> int:
    """The won that a bet on the winner is paid; exact, because a bet is a multiple of 100 won."""
    return amount * _tenths(sum(totals.values()), totals[winner]) // 10


def _tenths(pool: int, staked: int) -> int:
    return max(LOWEST_TENTHS, pool * (100 - TAKEOUT_PERCENT) * 10 // (staked * 100))
