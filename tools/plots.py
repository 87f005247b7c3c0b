"""Pictures of docs/studies/ as SVG text: lines over named places, and maps of ratios. Used by tools/studies."""
import math

COLOURS = ["#1f6fb4", "#d1495b", "#2e8b57", "#8661c1", "#e08e0b", "#555555"]
BELOW, ABOVE = (31, 111, 180), (209, 73, 91)  # colours of a ratio far under and far over 1


def svg(width, height, parts):
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            'font-family="sans-serif" font-size="12">')
    return "\n".join([head, f'<rect width="{width}" height="{height}" fill="white"/>', *parts]) + "\n</svg>\n"


def text(x, y, words, anchor="middle", **more):
    attributes = "".join(f' {key.replace("_", "-")}="{value}"' for key, value in more.items())
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{attributes}>{words}</text>'


def line(x1, y1, x2, y2, colour, width=1, dash=""):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="{colour}" stroke-width="{width}"{dash}/>')


def grid_step(top):
    """A round distance between grid lines, with at most eight of them up to top."""
    step = 10 ** (len(str(int(top))) - 1) if top >= 1 else 0.1
    for factor in (0.1, 0.2, 0.5, 1, 2):
        if top / (step * factor) <= 8:
            return step * factor
    return step


def lines(title, x_label, y_label, xs, curves, top=None):
    """One curve per (label, values); xs are evenly spaced and named, None leaves a gap in a curve."""
    width, height, left, right, above, below = 640, 360, 70, 190, 40, 50
    top = top or max(max(v for v in values if v is not None) for _, values in curves) * 1.08
    place_x = lambda i: left + (width - left - right) * i / (len(xs) - 1)
    place_y = lambda v: height - below - (height - above - below) * v / top
    out = [text(left, 20, title, "start", font_size=14)]
    step, value = grid_step(top), 0.0
    while value <= top * 1.0001:
        out.append(line(left, place_y(value), width - right, place_y(value), "#dddddd"))
        out.append(text(left - 6, place_y(value) + 4, f"{value:g}", "end"))
        value = round(value + step, 10)
    out += [text(place_x(i), height - below + 18, x) for i, x in enumerate(xs)]
    out.append(text((left + width - right) / 2, height - 10, x_label))
    middle = (above + height - below) / 2
    out.append(f'<text transform="translate(16 {middle}) rotate(-90)" text-anchor="middle">{y_label}</text>')
    for i, (label, values) in enumerate(curves):
        colour = COLOURS[i % len(COLOURS)]
        dashed = any(word in label for word in ("dense", "parity", "tiles of"))
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        points = [(place_x(j), place_y(v)) for j, v in enumerate(values) if v is not None]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        y = above + 10 + 20 * i
        out.append(line(width - right + 14, y, width - right + 34, y, colour, 2, dash))
        out.append(text(width - right + 40, y + 4, label, "start"))
    return svg(width, height, out)


def shade(ratio):
    """White at 1, blue below, red above, full colour at a factor of four."""
    far = min(1.0, abs(ratio_log(ratio)) / 2)
    colour = ABOVE if ratio >= 1 else BELOW
    return "#" + "".join(f"{round(255 + (part - 255) * far):02x}" for part in colour)


def ratio_log(ratio):
    return math.log2(max(ratio, 1e-9))


def boundary(values, x0, y0, wide, high):
    """The edges between cells of less than 1 and cells of 1 and more, as heavy lines."""
    over = [[value >= 1 for value in row] for row in values]
    out = []
    for r, row in enumerate(over):
        for c, cell in enumerate(row):
            x, y = x0 + c * wide, y0 + r * high
            if c + 1 < len(row) and row[c + 1] != cell:
                out.append(line(x + wide, y, x + wide, y + high, "black", 3))
            if r + 1 < len(over) and over[r + 1][c] != cell:
                out.append(line(x, y + high, x + wide, y + high, "black", 3))
    return out


def maps(title, columns, x_label, row_titles, panels):
    """Maps of ratios side by side in rows.

    row_titles: per row of maps its label of the vertical axis. panels: per row a list of
    (title, names of the map's rows, values by row and column).
    """
    wide, high, left, above, gap = 62, 30, 150, 66, 30
    panel_wide = wide * len(columns)
    width = left + len(panels[0]) * (panel_wide + gap)
    out, y0 = [text(16, 22, title, "start", font_size=14)], above
    for label, row in zip(row_titles, panels):
        names = row[0][1]
        panel_high = high * len(names)
        out.append(f'<text transform="translate(20 {y0 + panel_high / 2}) rotate(-90)" '
                   f'text-anchor="middle">{label}</text>')
        out += [text(left - 8, y0 + high * (i + 0.5) + 4, name, "end") for i, name in enumerate(names)]
        for p, (panel_title, _, values) in enumerate(row):
            x0 = left + p * (panel_wide + gap)
            out.append(text(x0 + panel_wide / 2, y0 - 10, panel_title, font_weight="bold"))
            for r, cells in enumerate(values):
                for c, value in enumerate(cells):
                    x, y = x0 + c * wide, y0 + r * high
                    out.append(f'<rect x="{x}" y="{y}" width="{wide}" height="{high}" '
                               f'fill="{shade(value)}" stroke="#dddddd"/>')
                    dark = "white" if abs(ratio_log(value)) > 1.4 else "black"
                    out.append(text(x + wide / 2, y + high / 2 + 4, f"{value:.2f}", fill=dark))
            out += boundary(values, x0, y0, wide, high)
            out += [text(x0 + wide * (c + 0.5), y0 + panel_high + 16, name) for c, name in enumerate(columns)]
            out.append(text(x0 + panel_wide / 2, y0 + panel_high + 34, x_label))
        y0 += panel_high + 84
    return svg(width, y0 - 36, out)
