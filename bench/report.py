"""Medians, ratios and the Markdown table."""

from math import floor, log10
from statistics import median

FIGURES = 3
OUTSIDE_PERCENT_MAX = 15  # beside more of somebody else's work a run is repeated, or marked


def number(value):
    """Three figures, thousands grouped."""
    if value == 0:
        return "0"
    digits = max(0, FIGURES - 1 - floor(log10(abs(value))))
    return f"{value:,.{digits}f}"


def readable(value, unit):
    """(what to divide by, unit) so that a person can read it."""
    if unit == "us" and abs(value) >= 1e6:
        return 1e6, "s"
    if unit == "us" and abs(value) >= 1e4:
        return 1e3, "ms"
    if unit == "KiB" and abs(value) >= 1e4:
        return 1024, "MiB"
    return 1, unit


class Series:
    """All runs of one server in one row; the quietest ones count."""

    def __init__(self, samples, problem, counted):
        quiet_first = sorted(samples, key=lambda s: s.get("outside_percent", 0))
        self.samples, self.problem = quiet_first[:counted], problem

    def values(self, key):
        return [sample[key] for sample in self.samples if key in sample]

    def median(self, key):
        values = self.values(key)
        return median(values) if values else None

    def text(self, key, unit):
        values = self.values(key)
        if not values:
            return self.problem or "-"
        divisor, unit = readable(median(values), unit)
        shown = f"{number(median(values) / divisor)} {unit}".strip()
        if len(values) > 1:
            shown += f" [{number(min(values) / divisor)}-{number(max(values) / divisor)}]"
        return shown


class Report:
    def __init__(self):
        self.rows = {}  # name -> (row, {label: Series})

    def add(self, row, series):
        self.rows[row.name] = (row, series)

    def _value(self, row_name, label, key):
        series = self.rows.get(row_name, (None, {}))[1].get(label)
        return series.median(key) if series else None

    def _best(self, row_name, key):
        """(label, median) of the best peer; the floor is none."""
        _, series = self.rows[row_name]
        peers = [(s.median(key), label) for label, s in series.items()
                 if not label.startswith(("d2k", "floor")) and s.median(key) is not None]
        value, label = min(peers) if peers else (None, None)
        return label, value

    def goal(self, row, metric):
        """(text, "yes", "no" or "?")."""
        ours = self._value(row.name, row.servers[0], metric.key)
        limits = []
        for text, limit in metric.goals:
            try:
                limits.append(limit(lambda label, key, name=row.name: self._value(name, label, key),
                                    lambda key: self._best(row.name, key)[1]))
            except TypeError:  # what it compares with was not measured
                limits.append(None)
        text = " and ".join(text for text, _ in metric.goals)
        if not limits:
            return "", ""
        if ours is None or None in limits:
            return text, "?"
        reached = "yes" if all(ours <= limit for limit in limits) else "**no**"
        return text, reached + (" (noisy)" if self._is_noisy(row) else "")

    def _is_noisy(self, row):
        shares = [series.median("outside_percent") for series in self.rows[row.name][1].values()]
        return any(share is not None and share > OUTSIDE_PERCENT_MAX for share in shares)

    def _ratio(self, ours, other):
        return f"{ours / other:.2f}" if ours is not None and other else "-"

    def line(self, row, metric):
        _, series = self.rows[row.name]
        ours = self._value(row.name, row.servers[0], metric.key)
        least = self._value(row.name, "floor", metric.key)
        label, best = self._best(row.name, metric.key)
        if metric.unit == "1/s":  # more is better, and the client limits it: no ratio
            label, best, least = None, None, None
        text, reached = self.goal(row, metric)
        shown = series["floor"].text(metric.key, metric.unit) if "floor" in series else "-"
        peer = f"{label} {series[label].text(metric.key, metric.unit)}" if label else "-"
        cells = [metric.title, series[row.servers[0]].text(metric.key, metric.unit), shown, peer,
                 self._ratio(ours, least), self._ratio(ours, best), text, reached]
        return "| " + " | ".join(cells) + " |"

    def table(self):
        lines = ["| what | d2k | floor | best peer | d2k / floor | d2k / peer | to reach | reached |",
                 "| --- | --- | --- | --- | --- | --- | --- | --- |"]
        for row, series in self.rows.values():
            for metric in row.metrics:
                if any(s.values(metric.key) for s in series.values()) or metric is row.metrics[0]:
                    lines.append(self.line(row, metric))
        return "\n".join(lines)

    def details(self):
        """Every server of every row."""
        lines = ["| row | server | medians [least-most] | runs | client CPU % | outside CPU % |",
                 "| --- | --- | --- | --- | --- | --- |"]
        for row, series in self.rows.values():
            for label, s in series.items():
                figures = "; ".join(f"{m.key} {s.text(m.key, m.unit)}" for m in row.metrics
                                    if s.values(m.key)) or s.problem
                shares = [f"{s.median(key):.0f}" if s.median(key) is not None else "-"
                          for key in ("client_percent", "outside_percent")]
                lines.append(f"| {row.name} | {label} | {figures} | {len(s.samples)} | "
                             + " | ".join(shares) + " |")
        return "\n".join(lines)
