"""What redbot says of an answer: redbot_notes.py URL FIELD

FIELD is a header field to ask with. Prints a JSON list of all notes, also of those to what redbot asks besides (ranges,
conditions, codings), each with its name, level and words.
"""

import json
import sys
from configparser import ConfigParser

import thor
from redbot.resource import HttpResource


def flat(notes):
    for note in notes:
        yield {"name": type(note).__name__, "level": note.level.value, "says": f"{note.subject}: {note.summary}"}
        yield from flat(note.subnotes)


def main():
    url, field = sys.argv[1:]
    settings = ConfigParser()
    settings.read_dict({"redbot": {"enable_local_access": "True"}})
    resource = HttpResource(settings["redbot"])
    resource.set_request(url, headers=[tuple(field.split(": ", 1))])

    @thor.events.on(resource)
    def check_done():
        thor.stop()

    resource.check()
    thor.run()
    answers = [resource, *resource.subreqs.values()]
    assert all(answer.fetch_error is None for answer in answers), "an answer is missing or cut"
    print(json.dumps([note for answer in answers for note in flat(answer.response.notes)]))


if __name__ == "__main__":
    main()
