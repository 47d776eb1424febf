"""Judges the sizes and headers of MIME parts with Python's `email` package.

Reads JSON lines on standard input, one case each:

    {"case": 1, "mime_headers": "Content-Type: ...\\r\\n", "content_base64": "...", "filename": "the safe name",
     "media_type": "image/png", "content_id": "...@attachlink", "encoded_size": 1234}

For each it builds a multipart/related message with a boundary of 70 octets, the part as described and Python's own
base64 lines, parses it, and writes the parsed message out again. It prints one JSON verdict a line, and exits with 1
when a case is wrong, or when there was none.
"""

import base64
import email
import email.policy
import json
import sys

BOUNDARY = "=_" + "b" * 68
LONGEST_LINE = 76
# Headers as they came, and the line ends of the wire.
POLICY = email.policy.default.clone(linesep="\r\n", refold_source="none")

START = (
    "From: desk@help.example\r\n"
    "To: r17@example.org\r\n"
    "Subject: A comment\r\n"
    "MIME-Version: 1.0\r\n"
    f'Content-Type: multipart/related; type="text/html";\r\n boundary="{BOUNDARY}"\r\n'
    "\r\n"
    f"--{BOUNDARY}\r\n"
    "Content-Type: text/html; charset=us-ascii\r\n"
    "\r\n"
    "<p>Hello.</p>\r\n"
).encode("ascii")
END = f"--{BOUNDARY}--\r\n".encode("ascii")


def part_octets(case, content):
    """The part from its delimiter line to the end of its last base64 line."""
    lines = base64.encodebytes(content).replace(b"\n", b"\r\n")
    return f"--{BOUNDARY}\r\n".encode() + case["mime_headers"].encode("ascii") + b"\r\n" + lines


def headers_wrong(text):
    """What is wrong with the lines of the headers."""
    if not text.isascii():
        yield "the headers are not ASCII"
    if not text.endswith("\r\n"):
        yield "the last header line has no end"
    for line in text.removesuffix("\r\n").split("\r\n"):
        if not line or len(line) > LONGEST_LINE or "\r" in line or "\n" in line:
            yield f"a header line is empty, too long or badly ended: {line!r}"


def part_wrong(part, case, content):
    """What Python's parser found in the part that was not meant."""
    if part.get_content_type() != case["media_type"]:
        yield f"content type {part.get_content_type()!r}"
    if part["content-transfer-encoding"] != "base64":
        yield "it is not base64"
    if part["content-id"] != f"<{case['content_id']}>":
        yield f"content id {part['content-id']!r}"
    if part.get_content_disposition() != "inline":
        yield f"disposition {part.get_content_disposition()!r}"
    if part.get_filename() != case["filename"]:
        yield f"filename {part.get_filename()!r}, not {case['filename']!r}"
    if part.get_payload(decode=True) != content:
        yield "the content is not the content"
    defects = [*part.defects, *(d for header in part.values() for d in header.defects)]
    if defects:
        yield f"defects: {defects}"


def sizes_wrong(message, part, case):
    """Whether the part counts for what was said, written out again alone and as the difference of two messages."""
    said = case["encoded_size"]
    # The line end after the last base64 line belongs to the next delimiter for a parser, and to the part for us.
    alone = len(f"--{BOUNDARY}\r\n") + len(part.as_bytes(policy=POLICY)) + len("\r\n")
    if alone != said:
        yield f"written out again it has {alone} octets, not {said}"
    with_part = len(message.as_bytes(policy=POLICY))
    message.get_payload().remove(part)
    difference = with_part - len(message.as_bytes(policy=POLICY))
    if difference != said:
        yield f"the message grows by {difference} octets, not by {said}"


def judge(case):
    """All that is wrong with a case."""
    content = base64.b64decode(case["content_base64"], validate=True)
    octets = part_octets(case, content)
    wrong = list(headers_wrong(case["mime_headers"]))
    if len(octets) != case["encoded_size"]:
        wrong.append(f"the part has {len(octets)} octets, not {case['encoded_size']}")
    raw = START + octets + END
    message = email.message_from_bytes(raw, policy=POLICY)
    if message.defects or [p.get_content_type() for p in message.iter_parts()][:1] != ["text/html"]:
        wrong.append(f"the message is not what was written: {message.defects}")
    parts = list(message.iter_parts())
    if len(parts) != 2:
        return [*wrong, f"{len(parts)} parts"]
    if message.as_bytes(policy=POLICY) != raw:
        wrong.append("the message written out again is another")
    return [*wrong, *part_wrong(parts[1], case, content), *sizes_wrong(message, parts[1], case)]


def main():
    judged, failed = 0, 0
    for line in sys.stdin:
        case = json.loads(line)
        wrong = judge(case)
        judged += 1
        failed += bool(wrong)
        print(json.dumps({"case": case["case"], "ok": not wrong, "wrong": wrong}))
    return 1 if failed or not judged else 0


if __name__ == "__main__":
    sys.exit(main())
