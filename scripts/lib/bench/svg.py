# SPDX-License-Identifier: BSD-3-Clause
"""Two plots as SVG text: grouped bars and lines."""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 360
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 60, 56
COLORS = ["#1f6fb4", "#d9822b", "#4f9d4f", "#9457a8", "#7a7a7a"]
INK, GRID = "#333333", "#dddddd"


def ticks(top):
    """About five round steps from 0 to at least top."""
    if top <= 0:
        return [0, 1]
    step = 10 ** math.floor(math.log10(top / 4))
    for factor in (1, 2, 5, 10):
        if top / (step * factor) <= 6:
            step *= factor
            break
    return [round(i * step, 10) for i in range(math.ceil(top / step - 1e-9) + 1)]


def label(value):
    return f"{value:g}" if value < 10000 else f"{value / 1000:g}k"


class Plot:
    """A frame with a title, a legend and a y axis that begins at 0, or at a power of ten."""

    def __init__(self, title, y_title, series, top, floor=None):
        self.parts = []
        self.is_log = floor is not None
        if self.is_log:
            low = math.floor(math.log10(max(floor, 1e-9)))
            high = max(low + 1, math.ceil(math.log10(max(top, 1e-9))))
            self.marks = [10.0 ** e for e in range(low, high + 1)]
        else:
            self.marks = ticks(top)
        self.text(LEFT, 20, title, size=15, weight="bold")
        self.parts.append(f'<text transform="translate(16,{(TOP + HEIGHT - BOTTOM) // 2}) '
                          f'rotate(-90)" text-anchor="middle" font-size="12" fill="{INK}">'
                          f'{escape(y_title)}</text>')
        at = LEFT
        for i, name in enumerate(series):
            self.box(at, 32, 12, 12, i)
            self.text(at + 17, 42, name, size=12)
            at += 30 + 7 * len(name)
        for mark in self.marks:
            y = self.y(mark)
            self.parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" '
                              f'stroke="{GRID}"/>')
            self.text(LEFT - 6, y + 4, label(mark), size=11, anchor="end")

    def y(self, value):
        low, high = self.marks[0], self.marks[-1]
        if self.is_log:
            value = max(value, low)
            share = math.log(value / low) / math.log(high / low)
        else:
            share = (value - low) / (high - low)
        return HEIGHT - BOTTOM - min(share, 1) * (HEIGHT - TOP - BOTTOM)

    def text(self, x, y, text, size=11, anchor="start", weight="normal"):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" '
                          f'text-anchor="{anchor}" font-weight="{weight}" fill="{INK}">'
                          f'{escape(str(text))}</text>')

    def box(self, x, y, width, height, i, title=""):
        inside = f"<title>{escape(title)}</title>" if title else ""
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
                          f'height="{max(height, 0):.1f}" fill="{COLORS[i % len(COLORS)]}">'
                          f'{inside}</rect>')

    def x_title(self, text):
        self.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, text, size=12, anchor="middle")

    def done(self):
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
                f'width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif">\n'
                f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>\n'
                + "\n".join(self.parts) + "\n</svg>\n")


def bars(title, y_title, x_title, groups, series, values, is_log=False):
    """values[name][group] may be None."""
    known = [v for row in values.values() for v in row.values() if v]
    plot = Plot(title, y_title, series, max(known, default=1),
                min(known, default=1) if is_log else None)
    room = (WIDTH - LEFT - RIGHT) / max(len(groups), 1)
    width = room * 0.8 / max(len(series), 1)
    for g, group in enumerate(groups):
        for i, name in enumerate(series):
            value = values[name].get(group)
            if value is None:
                continue
            y = plot.y(value)
            plot.box(LEFT + g * room + room * 0.1 + i * width, y, width * 0.92,
                     HEIGHT - BOTTOM - y, i, f"{name}, {group}: {value:.4g}")
        plot.text(LEFT + (g + 0.5) * room, HEIGHT - BOTTOM + 16, group, anchor="middle")
    plot.x_title(x_title)
    return plot.done()


def lines(title, y_title, x_title, series, points):
    """points[name] is a list of (x, y)."""
    every = [p for row in points.values() for p in row]
    x_marks = ticks(max((x for x, _ in every), default=1))
    plot = Plot(title, y_title, series, max((y for _, y in every), default=1))

    def x_at(x):
        return LEFT + x / x_marks[-1] * (WIDTH - LEFT - RIGHT)

    for mark in x_marks:
        plot.text(x_at(mark), HEIGHT - BOTTOM + 16, label(mark), anchor="middle")
    for i, name in enumerate(series):
        color = COLORS[i % len(COLORS)]
        path = " ".join(f"{x_at(x):.1f},{plot.y(y):.1f}" for x, y in points[name])
        plot.parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" '
                          'stroke-width="2"/>')
        for x, y in points[name]:
            plot.parts.append(f'<circle cx="{x_at(x):.1f}" cy="{plot.y(y):.1f}" r="3" '
                              f'fill="{color}"/>')
    plot.x_title(x_title)
    return plot.done()
