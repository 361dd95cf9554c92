# SPDX-License-Identifier: BSD-3-Clause
"""
A kernel and an initramfs for the guests.

The kernel is Debian's linux-image-cloud: downloaded, never installed, unpacked into a cache folder.
The initramfs holds busybox, the few modules the tests need, ip, tc and ethtool with their libraries,
the programs of guest/*.c, and guest/init, which answers commands of the host.
"""

import fcntl
import glob
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time

from .process import RigError

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
META_PACKAGE = "linux-image-cloud-amd64"
UNUSED_S = 7 * 86400  # after that an image of other sources goes

# Loaded by init, and those a test asks for with `load NAME`.
BOOT_MODULES = ["virtio_pci", "virtio_console", "virtio_net"]
MORE_MODULES = ["bonding", "bridge", "8021q", "sch_ingress", "act_gact", "cls_flower", "cls_matchall"]
TOOLS = ["ip", "tc", "ethtool"]
SCRIPTS = ["init", "agent", "lib.sh"]
PROGRAMS = ["transfer", "probe", "raw", "reflect"]


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "bondfwd", "guest")


def _command(*argv, cwd=None):
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, env=dict(os.environ, LC_ALL="C"))
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise RigError(f"{' '.join(argv)}: " + (lines[-1] if lines else f"status {done.returncode}"))
    return done.stdout


def _kernel_package():
    """The versioned package behind the meta package, e.g. linux-image-6.1.0-50-cloud-amd64."""
    depends = _command("apt-cache", "depends", META_PACKAGE)
    found = re.findall(r"Depends: (linux-image-\S+)", depends)
    if not found:
        raise RigError(f"{META_PACKAGE}: apt knows no kernel for it (run apt-get update)")
    return found[0]


class Image:
    """Paths of a kernel and an initramfs that fit together."""

    def __init__(self, kernel, initrd, version):
        self.kernel = kernel
        self.initrd = initrd
        self.version = version


def image(say=lambda text: None):
    """Return the Image; downloads and builds what the cache does not have."""
    cache = cache_folder()
    os.makedirs(cache, exist_ok=True)
    with open(os.path.join(cache, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        tree = _cached_tree(cache) or _fetch_tree(cache, say)
        kernel, modules = _inspect(tree)
        version = os.path.basename(modules)
        return Image(kernel, _initramfs(cache, tree, version, say), version)


def _cached_tree(cache):
    """The newest unpacked kernel in the cache; no network is needed when there is one."""
    trees = glob.glob(os.path.join(cache, "linux-image-*"))
    return max(trees, key=os.path.getmtime) if trees else None


def _fetch_tree(cache, say):
    package = _kernel_package()
    say(f"downloading {package}")
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=cache) as work:
        try:
            _command("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", package, cwd=work)
        except RigError as error:
            raise RigError(f"cannot download {package}: {error} (is apt-get update needed?)") from None
        tree = os.path.join(work, package)
        _command("dpkg-deb", "-x", glob.glob(os.path.join(work, "*.deb"))[0], tree)
        _, modules = _inspect(tree)
        # modprobe -d and depmod -b look in lib/modules; newer packages ship usr/lib/modules.
        if not os.path.isdir(os.path.join(tree, "lib")):
            os.symlink("usr/lib", os.path.join(tree, "lib"))
        _command("depmod", "-b", tree, os.path.basename(modules))
        for name in ("usr/share", "boot/System.map-" + os.path.basename(modules)):
            path = os.path.join(tree, name)
            if os.path.isdir(path):
                shutil.rmtree(path)
            elif os.path.exists(path):
                os.unlink(path)
        final = os.path.join(cache, package)
        os.rename(tree, final)
    return final


def _inspect(tree):
    kernels = glob.glob(os.path.join(tree, "boot", "vmlinuz-*"))
    modules = [path for pattern in ("lib/modules/*", "usr/lib/modules/*")
               for path in glob.glob(os.path.join(tree, pattern))]
    if not kernels or not modules:
        raise RigError(f"{tree}: no kernel or no modules in it; remove this folder and try again")
    return kernels[0], modules[0]


def _module_files(tree, version, name):
    """The .ko files modprobe would load for this module, in order."""
    listing = _command("modprobe", "-d", tree, "-S", version, "--show-depends", name)
    return [line.split()[1] for line in listing.splitlines() if line.startswith("insmod ")]


def _tool_path(name):
    path = shutil.which(name, path="/usr/sbin:/sbin:/usr/bin:/bin")
    if not path:
        raise RigError(f"{name}: not found; the rig needs the packages that scripts/quickstart installs")
    return path


def _libraries(binary):
    """The shared libraries (and the loader) of one binary."""
    listing = _command("ldd", binary)
    return sorted(set(re.findall(r"(/\S+) \(0x", listing)))


def _stamp(paths, *words):
    """A short name that changes when one of the inputs does; checkouts with the same sources share it."""
    digest = hashlib.sha256(repr(words).encode())
    for path in paths:
        with open(path, "rb") as file:
            digest.update(f"{os.path.basename(path)} {os.fstat(file.fileno()).st_size} ".encode() + file.read())
    return digest.hexdigest()[:16]


def _remove_unused(cache):
    """Images that nobody asked for in a while; machines of another checkout may still be started from the others."""
    for old in glob.glob(os.path.join(cache, "initramfs-*.cpio")):
        if os.stat(old).st_mtime < time.time() - UNUSED_S:
            os.unlink(old)


def _initramfs(cache, tree, version, say):
    busybox = _tool_path("busybox")
    tools = [_tool_path(name) for name in TOOLS]
    sources = [os.path.join(HERE, "guest", name) for name in SCRIPTS]
    sources += [os.path.join(HERE, "guest", f"{name}.c") for name in PROGRAMS]
    inputs = [busybox, *tools, *sources, os.path.abspath(__file__)]
    final = os.path.join(cache, f"initramfs-{version}-{_stamp(inputs)}.cpio")
    if os.path.exists(final):
        os.utime(final)
        return final
    say("building the guests' initramfs")
    with tempfile.TemporaryDirectory(prefix="initramfs-", dir=cache) as work:
        root = os.path.join(work, "root")
        _fill(root, tree, version, busybox, tools)
        made = os.path.join(work, "initramfs.cpio")
        # Not compressed: unpacking costs more than loading under emulation.
        with open(made, "wb") as out:
            names = _command("find", ".", cwd=root)
            subprocess.run(["cpio", "--quiet", "-o", "-H", "newc", "-R", "0:0"], input=names.encode(),
                           stdout=out, cwd=root, check=True)
        _remove_unused(cache)
        os.rename(made, final)
    return final


def _fill(root, tree, version, busybox, tools):
    for name in ("bin", "tools", "proc", "sys", "dev", "run", "tmp", "lib/modules"):
        os.makedirs(os.path.join(root, name))
    shutil.copy(busybox, os.path.join(root, "bin/busybox"))
    os.symlink("busybox", os.path.join(root, "bin/sh"))
    for source in tools:
        _copy_in(root, os.path.realpath(source), "/tools/" + os.path.basename(source))
        for library in _libraries(source):
            _copy_in(root, os.path.realpath(library), library)
    for name in PROGRAMS:
        _command("gcc", "-O2", "-static", "-o", os.path.join(root, "tools", name),
                 os.path.join(HERE, "guest", f"{name}.c"))
    for name in SCRIPTS:
        target = os.path.join(root, "lib" if name.endswith(".sh") else "", name)
        shutil.copy(os.path.join(HERE, "guest", name), target)
        os.chmod(target, 0o755)
    for name in BOOT_MODULES + MORE_MODULES:
        files = _module_files(tree, version, name)
        for path in files:
            _copy_module(path, os.path.join(root, "lib/modules"))
        with open(os.path.join(root, f"lib/modules/{name}.list"), "w") as file:
            file.write("".join(f"{_module_name(path)}\n" for path in files))
    with open(os.path.join(root, "lib/modules/boot"), "w") as file:
        file.write("".join(f"{name}\n" for name in BOOT_MODULES))


def _copy_in(root, source, name):
    target = root + name
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copy(source, target)


def _module_name(path):
    return re.sub(r"\.ko(\.\w+)?$", ".ko", os.path.basename(path))


def _copy_module(path, folder):
    """Copy a module, unpacked: insmod then needs no decompressor."""
    target = os.path.join(folder, _module_name(path))
    unpack = {".xz": ["xz", "-dc"], ".zst": ["zstd", "-dc"], ".gz": ["gzip", "-dc"]}
    command = unpack.get(os.path.splitext(path)[1], ["cat"])
    with open(target, "wb") as out:
        subprocess.run([*command, path], stdout=out, check=True)
