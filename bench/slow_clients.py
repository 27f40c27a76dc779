#!/usr/bin/env python3
"""How much clients that are slow, or silent, cost one that is not: latency with and without them.

usage: slow_clients.py [--server PROGRAM | --port PORT] [--clients N] [--requests N] [--most RATIO]
                       [--path PATH] [--json]

PROGRAM prints its port and ends with its standard input (build/bench/http_server_bench); PORT is of a
server that runs already. The clients are of five kinds, and come again when they are closed: connected
without a word, silent behind an answer, a head byte by byte, a body byte by byte, an answer that is not
read. Exits 1 when the median with them is more than RATIO times the one without (each the better of two
rounds, taken in turns), or a normal request fails. Medians of requests on one kept connection and on one
connection each. Needs two open files per client on this machine: 10,000 clients take 20,000 in two processes.
"""

import argparse
import json
import multiprocessing
import os
import resource
import selectors
import socket
import statistics
import subprocess
import sys
import time

KINDS = ("silent", "kept", "head", "body", "reader")
GET = b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
BODY = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n"
DRIP_SECONDS, DRIP_PARTS = 5, 100  # between two bytes of a slow client


def raise_file_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class SlowClients:
    """A process that keeps up N connections of the five kinds."""

    def __init__(self, port, count, path):
        self.port, self.count, self.path = port, count, path.encode()
        self.selector = selectors.DefaultSelector()
        self.closed = 0
        self.readers = []  # do not read, so nobody watches them

    def connect(self, kind):
        client = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        if kind == "kept":
            client.sendall(GET % self.path)
        elif kind == "head":
            client.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        elif kind == "body":
            client.sendall(BODY)
        elif kind == "reader":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(GET % b"/large")
        client.setblocking(False)
        if kind == "reader":
            self.readers.append(client)
        else:
            self.selector.register(client, selectors.EVENT_READ, kind)

    def again(self, client, kind):
        self.selector.unregister(client)
        client.close()
        self.closed += 1
        self.connect(kind)

    def drip(self, part):
        """A byte of every client of the part, so that they do not all come at once."""
        for key in list(self.selector.get_map().values()):
            if key.data in ("head", "body") and key.fd % DRIP_PARTS == part:
                try:
                    key.fileobj.send(b"x")
                except OSError:
                    self.again(key.fileobj, key.data)

    def run(self, pipe):
        for number in range(self.count):
            self.connect(KINDS[number % len(KINDS)])
        pipe.send(self.count)
        next_drip, part = time.monotonic(), 0
        while not pipe.poll():
            for key, _ in self.selector.select(timeout=0.02):
                try:
                    gone = not key.fileobj.recv(65536)
                except OSError:
                    gone = True
                if gone:
                    self.again(key.fileobj, key.data)
            if time.monotonic() > next_drip:
                next_drip += DRIP_SECONDS / DRIP_PARTS
                part = (part + 1) % DRIP_PARTS
                self.drip(part)
        pipe.send(self.closed)


def slow_clients(port, count, path, pipe):
    raise_file_limit()
    SlowClients(port, count, path).run(pipe)


def read_answer(client):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = client.recv(65536)
        if not piece:
            raise ConnectionError("the server closed a normal client")
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    while len(body) < length:
        body += client.recv(65536)
    if b" 200 " not in head.split(b"\r\n")[0]:
        raise ConnectionError(head.decode(errors="replace"))


def measure(port, path, requests):
    """Milliseconds of each request: on one connection, and with a connection each."""
    request, kept, fresh = GET % path.encode(), [], []
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        for _ in range(requests):
            start = time.perf_counter()
            client.sendall(request)
            read_answer(client)
            kept.append(1e3 * (time.perf_counter() - start))
    for _ in range(requests):
        start = time.perf_counter()
        with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
            client.sendall(request)
            read_answer(client)
        fresh.append(1e3 * (time.perf_counter() - start))
    return {"kept": kept, "fresh": fresh}


def summary(times):
    ordered = sorted(times)
    return {"p50_ms": statistics.median(ordered), "p99_ms": ordered[int(0.99 * (len(ordered) - 1))], "max_ms": ordered[-1]}


def resident_mib(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def compare(port, arguments, server_pid):
    rounds = {"without": [], "with": []}
    closed, memory = 0, 0
    for _ in range(2):
        rounds["without"].append(measure(port, arguments.path, arguments.requests))
        mine, theirs = multiprocessing.Pipe()
        load = multiprocessing.Process(target=slow_clients, args=(port, arguments.clients, arguments.path, theirs))
        load.start()
        mine.recv()
        time.sleep(2)  # coming is not what is measured
        rounds["with"].append(measure(port, arguments.path, arguments.requests))
        memory = max(memory, resident_mib(server_pid)) if server_pid else 0
        mine.send("end")
        closed += mine.recv()
        load.join()
        time.sleep(1)
    result = {"clients": arguments.clients, "closed_and_back": closed, "server_mib": memory}
    for kind in ("kept", "fresh"):
        for load in ("without", "with"):
            result[f"{kind}_{load}"] = min((summary(one[kind]) for one in rounds[load]), key=lambda s: s["p50_ms"])
        result[f"{kind}_ratio"] = result[f"{kind}_with"]["p50_ms"] / result[f"{kind}_without"]["p50_ms"]
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--server", default="build/bench/http_server_bench")
    parser.add_argument("--port", type=int)
    parser.add_argument("--path", default="/")
    parser.add_argument("--clients", type=int, default=10000)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--most", type=float, default=2.0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    limit = raise_file_limit()
    if limit < arguments.clients + 100:
        print(f"open files: at most {limit}, so {limit - 100} clients instead of {arguments.clients}", file=sys.stderr)
        arguments.clients = limit - 100
    server, port = None, arguments.port
    if port is None:
        server = subprocess.Popen([arguments.server], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        port = int(server.stdout.readline())
    try:
        result = compare(port, arguments, server.pid if server else None)
    finally:
        if server:
            server.stdin.close()
            server.wait(timeout=30)
    if arguments.json:
        print(json.dumps(result))
    else:
        print(f"{result['clients']} slow clients ({result['closed_and_back']} closed and back), "
              f"server {result['server_mib']:.0f} MiB")
        for kind in ("kept", "fresh"):
            for load in ("without", "with"):
                one = result[f"{kind}_{load}"]
                print(f"{kind:6}{load:8} p50 {one['p50_ms']:7.3f} ms  p99 {one['p99_ms']:7.3f} ms  "
                      f"max {one['max_ms']:8.3f} ms")
            print(f"{kind:6}ratio of medians {result[f'{kind}_ratio']:.2f} (at most {arguments.most})")
    sys.exit(max(result["kept_ratio"], result["fresh_ratio"]) > arguments.most)


if __name__ == "__main__":
    main()
