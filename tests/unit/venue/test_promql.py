"""What a query looks at: every selector in it, or a plain no."""

import pytest

from automation.venue.promql import Unfit, selectors


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("bets", ("bets",)),
        (" bets ", ("bets",)),
        (
            "sum(rate(haproxy_frontend_http_requests_total[5m]))",
            ("haproxy_frontend_http_requests_total",),
        ),
        ('min(up{job="haproxy"})', ('up{job="haproxy"}',)),
        ("job:bets:rate5m", ("job:bets:rate5m",)),
        ('{__name__=~"a|b", x="}"}', ('{__name__=~"a|b", x="}"}',)),
        ("{x='a\\'{b', y=`(`}", ("{x='a\\'{b', y=`(`}",)),
        ("sum by (host) (a) / on (host) group_left (b, c) SUM(d) without (e)", ("a", "d")),
        ("sum (a) by (b)", ("a",)),
        ("a and b OR c unless on (x) d", ("a", "b", "c", "d")),
        ("a > bool 0x1F + 1e-3 * 2.5 ^ inf % NaN atan2 b", ("a", "b")),
        ("max_over_time(rate(a[5m])[1h:1m])", ("a",)),
        ("quantile(0.9, a) + topk(3, b)", ("a", "b")),
        ("count_values('v', a)", ("a",)),
        ("a # b\n+ c", ("a", "c")),
        ("sum(sum)", ("sum",)),
        ("a + a", ("a",)),
    ],
)
def test_every_selector_is_found_once(query: str, found: tuple[str, ...]) -> None:
    """In the order in which they come; functions, labels and words of PromQL are none."""
    assert selectors(query) == found


@pytest.mark.parametrize(
    "query",
    ["a offset 5m", "a OFFSET -5m", "a @ 1609746000", "rate(a[5m] @ end())"],
)
def test_what_hides_the_age_of_samples_is_refused(query: str) -> None:
    """Another time than now is asked about."""
    with pytest.raises(Unfit, match="offset and @ hide"):
        selectors(query)


@pytest.mark.parametrize(
    ("query", "rest"),
    [
        ("a{x='", "{x='"),
        ("a[5m", "[5m"),
        ("sum(rate(a[5m])", "(rate(a[5m])"),
        ("sum(a", "(a"),
        ("sum(a)) + b", ") + b"),
        ("sum(a]", "]"),
        ("sum by (x (a)", "(x (a)"),
        ('a{x=")"', '{x=")"'),
    ],
)
def test_half_a_bracket_or_quote_is_refused(query: str, rest: str) -> None:
    """The reason says from where on it cannot be read."""
    with pytest.raises(Unfit) as caught:
        selectors(query)
    assert f'from "{rest}" on' in str(caught.value)


@pytest.mark.parametrize("query", ["", "vector(0)", "time() - vector(1)", "# bets"])
def test_what_asks_about_nothing_is_refused(query: str) -> None:
    """Nobody scrapes it, so nothing tells how old it is."""
    with pytest.raises(Unfit, match="names no metric"):
        selectors(query)
