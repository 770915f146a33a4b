"""A stub of the Hugging Face hub's HTTP interface on loopback: repositories in memory, commits and downloads."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "hf_of_the_stub"


@dataclass
class Hub:
    """The stub's content.

    Attributes:
        repositories: Files by name, by revision, by repository; ``main`` is the newest.
        private: Repositories that were made private.
        messages: Titles of the commits.
    """

    address: str = ""
    repositories: dict[str, dict[str, dict[str, bytes]]] = field(default_factory=dict)
    private: set[str] = field(default_factory=set)
    messages: list[str] = field(default_factory=list)

    def environment(self, home: object, token: str = TOKEN) -> dict[str, str]:
        """Variables with which huggingface_hub talks to the stub and nobody else."""
        return {
            "HF_ENDPOINT": self.address,
            "HF_HOME": str(home),
            "HF_TOKEN": token,
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }


@contextmanager
def running_hub() -> Iterator[Hub]:
    """The stub, while it serves."""
    hub = Hub()

    class Handler(_Handler):
        content = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    content: Hub

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._download(with_body=False)

    def do_GET(self) -> None:
        found = re.fullmatch(r"/api/models/([^/]+/[^/]+)", self.path.partition("?")[0])
        if found is None or found[1] not in self.content.repositories:
            return self._download(with_body=True)
        name = found[1]
        return self._answer(200, {"id": name, "private": name in self.content.private, "siblings": []})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._answer(401, {"error": "Invalid username or password."})
        path, hub = self.path.partition("?")[0], self.content
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}"
            if name in hub.repositories:
                return self._answer(409, {"error": "exists", "url": f"{hub.address}/{name}"})
            hub.repositories[name] = {"main": {}}
            if asked.get("visibility") == "private" or asked.get("private"):
                hub.private.add(name)
            return self._answer(200, {"url": f"{hub.address}/{name}"})
        if path == "/api/validate-yaml":
            return self._answer(200, {"errors": [], "warnings": []})
        found = re.fullmatch(r"/api/models/([^/]+/[^/]+)/(preupload|commit)/main", path)
        if found is None or found[1] not in hub.repositories:
            return self._answer(404, {"error": "not found"}, {"X-Error-Code": "RepoNotFound"})
        if found[2] == "preupload":
            files = [
                {"path": one["path"], "uploadMode": "regular", "shouldIgnore": False}
                for one in json.loads(body)["files"]
            ]
            return self._answer(200, {"files": files})
        return self._commit(found[1], [json.loads(line) for line in body.splitlines()])

    def _commit(self, name: str, lines: list[dict[str, object]]) -> None:
        hub, files = self.content, {}
        for line in lines:
            value = line["value"]
            if line["key"] == "header":
                hub.messages.append(value["summary"])
            else:
                files[value["path"]] = base64.b64decode(value["content"])
        revisions = hub.repositories[name]
        revisions["main"] = {**revisions["main"], **files}
        commit = hashlib.sha1(
            repr(sorted(revisions["main"])).encode() + str(len(revisions)).encode()
        ).hexdigest()
        revisions[commit] = revisions["main"]
        self._answer(
            200,
            {"commitUrl": f"{hub.address}/{name}/commit/{commit}", "commitOid": commit, "success": True},
        )

    def _download(self, *, with_body: bool) -> None:
        found = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self.path.partition("?")[0])
        repository = self.content.repositories.get(found[1]) if found else None
        if repository is None:
            return self._answer(401, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
        if found[2] not in repository:
            return self._answer(404, {"error": "Revision not found"}, {"X-Error-Code": "RevisionNotFound"})
        files = repository[found[2]]
        commit = next(
            (key for key, value in repository.items() if value is files and key != "main"), "0" * 40
        )
        if found[3] not in files:
            headers = {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit}
            return self._answer(404, {"error": "Entry not found"}, headers)
        content = files[found[3]]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", commit)
        self.end_headers()
        if with_body:
            self.wfile.write(content)
        return None

    def _answer(self, code: int, values: object, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(values).encode()
        self.send_response(code)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
