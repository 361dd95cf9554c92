# SPDX-License-Identifier: BSD-3-Clause
"""
python3 plain_fpu.py COMMAND...: run a User Mode Linux that knows processors without AMX only.

It asks the kernel for the whole floating point state of its processes (PTRACE_GETREGSET, NT_X86_XSTATE),
which with AMX is longer than its buffer: it can then never write it back, and panics. Refused that
request, it takes the plain state, as on old processors; its programs must then not use AVX, whose registers
are not kept.
"""

import ctypes
import os
import struct
import sys

LD, JEQ, RET = 0x20, 0x15, 0x06  # linux/bpf_common.h
ALLOW, EINVAL = 0x7fff0000, 0x00050000 | 22  # SECCOMP_RET_...
X86_64, PTRACE, GETREGSET, XSTATE = 0xc000003e, 101, 0x4204, 0x202
ARCH, NUMBER, ARGUMENT0, ARGUMENT2 = 4, 0, 16, 32  # in struct seccomp_data
NO_NEW_PRIVS, SECCOMP, FILTER = 38, 22, 2  # of prctl()


def program():
    """Every step but the last: unlike what is expected, go to the end, which allows."""
    steps = [(ARCH, X86_64), (NUMBER, PTRACE), (ARGUMENT0, GETREGSET), (ARGUMENT2, XSTATE)]
    code = []
    for i, (offset, value) in enumerate(steps):
        left = 2 * (len(steps) - i - 1) + 1
        code += [(LD, 0, 0, offset), (JEQ, 0, left, value)]
    code += [(RET, 0, 0, EINVAL), (RET, 0, 0, ALLOW)]
    return b"".join(struct.pack("=HBBI", *step) for step in code)


def main(command):
    class Filter(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]
    code = program()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or \
            libc.prctl(SECCOMP, FILTER, ctypes.byref(Filter(len(code) // 8, code)), 0, 0) != 0:
        sys.exit(f"plain_fpu: prctl: {os.strerror(ctypes.get_errno())}")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
