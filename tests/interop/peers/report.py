"""Prints what each check of a peer found, one JSON object a line."""

import asyncio
import json
import sys
import traceback


async def check(name, story):
    """Runs one check; a check that fails or hangs does not end the others."""
    try:
        detail = await asyncio.wait_for(story(), 20)
        print(json.dumps({"check": name, "ok": True, "detail": detail}), flush=True)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the next check goes on
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise
        traceback.print_exc(file=sys.stderr)
        print(json.dumps({"check": name, "ok": False, "detail": f"{type(error).__name__}: {error}"[:300]}), flush=True)


def expect(condition, what):
    if not condition:
        raise AssertionError(what)
