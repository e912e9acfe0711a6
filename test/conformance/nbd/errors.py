"""What a server must refuse, sent by libnbd with its own checks switched off. Usage: errors.py URI SIZE"""
import errno
import sys

import nbd

uri, size = sys.argv[1], int(sys.argv[2])


def connect(structured=True, context=True):
    h = nbd.NBD()
    h.set_uri_allow_local_file(True)
    h.set_request_structured_replies(structured)
    if context:
        h.add_meta_context(nbd.CONTEXT_BASE_ALLOCATION)
    h.connect_uri(uri)
    h.set_strict_mode(0)
    return h


def refuses(name, want, call):
    try:
        call()
    except nbd.Error as error:
        got = errno.errorcode.get(error.errnum, error.errnum)
        assert got == want, f"{name}: {got} instead of {want}"
    else:
        raise AssertionError(f"{name}: was served")
    print("refused:", name)


extent = lambda *args: 0

for structured in (True, False):
    h = connect(structured)
    assert h.get_structured_replies_negotiated() == structured
    refuses("read past the end", "EINVAL", lambda: h.pread(512, size - 1))
    refuses("read at the end", "EINVAL", lambda: h.pread(1, size))
    refuses("read far away", "EINVAL", lambda: h.pread(512, 2**62))
    refuses("read too long", "EINVAL", lambda: h.pread(33 * 1024 * 1024, 0))
    refuses("write past the end", "ENOSPC", lambda: h.pwrite(bytes(512), size - 1))
    refuses("write too long", "EINVAL", lambda: h.pwrite(bytes(33 * 1024 * 1024), 0))
    refuses("trim past the end", "EINVAL", lambda: h.trim(512, size - 1))
    refuses("zero past the end", "ENOSPC", lambda: h.zero(512, size - 1))
    refuses("cache past the end", "EINVAL", lambda: h.cache(512, size - 1))
    refuses("an unknown flag", "EINVAL", lambda: h.pread(512, 0, flags=0x80))
    refuses("a flag of another command", "EINVAL", lambda: h.pwrite(bytes(512), 0, flags=nbd.CMD_FLAG_NO_HOLE))
    refuses("fast zero within a block", "ENOTSUP", lambda: h.zero(100, 1, flags=nbd.CMD_FLAG_FAST_ZERO))
    if structured:
        refuses("status past the end", "EINVAL", lambda: h.block_status(512, size - 1, extent))
        refuses("status of nothing", "EINVAL", lambda: h.block_status(0, 0, extent))
    else:
        refuses("unfragmented without structured replies", "EINVAL", lambda: h.pread(512, 0, flags=nbd.CMD_FLAG_DF))
    # The connection is still good, and every flag that is offered is taken.
    h.pwrite(b"x" * 512, 1, flags=nbd.CMD_FLAG_FUA)
    assert h.pread(512, 1, flags=nbd.CMD_FLAG_DF if structured else 0) == b"x" * 512
    h.zero(4096, 0, flags=nbd.CMD_FLAG_FUA | nbd.CMD_FLAG_NO_HOLE)
    h.zero(4096, 0, flags=nbd.CMD_FLAG_FAST_ZERO)
    h.trim(4096, 0, flags=nbd.CMD_FLAG_FUA)
    h.cache(4096, 0)
    h.flush()
    assert h.pread(0, 0) == b""
    h.shutdown()

h = connect(context=False)
refuses("status without its context", "EINVAL", lambda: h.block_status(512, 0, extent))
h.shutdown()

# Option by option, as a person does in nbdsh.
h = nbd.NBD()
h.set_uri_allow_local_file(True)
h.set_opt_mode(True)
h.connect_uri(uri)
names = []
h.opt_list(lambda name, description: names.append(name))
assert len(names) == 1, names
h.set_export_name("no-such-export")
refuses("information about another export", "ENOENT", h.opt_info)
refuses("another export", "ENOENT", h.opt_go)
h.set_export_name("")
h.opt_info()
assert h.get_size() == size
h.set_full_info(True)
h.opt_go()
assert h.get_canonical_export_name() == names[0]
h.shutdown()
