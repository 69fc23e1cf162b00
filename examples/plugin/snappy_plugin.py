"""The protocol between snappy-flow and a plug-in in Python, the same in every one of them: docs/plug-ins.md. Put this file beside the plug-in.

A plug-in is a class: made with its settings, a method for each call with `_` for `.`, which returns the result, or the result and data.
"""
import base64
import errno
import json
import os
import struct
import sys
import time


class Failure(Exception):
    """An error with the parts that a worker shows. `retry` is transient, permanent or lostRace."""

    def __init__(self, kind, expected, found, location, advice="", retry="permanent"):
        super().__init__(found)
        self.parts = dict(kind=kind, expected=expected, found=found, location=location, advice=advice, retry=retry)


DATA = 3
current = None  # the id of the call that is being worked on
last_word = 0.0
asked = 0  # the id of the last question to the worker, below zero
ORIGINAL = {"original": True}  # of a tree that is completed: as it is in the tree that was lent


def extents(ranges):
    return b"".join(struct.pack("<QQ", start, end - start) for start, end in ranges)


def write_all(descriptor, data):
    data = memoryview(data)
    while data:
        data = data[os.write(descriptor, data):]


def read_all(descriptor, count):
    parts = []
    while count:
        part = os.read(descriptor, min(count, 1 << 20))
        if not part:
            sys.exit(0)
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def say(**reply):
    write_all(1, json.dumps(reply).encode() + b"\n")


def log(level, message):
    """To the step's log: debug, info, warning or error."""
    say(log=level, message=message)


def listing(entries):
    """A folder's entries as data: a line each."""
    return b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)


def say_at_work():
    """A long call says this now and then: who is silent for longer than `timeout` is ended."""
    global last_word
    if time.monotonic() - last_word > 1:
        last_word = time.monotonic()
        say(id=current, progress=True)


def name(text):
    """A file's name or path as it travels: what is no UTF-8 as base64."""
    data = os.fsencode(text)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def named(value):
    """The name or path that travelled."""
    return value if isinstance(value, str) else os.fsdecode(base64.b64decode(value["base64"]))


def receive():
    """The next message, and the data that came with it. Ends the program where nobody speaks any more."""
    line = sys.stdin.buffer.readline()
    if not line:
        sys.exit(0)
    message = json.loads(line)
    if "data" not in message:
        return message, None
    identifier, count = struct.unpack("<QQ", read_all(DATA, 16))
    assert (identifier, count) == (message["id"] % 2**64, message["data"])
    return message, read_all(DATA, count)


def ask(call, **arguments):
    """Asks the worker within one of its calls; the result, and data. Only for plug-ins that take one call at once."""
    global asked
    asked -= 1
    say(id=asked, call=call, arguments=arguments)
    message, data = receive()
    assert message["id"] == asked, message
    if "error" in message:
        error = message["error"]
        raise Failure(*(error.get(part, "") for part in ("kind", "expected", "found", "location", "advice", "retry")))
    return message["result"], data


class LentTree:
    """The tree that `complete.open` is to complete: what it holds, the worker says. Paths are relative to its root."""

    def __init__(self, tree):
        self.handle = tree["handle"]
        self.path = named(tree["logicalPath"])

    def metadata(self, path):
        return ask("tree.metadata", handle=self.handle, path=name(path))[0]

    def entries(self, path):
        """Those of a folder, as `tree.list` has them."""
        return [json.loads(line) for line in ask("tree.list", handle=self.handle, path=name(path))[1].splitlines()]

    def read(self, path):
        """A file's whole content: for small ones."""
        result, data = ask("tree.read", handle=self.handle, path=name(path))
        parts = [data]
        while "file" in result and parts[-1]:
            parts.append(ask("tree.next", handle=self.handle, file=result["file"], length=1 << 20)[1])
        if "file" in result:
            ask("tree.end", handle=self.handle, file=result["file"])
        return b"".join(parts)


def failure(error):
    if isinstance(error, Failure):
        return error.parts
    if isinstance(error, FileNotFoundError):
        return dict(kind="not-found", expected="a file", found="none", location=str(error.filename), advice="check the settings")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return dict(kind="no-space", expected="room", found=error.strerror, location=str(error.filename), advice="free space", retry="transient")
    if isinstance(error, OSError):
        return dict(kind="failed", expected="the call to succeed", found=str(error), location=str(error.filename), retry="transient")
    return dict(kind="failed", expected="the plug-in at work", found=repr(error), location=os.path.basename(sys.argv[0]), retry="permanent")


def serve(make):
    global current, last_word
    system = None
    while True:
        request, data = receive()
        current, last_word = request["id"], time.monotonic()
        arguments = request["arguments"]
        if data is not None:
            arguments["data"] = data
        try:
            if request["call"] == "open":
                system = (make[arguments["system"]] if isinstance(make, dict) else make)(arguments["settings"])
                answer = {}
            else:
                method = getattr(system, request["call"].replace(".", "_"), None)
                if method is None:
                    raise Failure("unsupported", "a call that this plug-in knows", request["call"], os.path.basename(sys.argv[0]))
                answer = method(**arguments)
        except Exception as error:
            say(id=current, error=failure(error))
            continue
        if isinstance(answer, tuple):
            result, data = answer
            say(id=current, result=result, data=len(data))
            write_all(DATA, struct.pack("<QQ", current, len(data)) + data)
        else:
            say(id=current, result=answer)


def main(manifest, make, usage):
    """`make` makes a system of its settings; of several, the one of each name."""
    if sys.argv[1:] == ["manifest"]:
        print(json.dumps(manifest))
    elif sys.argv[1:] == ["serve"]:
        serve(make)
    else:
        sys.exit(usage)
