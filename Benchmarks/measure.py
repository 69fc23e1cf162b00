"""Runs a command and prints what it and everything that it started used: user+system seconds, and the wall seconds until the command itself ended.
usage: measure.py [--worker PID] NAME COMMAND...     Processes that outlive the command are waited for, and counted.
Lines of the command's that begin with `    of that ` are printed too.
--worker: what this process, and those that it started, use meanwhile and in the second after it is counted too."""
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


def used(pid):
    """What it has used with all that it started, whether that has ended or not."""
    try:
        return stat(pid)[1] + sum(map(used, children(pid)))
    except (FileNotFoundError, ProcessLookupError):
        # It ends just now, and its parent has its time.
        return 0


# Whatever ran in this process before Python did (a wrapper of python3 is a shell script) has left what its children used.
earlier = resource.getrusage(resource.RUSAGE_CHILDREN)
arguments = sys.argv[1:]
worker = None
if arguments[0] == "--worker":
    worker, arguments = int(arguments[1]), arguments[2:]
name, command = arguments[0], arguments[1:]
before = used(worker) if worker else 0
began = time.monotonic()
done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
wall = time.monotonic() - began
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
ended = resource.getrusage(resource.RUSAGE_CHILDREN)
cpu = ended.ru_utime + ended.ru_stime - earlier.ru_utime - earlier.ru_stime
if worker:
    # What its processes still do about the job is the job's.
    time.sleep(1)
    cpu += used(worker) - before
if done.returncode:
    sys.exit(f"{name} failed: {done.stdout}")
print(f"{name:<34} cpu {cpu:7.2f} s   wall {wall:7.2f} s")
print("".join(line for line in done.stdout.splitlines(True) if line.startswith("    of that ")), end="")
