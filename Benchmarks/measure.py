"""Runs a command and prints what it and everything that it started used: user+system seconds, and the wall seconds until the command itself ended.
usage: measure.py [--worker PID] NAME COMMAND...     Processes that outlive the command are waited for, and counted.
--worker: what this process, and those that it starts, use meanwhile is counted too. Its children are waited for, half a minute at most."""
import ctypes, os, resource, subprocess, sys, time

PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def stat(pid):
    """Its parent, and the seconds that it and its ended children used (proc(5), fields 4 and 14 to 17)."""
    fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
    return int(fields[1]), sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def children(pid):
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if stat(name)[0] == pid:
                found.append(int(name))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def settled(pid):
    """What it has used, when all that it started has ended."""
    for _ in range(300):
        if not children(pid):
            return stat(pid)[1]
        time.sleep(0.1)
    sys.exit(f"processes that {pid} started did not end")


# Whatever ran in this process before Python did (a wrapper of python3 is a shell script) has left what its children used.
earlier = resource.getrusage(resource.RUSAGE_CHILDREN)
arguments = sys.argv[1:]
worker = None
if arguments[0] == "--worker":
    worker, arguments = int(arguments[1]), arguments[2:]
name, command = arguments[0], arguments[1:]
before = settled(worker) if worker else 0
began = time.monotonic()
done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
wall = time.monotonic() - began
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
used = resource.getrusage(resource.RUSAGE_CHILDREN)
cpu = used.ru_utime + used.ru_stime - earlier.ru_utime - earlier.ru_stime + (settled(worker) - before if worker else 0)
if done.returncode:
    sys.exit(f"{name} failed: {done.stdout}")
print(f"{name:<34} cpu {cpu:7.2f} s   wall {wall:7.2f} s")
