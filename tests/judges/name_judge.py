"""Judges names of downloads: name_judge.py <names.json

Each name comes with the link and the Content-Disposition that a service made of it. werkzeug reads the header, Python's
tables of Unicode and of Windows' names say what a name may hold. Knows nothing of attachlink's own code.
"""

import json
import pathlib
import sys
import unicodedata
from urllib.parse import unquote, urlsplit

from werkzeug.http import parse_options_header

LONGEST_OCTETS = 255
# Letters and marks by their category, but without any form of their own (Unicode's Default_Ignorable_Code_Point).
INVISIBLE = set("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0") | {
    chr(code) for code in range(0xE0000, 0xE1000)
}


def letters(name):
    """What a reader knows a name by, in its order: letters, digits, signs."""
    seen = (c for c in name if unicodedata.category(c)[0] in "LNPS" and c not in "/\\_." and c not in INVISIBLE)
    return "".join(seen)


def faults(given, url, header):
    kind, parameters = parse_options_header(header)
    name = parameters.get("filename", "")
    yield header.isascii(), "the header is not ASCII"
    yield kind == "attachment", f"it is {kind}"
    yield "filename=" in header and "filename*=UTF-8''" in header, "old and new clients are not both told"
    yield unquote(urlsplit(url).path.rsplit("/", 1)[1], errors="strict") == name, "the link has another name"
    yield 0 < len(name.encode()) <= LONGEST_OCTETS, f"{len(name.encode())} octets"
    yield not any(c in "/\\" for c in name), "a separator of paths"
    yield not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in name), "a control"
    directions = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    yield not any(unicodedata.bidirectional(c) in directions for c in name), "an override of the direction"
    yield name == name.strip(". "), "a dot or a space at an end"
    yield not pathlib.PureWindowsPath(name).is_reserved(), "a device of Windows"
    whole = letters(given)
    same = letters(name) == whole if len(given.encode()) <= LONGEST_OCTETS else True
    yield same or (not whole and name == "attachment"), f"something is missing: {name!r}"


def main():
    names = json.load(sys.stdin)
    bad = [(each["given"], why) for each in names for right, why in faults(**each) if not right]
    for given, why in bad:
        print(f"{given!r}: {why}")
    if not bad:
        print(f"{len(names)} names are right")


if __name__ == "__main__":
    main()
