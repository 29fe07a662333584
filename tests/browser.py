"""Chromium without a window, for tests of pages: it opens one and says what it asked for.

It speaks the DevTools protocol over a pair of pipes, which needs no package. Every name of a host
resolves to nothing, so that a page is seen as it is without a network.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from contextlib import contextmanager

NAMES = ("chromium", "chromium-browser", "google-chrome")
PROGRAM = next(filter(None, map(shutil.which, NAMES)), None)
OPTIONS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
OPTIONS += ["--remote-debugging-pipe", "--host-resolver-rules=MAP * ~NOTFOUND"]
OPTIONS += ["--no-first-run", "--disable-background-networking", "--disable-component-update"]
PATIENCE = 60  # seconds for an answer, where other tests keep the processors busy


@contextmanager
def browser(folder):
    """Give a page of a browser that keeps its files in a folder, and end the browser afterwards."""
    to_read, to_write = os.pipe(), os.pipe()
    command = [PROGRAM, *OPTIONS, f"--user-data-dir={folder}"]
    # The browser reads from the descriptor 3 and writes to 4
    redirected = f'exec "$@" 3<&{to_write[0]} 4>&{to_read[1]}'
    process = subprocess.Popen(
        ["bash", "-c", redirected, "bash", *command],
        pass_fds=(to_write[0], to_read[1]),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_write[0])
    os.close(to_read[1])
    try:
        yield Page(to_read[0], to_write[1])
    finally:
        process.terminate()
        process.wait()
        os.close(to_read[0])
        os.close(to_write[1])


class Page:
    """A page of the browser: open an address, run JavaScript in it, take its picture."""

    def __init__(self, to_read, to_write):
        self._to_read, self._to_write = to_read, to_write
        self._received, self._n_sent, self._session = b"", 0, None
        self._events = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = session["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.send(f"{domain}.enable")

    def open(self, address):
        """Open an address, wait until all is there, fonts too, and return what was asked for."""
        self._events.clear()
        self.send("Page.navigate", url=address)
        while not any(event["method"] == "Page.loadEventFired" for event in self._events):
            self._events.append(self._receive())
        self.run("document.fonts.ready.then(() => 1)")
        return [
            event["params"]["request"]["url"]
            for event in self._events
            if event["method"] == "Network.requestWillBeSent"
        ]

    def errors(self):
        """Return the errors of scripts and of requests since the page was opened."""
        thrown = [e["params"] for e in self._events if e["method"] == "Runtime.exceptionThrown"]
        logged = [e["params"]["entry"] for e in self._events if e["method"] == "Log.entryAdded"]
        return thrown + [entry for entry in logged if entry["level"] == "error"]

    def run(self, script):
        """Return the value of an expression in JavaScript; that of a promise is waited for."""
        answer = self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def resize(self, width, height=900, *, dark=False):
        """Give the page a size in pixels, and the reader a taste for dark pages or none."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.send("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self, *, whole=False):
        """Return the bytes of a PNG of what is seen, or of the whole page."""
        taken = self.send("Page.captureScreenshot", captureBeyondViewport=whole)
        return base64.b64decode(taken["data"])

    def send(self, method, **parameters):
        """Send a command and return its answer; what happens meanwhile is kept."""
        self._n_sent += 1
        command = {"id": self._n_sent, "method": method, "params": parameters}
        if self._session:
            command["sessionId"] = self._session
        os.write(self._to_write, json.dumps(command).encode() + b"\0")
        while (message := self._receive()).get("id") != self._n_sent:
            self._events.append(message)
        if "error" in message:
            raise RuntimeError(f"{method}: {message['error']['message']}")
        return message["result"]

    def _receive(self):
        deadline = time.monotonic() + PATIENCE
        while b"\0" not in self._received:
            if not select.select([self._to_read], [], [], deadline - time.monotonic())[0]:
                raise TimeoutError(f"The browser said nothing for {PATIENCE} seconds")
            chunk = os.read(self._to_read, 1 << 20)
            if not chunk:
                raise RuntimeError("The browser ended")
            self._received += chunk
        message, self._received = self._received.split(b"\0", 1)
        return json.loads(message)
