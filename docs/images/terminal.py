#!/usr/bin/env python3
"""Runs a command in a terminal of its own and draws what is on the screen at the end, as SVG.

    python3 docs/images/terminal.py --out docs/images/convert.svg --columns 110 -- partiquet convert exports --out calls

The pictures of this folder are made with it, so that they show a real run and can be made again. It knows as much of
terminals as the pictures need: text, line ends, cursor up and down, erased lines, bold and colours.
"""

import argparse
import fcntl
import os
import pty
import re
import struct
import sys
import termios
from xml.sax.saxutils import escape

CHAR_WIDTH, LINE_HEIGHT, FONT_SIZE, MARGIN, BAR = 8.4, 19, 14, 20, 34
BACKGROUND, FRAME, TEXT, PROMPT = "#16181d", "#2a2d35", "#d7dae0", "#7fbf7f"
COLOURS = {30: "#6b7078", 31: "#e06c75", 32: "#98c379", 33: "#e5c07b", 34: "#61afef", 35: "#c678dd", 36: "#56b6c2"}
PLAIN = (False, TEXT)


def run(command, columns, rows):
    """Everything that the command writes to a terminal of this size."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execvp(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    written = bytearray()
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # what Linux says at the end
            break
        if not part:
            break
        written += part
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return written.decode("utf-8", "replace"), code


def screen(written, columns):
    """What is seen in the end: for each line a list of (character, style)."""
    lines, row, column, style = [[]], 0, 0, PLAIN
    for match in re.finditer(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b[^\[]|[\s\S]", written):
        text, kind = match.group(0), match.group(2)
        if kind == "m":
            bold, colour = style
            for code in map(int, (match.group(1) or "0").split(";")):
                if code == 0:
                    bold, colour = PLAIN
                elif code == 1:
                    bold = True
                else:
                    colour = COLOURS.get(code, colour)
            style = (bold, colour)
        elif kind == "A":
            row = max(0, row - int(match.group(1) or 1))
        elif kind == "B":
            row += int(match.group(1) or 1)
        elif kind == "K":
            lines[row] = [] if match.group(1) == "2" else lines[row][:column]
        elif text == "\r":
            column = 0
        elif text == "\n":
            row += 1
        elif text.isprintable():
            if column == columns:
                row, column = row + 1, 0
            lines.extend([] for _ in range(row + 1 - len(lines)))
            line = lines[row]
            line.extend((" ", PLAIN) for _ in range(column - len(line)))
            line[column : column + 1] = [(text, style)]
            column += 1
        lines.extend([] for _ in range(row + 1 - len(lines)))
    while lines and not "".join(character for character, _ in lines[-1]).strip():
        lines.pop()
    return lines


def draw(lines, title):
    width = max(len(line) for line in lines) * CHAR_WIDTH + 2 * MARGIN
    height = len(lines) * LINE_HEIGHT + BAR + 2 * MARGIN - 6
    svg = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="100%" height="100%" rx="9" fill="{BACKGROUND}"/>',
        f'<path d="M0 {BAR} V9 A9 9 0 0 1 9 0 H{width - 9:.0f} A9 9 0 0 1 {width:.0f} 9 V{BAR} Z" fill="{FRAME}"/>',
        *(f'<circle cx="{20 + 20 * n}" cy="{BAR / 2:.0f}" r="6" fill="{c}"/>' for n, c in enumerate(("#e06c75", "#e5c07b", "#98c379"))),
        f'<g font-family="\'DejaVu Sans Mono\', Menlo, Consolas, monospace" font-size="{FONT_SIZE}">',
    ]
    for number, line in enumerate(lines):
        y = BAR + MARGIN + 10 + number * LINE_HEIGHT
        start = 0
        while start < len(line):
            style, end = line[start][1], start
            while end < len(line) and line[end][1] == style:
                end += 1
            bold, colour = style
            weight = ' font-weight="bold"' if bold else ""
            # Each word group stands at its own place, so that columns line up in any font.
            for part in re.finditer(r"\S+(?: \S+)*", "".join(character for character, _ in line[start:end])):
                x, length = MARGIN + (start + part.start()) * CHAR_WIDTH, len(part.group(0)) * CHAR_WIDTH
                svg.append(
                    f'<text x="{x:.1f}" y="{y}" fill="{colour}"{weight} textLength="{length:.1f}" '
                    f'lengthAdjust="spacingAndGlyphs">{escape(part.group(0))}</text>'
                )
            start = end
    return "\n".join([*svg, "</g>", "</svg>", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", required=True)
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--rows", type=int, default=60)
    parser.add_argument("--binary", help="run this in place of the first word of the command")
    parser.add_argument("command", nargs="+")
    said = parser.parse_args()
    command = [said.binary or said.command[0], *said.command[1:]]
    written, code = run(command, said.columns, said.rows)
    shown = " ".join(said.command)
    prompt = [("$", (True, PROMPT)), (" ", PLAIN), *((character, (True, TEXT)) for character in shown)]
    with open(said.out, "w", encoding="utf-8") as file:
        file.write(draw([prompt, *screen(written, said.columns)], shown))
    sys.exit(code)


if __name__ == "__main__":
    main()
