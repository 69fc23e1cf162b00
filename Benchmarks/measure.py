"""Runs a command and prints what it and everything that it started used: user+system seconds, and the wall seconds until the command itself ended.
usage: measure.py NAME COMMAND...     Processes that outlive the command are waited for, and counted."""
import ctypes, os, resource, subprocess, sys, time

PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
began = time.monotonic()
done = subprocess.run(sys.argv[2:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
wall = time.monotonic() - began
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
used = resource.getrusage(resource.RUSAGE_CHILDREN)
if done.returncode:
    sys.exit(f"{sys.argv[1]} failed: {done.stdout}")
print(f"{sys.argv[1]:<34} cpu {used.ru_utime + used.ru_stime:7.2f} s   wall {wall:7.2f} s")
