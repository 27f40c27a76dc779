#!/usr/bin/env python3
"""`tael key`: keys of the server are made, listed, shown and revoked."""

import hashlib
import os
import re
import sqlite3
import stat

from harness import Home, expect, main

DATABASE = ".local/share/tael/server.db"


def a_key_is_shown_once_and_kept_as_a_hash():
    with Home() as home:
        made = home.tael("key", "add", "ci")
        expect(made.code == 0 and re.fullmatch(r"tael_[0-9a-f]{16}_[0-9a-f]{64}\n", made.out), made)
        expect("'ci'" in made.err and made.out.strip() not in made.err, made)
        text = made.out.strip()
        path = os.path.join(home.path, DATABASE)
        expect(stat.S_IMODE(os.stat(path).st_mode) == 0o600, oct(os.stat(path).st_mode))
        with sqlite3.connect(path) as database:
            rows = database.execute("SELECT id, hash FROM keys").fetchall()
        expect(rows == [(text[5:21], hashlib.sha256(text.encode()).hexdigest())], rows)
        with open(path, "rb") as file:
            expect(text[22:].encode() not in file.read())


def what_a_key_may_do_is_listed_and_shown():
    with Home() as home:
        empty = home.tael("key", "list")
        expect(empty.code == 0 and not empty.out and "tael key add" in empty.err, empty)
        made = home.tael("key", "add", "ci bot", "--scope", "use", "--scope", "metrics", "--model", "a/b",
                         "--model", "c", "--requests-per-minute", "60", "--tokens-per-minute", "1000",
                         "--tokens", "5000000000", "--concurrent", "2", "--priority", "-7", "--group", "team",
                         "--expires", "90d", "--json").json()
        home.tael("key", "add", "plain")
        listed = home.tael("key", "list", "--json").json()
        expect(listed["database"] == os.path.join(home.path, DATABASE), listed)
        expect([key["name"] for key in listed["keys"]] == ["ci bot", "plain"], listed)
        shown = home.tael("key", "show", "ci bot", "--json").json()
        text = made.pop("key")
        expect(text.startswith("tael_" + made["id"]), text)
        expect(shown.pop("usage") == [] and shown == made == listed["keys"][0], shown, made)
        expect(shown["scopes"] == ["use", "metrics"] and shown["models"] == ["a/b", "c"], shown)
        expect(shown["tokens_in_all"] == 5000000000 and shown["priority"] == -7, shown)
        expect(shown["expires_ms"] - shown["created_ms"] in range(90 * 86400000 - 5000, 90 * 86400000 + 5000), shown)
        for row in ("valid", "use, metrics", "a/b, c", "group team", "60"):
            expect(row in home.tael("key", "show", made["id"]).out, row)
        table = home.tael("key", "list").out
        expect("plain" in table and "valid" in table and text[22:] not in table, table)


def a_revoked_key_stays_and_its_name_is_free():
    with Home() as home:
        first = home.tael("key", "add", "ci").out.strip()
        again = home.tael("key", "add", "ci")
        expect(again.code == 1 and "revoke it first" in again.err and not again.out, again)
        expect(home.tael("key", "revoke", first).code == 0)
        expect("was revoked before" in home.tael("key", "revoke", first[5:21]).err)
        expect(home.tael("key", "add", "ci").code == 0)
        states = [key["state"] for key in home.tael("key", "list", "--json").json()["keys"]]
        expect(states == ["revoked", "valid"], states)
        missing = home.tael("key", "revoke", "nobody")
        expect(missing.code == 1 and "'nobody'" in missing.err and "key list" in missing.err, missing)


def what_makes_no_sense_is_refused():
    with Home() as home:
        for arguments, code, word in [
                ((), 2, ""), (("add",), 2, "name"), (("ad", "x"), 2, "'add'"), (("add", ""), 1, "name"),
                (("add", "x", "--scope", "root"), 1, "'root'"), (("add", "x", "--expires", "soon"), 2, "90d"),
                (("add", "x", "--expires", "0d"), 2, "90d"), (("add", "x", "--expires", "9999999d"), 2, "90d"),
                (("add", "x", "--priority", "101"), 2, "priority"), (("add", "x", "--tokens", "-1"), 2, "tokens"),
                (("add", "a\nb"), 1, "control")]:
            result = home.tael("key", *arguments)
            expect(result.code == code and not result.out and word in result.err, arguments, result)
        expect(home.tael("key", "list", "--json").json()["keys"] == [])


def a_file_that_is_no_database_is_named_and_left_alone():
    with Home() as home:
        path = home.file("mine.txt", "my notes\n" * 100)
        result = home.tael("key", "list", "--set", "store.database=" + path)
        expect(result.code == 1 and path in result.err and "no database" in result.err, result)
        with open(path, encoding="utf-8") as file:
            expect(file.read() == "my notes\n" * 100)
        other = os.path.join(home.path, "other.db")
        with sqlite3.connect(other) as database:
            database.execute("CREATE TABLE t (a)")
        result = home.tael("key", "add", "x", "--set", "store.database=" + other)
        expect(result.code == 1 and "another program" in result.err and not result.out, result)


def usage_is_shown_by_day_and_model():
    with Home() as home:
        text = home.tael("key", "add", "ci").out.strip()
        with sqlite3.connect(os.path.join(home.path, DATABASE)) as database:
            database.execute("INSERT INTO usage VALUES (?, 'qwen', 20000, 3, 100, 40, 50)", (text[5:21],))
        usage = home.tael("key", "show", "ci", "--json").json()["usage"]
        expect(usage == [{"day": "2024-10-04", "model": "qwen", "requests": 3, "prompt_tokens": 100,
                          "cached_tokens": 40, "completion_tokens": 50}], usage)
        shown = home.tael("key", "show", "ci").out
        expect("2024-10-04" in shown and re.search(r"tokens used +150", shown), shown)


if __name__ == "__main__":
    main([a_key_is_shown_once_and_kept_as_a_hash, what_a_key_may_do_is_listed_and_shown,
          a_revoked_key_stays_and_its_name_is_free, what_makes_no_sense_is_refused,
          a_file_that_is_no_database_is_named_and_left_alone, usage_is_shown_by_day_and_model])
