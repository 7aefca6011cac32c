"""Start-up and idle cost of Grace, beside what the same Ray with one empty Serve deployment costs (the floor under it).

    python bench/startup.py [--idle-s 20]

Times are wall-clock seconds; CPU is the share of one core; memory is the proportional set size (PSS) of all processes.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from actors.free_ports import free_port
from bench.house import cpu_s, grace_environment, tree, wait_for, write_json

BARE = """
import os, sys, time
import ray
from ray import serve
ray.init(address="local", num_cpus=os.cpu_count(), include_dashboard=True, dashboard_port={dashboard},
         log_to_driver=False, object_store_memory=200 * 2**20, _temp_dir={folder!r})
@serve.deployment(ray_actor_options={{"num_cpus": 0}})
class Hello:
    def __call__(self, request):
        return "hello"
serve.start(http_options={{"host": "127.0.0.1", "port": {port}}})
serve.run(Hello.bind(), name="hello", route_prefix="/")
time.sleep(600)
"""


def idle(pid: int, seconds: float) -> dict[str, float]:
    """Return the share of a core and the PSS (MB) of a process tree that nobody asks anything."""
    time.sleep(5.0)  # what starting leaves behind
    processes = tree(pid)
    before = cpu_s(processes)
    time.sleep(seconds)
    share = (cpu_s(processes) - before) / seconds
    pss = sum(process.memory_full_info().pss for process in tree(pid)) / 2**20
    return {"idle_cpu_percent": round(100 * share, 1), "pss_mb": round(pss), "processes": len(processes)}


def measure_grace(idle_s: float) -> dict[str, float]:
    """Start Grace as a user would, in a home of its own."""
    with tempfile.TemporaryDirectory() as home:
        environment = grace_environment(Path(home))
        port = environment["GRACE_HTTP_PORT"]
        start = time.monotonic()
        keeper = subprocess.Popen(
            [sys.executable, "-m", "grace_ray.cli.main", "up"], env=environment, stdout=subprocess.DEVNULL
        )
        try:
            page = wait_for(f"http://127.0.0.1:{port}/", {200}) - start
            ready = wait_for(f"http://127.0.0.1:{port}/readyz", {200}) - start
            result = {"first_page_s": round(page, 1), "ready_s": round(ready, 1), **idle(keeper.pid, idle_s)}
            stopping = time.monotonic()
        finally:
            keeper.terminate()
            keeper.wait(20)
        return {**result, "stop_s": round(time.monotonic() - stopping, 1)}


def measure_bare(idle_s: float) -> dict[str, float]:
    """Start Ray with one empty deployment in the same environment that Grace gives Ray."""
    from actors.node import ray_environment
    from grace_ray.settings import load

    folder = tempfile.mkdtemp(prefix="bare-")
    port = free_port()
    settings = load(home=folder)
    (settings.home / "ray_token").write_text("bench" * 8)
    environment = {**os.environ, **ray_environment(settings)}
    start = time.monotonic()
    code = BARE.format(dashboard=free_port(), folder=folder, port=port)
    driver = subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.DEVNULL)
    try:
        ready = wait_for(f"http://127.0.0.1:{port}/", {200}) - start
        return {"first_page_s": round(ready, 1), "ready_s": round(ready, 1), **idle(driver.pid, idle_s)}
    finally:
        driver.terminate()
        driver.wait(20)
        time.sleep(3.0)
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Measure both, print a table with ratios, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--idle-s", type=float, default=20.0)
    idle_s = parser.parse_args().idle_s
    bare, grace = measure_bare(idle_s), measure_grace(idle_s)
    print(f"{'':<18}{'bare Ray + Serve':>18}{'Grace':>10}{'ratio':>8}{'floor':>8}{'goal':>8}")
    bounds = {
        "first_page_s": ("", "3"),
        "ready_s": ("25", "13"),
        "idle_cpu_percent": ("15", "8"),
        "pss_mb": ("1900", "1200"),
    }
    for name, value in grace.items():
        floor, goal = bounds.get(name, ("", ""))
        peer = bare.get(name)
        ratio = f"{value / peer:.2f}" if peer else ""
        print(f"{name:<18}{peer if peer is not None else '':>18}{value:>10}{ratio:>8}{floor:>8}{goal:>8}")
    write_json("startup", {"bare": bare, "grace": grace})


if __name__ == "__main__":
    main()
