#!/usr/bin/python3
"""Makes a picture (PGM) of the QR code that stands as block characters in a text: qr_picture.py TEXT PICTURE."""
import sys

SCALE = 6


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        lines = [line.rstrip("\n") for line in f]
    lines = [line for line in lines if len(line) > 40 and set(line) <= set(" ▄▀█")]
    rows = []
    for line in lines:
        rows += [[c in "▀█" for c in line], [c in "▄█" for c in line]]
    with open(sys.argv[2], "w", encoding="ascii") as out:
        print("P2\n%d %d\n255" % (len(rows[0]) * SCALE, len(rows) * SCALE), file=out)
        for row in rows:
            text = " ".join(("0 " if dark else "255 ") * SCALE for dark in row)
            print("\n".join([text] * SCALE), file=out)


if __name__ == "__main__":
    main()
