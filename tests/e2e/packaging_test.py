#!/usr/bin/env python3
"""Packages, the service's unit, the dashboard, and a real Prometheus over a server's metrics."""

import json
import os
import re
import shutil
import subprocess
import time
import urllib.request

from harness import ROOT, TAEL, Home, Skip, expect, main
from serving import Server, free_port


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, timeout=300, check=False, cwd=ROOT, **options)
    expect(done.returncode == 0, command, done.stdout.decode()[-1500:], done.stderr.decode()[-1500:])
    return done.stdout.decode()


def packages_hold_a_program_that_runs():
    with Home() as home:
        run("packaging/build.sh", os.path.dirname(TAEL))
        out = os.path.join(ROOT, "build", "packages")
        deb = next(os.path.join(out, name) for name in os.listdir(out) if name.endswith("_amd64.deb"))
        run("dpkg-deb", "-x", deb, home.path)
        program = os.path.join(home.path, "usr", "bin", "tael")
        expect("tael" in run(program, "--version"))
        # Every library comes with a package that the control file names.
        named = re.findall(r"[^\s,]+", re.sub(r"\([^)]*\)", "", run("dpkg-deb", "-f", deb, "Depends")))
        for library in re.findall(r"NEEDED.*\[(.*)\]", run("readelf", "-d", program)):
            found = subprocess.run(["dpkg", "-S", f"*/{library}"], capture_output=True, check=False).stdout.decode()
            owners = {line.split(":")[0] for line in found.splitlines()}
            expect(owners & set(named), library, owners, named)
        archive = next(os.path.join(out, name) for name in os.listdir(out) if name.endswith("-amd64.tar.gz"))
        run("tar", "-xzf", archive, "-C", home.path)
        folder = next(name for name in os.listdir(home.path) if name.startswith("tael-"))
        expect("tael" in run(os.path.join(home.path, folder, "bin", "tael"), "--version"))


def the_unit_is_one():
    if not shutil.which("systemd-analyze"):
        raise Skip("systemd-analyze is not here")
    done = subprocess.run(["systemd-analyze", "verify", os.path.join(ROOT, "packaging/tael.service")],
                          capture_output=True, timeout=60, check=False)
    # The program is not installed where the tests run.
    rest = [line for line in done.stderr.decode().splitlines()
            if "tael.service" in line and "is not executable" not in line]
    expect(not rest, rest)


def the_dashboard_asks_for_what_there_is():
    with open(os.path.join(ROOT, "packaging/grafana.json"), encoding="utf-8") as file:
        board = json.load(file)
    with Server() as server:
        server.chat("plain")
        text = server.get("/metrics").body.decode()
    known = set(re.findall(r"^(tael_\w+)", text, re.M))
    asked = {name for panel in board["panels"] for target in panel["targets"]
             for name in re.findall(r"tael_\w+", target["expr"])}
    expect(asked and asked <= known, asked - known)


def a_prometheus_scrapes():
    if not shutil.which("prometheus"):
        raise Skip("prometheus is not installed: scripts/install_deps.sh --test")
    with Server() as server:
        server.chat("long")
        config = server.home.file("prometheus.yml", f"""global: {{scrape_interval: 1s}}
scrape_configs:
- job_name: tael
  static_configs: [{{targets: ["127.0.0.1:{server.port}"]}}]
""")
        port = free_port()
        process = subprocess.Popen(["prometheus", f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}",
                                    f"--storage.tsdb.path={server.home.path}/tsdb"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            def value(query):
                url = f"http://127.0.0.1:{port}/api/v1/query?query={query}"
                try:
                    with urllib.request.urlopen(url, timeout=5) as answer:
                        found = json.load(answer)["data"]["result"]
                except OSError:
                    return None
                return float(found[0]["value"][1]) if found else None

            end = time.monotonic() + 60
            while value("tael_completion_tokens_total") != 101.0 and time.monotonic() < end:
                time.sleep(0.3)
            expect(value("up") == 1.0 and value("tael_completion_tokens_total") == 101.0, server.log)
            expect(value("tael_first_token_seconds_count") == 1.0)
        finally:
            process.terminate()
            process.wait(30)
            process.stderr.close()


main([packages_hold_a_program_that_runs, the_unit_is_one, the_dashboard_asks_for_what_there_is, a_prometheus_scrapes])
