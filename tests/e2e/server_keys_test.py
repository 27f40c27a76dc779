#!/usr/bin/env python3
"""Keys that another process makes and revokes while a server runs."""

import json
import os
import time

from harness import expect, main
from serving import Server


def status(server, key):
    return server.get("/v1/models", headers={"Authorization": f"Bearer {key}"} if key else {}).status


def add(server, name, *flags):
    done = server.home.tael("key", "add", name, *flags)
    expect(done.code == 0, done)
    return done.out.strip()


def becomes(server, key, wanted):
    """The server looks at the database every half second."""
    end = time.monotonic() + 10
    while status(server, key) != wanted and time.monotonic() < end:
        time.sleep(0.1)
    expect(status(server, key) == wanted, status(server, key), wanted, server.log)


def names(server):
    listed = server.home.tael("key", "list", "--json").json()
    return {key["name"]: key["state"] for key in listed["keys"]}


def identity(server, name):
    listed = server.home.tael("key", "list", "--json").json()
    return next(key["id"] for key in listed["keys"] if key["name"] == name)


def keys_of_another_process_count():
    with Server() as server:
        expect(status(server, "") == 200)
        first = add(server, "a")
        becomes(server, "", 401)
        expect(status(server, first) == 200 and status(server, "wrong") == 401)
        second = add(server, "b")
        becomes(server, second, 200)
        expect(server.home.tael("key", "revoke", identity(server, "a")).code == 0)
        becomes(server, first, 401)
        expect(status(server, second) == 200)
        database = os.stat(os.path.join(server.home.path, ".local/share/tael/server.db"))
        with open("/proc/locks", encoding="utf-8") as file:
            expect(f":{database.st_ino} " in file.read(), "the server holds no lock on its database")
        expect(server.end() == 0, server.log)
        expect(names(server) == {"a": "revoked", "b": "valid"}, names(server))


def limits_and_models_of_a_key():
    with Server() as server:
        key = add(server, "few", "--requests-per-minute", "2", "--model", "parrot")
        other = add(server, "other", "--model", "another")
        becomes(server, "", 401)
        becomes(server, key, 200)
        becomes(server, other, 200)

        def ask(which):
            return server.post("/v1/chat/completions",
                               {"model": "parrot", "messages": [{"role": "user", "content": "plain"}]},
                               headers={"Authorization": f"Bearer {which}"})
        expect([ask(key).status for _ in range(2)] == [200, 200])
        third = ask(key)
        expect(third.status == 429 and int(third.headers["Retry-After"]) >= 1, third)
        expect(ask(other).status == 403, ask(other))


def responses_belong_to_their_key():
    with Server() as server:
        mine, theirs = add(server, "mine"), add(server, "theirs")
        becomes(server, "", 401)
        becomes(server, mine, 200)
        becomes(server, theirs, 200)

        def call(method, path, key, body=None):
            return server.request(method, path, body, headers={"x-api-key": key})
        made = call("POST", "/v1/responses", mine, {"model": "parrot", "input": "plain"})
        expect(made.status == 200, made)
        path = "/v1/responses/" + made.json()["id"]
        expect(call("GET", path, mine).status == 200)
        expect(call("GET", path, theirs).status == 404 and call("DELETE", path, theirs).status == 404)
        chained = call("POST", "/v1/responses", theirs, {"model": "parrot", "input": "plain",
                                                        "previous_response_id": made.json()["id"]})
        expect(chained.status == 404, chained)
        expect(json.loads(call("GET", path, mine).body)["id"] == made.json()["id"])


main([keys_of_another_process_count, limits_and_models_of_a_key, responses_belong_to_their_key])
