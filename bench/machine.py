"""What is true of this machine while something is measured: processor, instruction sets, load, steal."""

import os
import platform
import resource
import time
from dataclasses import dataclass

# Those that decide how fast products of weights can be, in the order in which they came.
INSTRUCTION_SETS = ("sse4_2", "avx", "f16c", "fma", "avx2", "avx_vnni", "avx512f", "avx512bw", "avx512vl",
                    "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16",
                    "asimd", "asimddp", "asimdhp", "i8mm", "bf16", "sve", "sve2")
# The share of the machine's processor time that others may use beside a valid measurement.
MAX_DISTURBANCE = 0.05
# The kernel counts in hundredths of a second: shorter runs cannot be judged.
LEAST_SECONDS = 0.5


def cpu_fields(text: str) -> dict[str, str]:
    """The first value of every field of /proc/cpuinfo."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    return fields


def describe(cpuinfo: str) -> dict:
    """Name, instruction sets and caches of the processor that `cpuinfo` (/proc/cpuinfo) is about."""
    fields = cpu_fields(cpuinfo)
    flags = set((fields.get("flags") or fields.get("Features") or "").split())
    numbers = [f"{name} {fields[key]}" for name, key in
               (("family", "cpu family"), ("model", "model")) if key in fields]
    return {"cpu": fields.get("model name") or fields.get("CPU part") or "unknown",
            "cpu_numbers": " ".join(numbers),
            "instruction_sets": [name for name in INSTRUCTION_SETS if name in flags],
            "cache": fields.get("cache size", "")}


def facts() -> dict:
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as source:
        found = describe(source.read())
    found["processors"] = len(os.sched_getaffinity(0))
    found["kernel"] = platform.release()
    found["date"] = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    return found


@dataclass
class Ticks:
    """Processor seconds of the whole machine since it started."""

    busy: float
    stolen: float


def parse_ticks(text: str, hertz: float = 100.0) -> Ticks | None:
    """From /proc/stat, or None when its first line is another one."""
    words = text.split("\n", 1)[0].split()
    if len(words) < 9 or words[0] != "cpu":
        return None
    user, nice, system, _idle, _wait, irq, softirq, stolen = (int(word) / hertz for word in words[1:9])
    return Ticks(busy=user + nice + system + irq + softirq, stolen=stolen)


class Meter:
    """How much of the machine others, and other virtual machines, used since it was made. Children
    of this process count as its own work once they were waited for."""

    def __init__(self) -> None:
        self.start = self.now()
        self.load = os.getloadavg()[0]

    @staticmethod
    def now() -> tuple[float, float, Ticks | None]:
        own = sum(usage.ru_utime + usage.ru_stime for usage in
                  (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)))
        try:
            with open("/proc/stat", encoding="utf-8") as source:
                ticks = parse_ticks(source.read(), os.sysconf("SC_CLK_TCK"))
        except OSError:
            ticks = None
        return time.monotonic(), own, ticks

    def read(self) -> dict:
        """{"seconds", "others", "stolen", "valid"}: shares are None when they are not known."""
        (wall, own, before), (wall_now, own_now, after) = self.start, self.now()
        seconds = wall_now - wall
        result = {"seconds": round(seconds, 3), "load": self.load, "others": None, "stolen": None, "valid": False}
        if before is None or after is None or seconds <= 0:
            return result
        total = seconds * (os.cpu_count() or 1)
        others = max(0.0, (after.busy - before.busy) - (own_now - own)) / total
        stolen = max(0.0, after.stolen - before.stolen) / total
        result.update(others=round(others, 4), stolen=round(stolen, 4),
                      valid=seconds >= LEAST_SECONDS and max(others, stolen) <= MAX_DISTURBANCE)
        return result
