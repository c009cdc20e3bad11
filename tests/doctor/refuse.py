"""Runs a program whose kernel lacks something: refuse.py CALL[,ARGUMENT=VALUE ...] ... -- PROGRAM ARGUMENTS ...

Each CALL (its number on this architecture) with these values of its arguments (from 0, the lower 32 bits) answers ENOSYS, by a filter of seccomp.
"""
import ctypes
import os
import struct
import sys

LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ENOSYS = 0x7FFF0000, 0x00050000 | 38
NUMBER, ARGUMENTS = 0, 16
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, FILTER = 38, 22, 2

end = sys.argv.index("--")
program = []
for refused in sys.argv[1:end]:
    call, *arguments = refused.split(",")
    conditions = [(NUMBER, int(call))]
    conditions += [(ARGUMENTS + 8 * int(one.split("=")[0]), int(one.split("=")[1])) for one in arguments]
    for at, (offset, value) in enumerate(conditions):
        # If it is another, over the rest of this call and its answer.
        program += [(LOAD, 0, 0, offset), (EQUAL, 0, 2 * (len(conditions) - at) - 1, value)]
    program.append((RETURN, 0, 0, ENOSYS))
program.append((RETURN, 0, 0, ALLOW))

code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in program))


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]


library = ctypes.CDLL(None, use_errno=True)
filled = Program(len(program), ctypes.addressof(code))
assert library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
assert library.prctl(PR_SET_SECCOMP, FILTER, ctypes.byref(filled)) == 0, os.strerror(ctypes.get_errno())
os.execvp(sys.argv[end + 1], sys.argv[end + 1 :])
